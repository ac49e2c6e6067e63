/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * disk.c - see disk.h
 *
 * An object is a file or a directory as it was made; numbers of inodes are used again, so each record is tied to its
 * object when the log is loaded.  A state is built anew from the first one for each cut: what is durable is applied
 * as it is, the rest as far as `how` and `seed` say.
 */
#include "tests/power/disk_room.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#define FOREVER UINT64_MAX

static void *grown(void *array, size_t n, size_t item)
{
	void *more = n & (n - 1) ? array : realloc(array, (n ? 2 * n : 1) * item);

	NEED(more);
	return more;
}

static size_t new_object(struct disk *d, uint64_t ino, bool directory)
{
	d->objects = grown(d->objects, d->n_objects, sizeof(*d->objects));
	d->objects[d->n_objects] = (struct object){.ino = ino, .directory = directory};
	return d->n_objects++;
}

/* The newest with that number. */
static size_t find_object(const struct disk *d, uint64_t ino)
{
	for (size_t i = d->n_objects; i-- > 0;)
		if (d->objects[i].ino == ino)
			return i;
	return NO_OBJECT;
}

/* ---- what is there at first ---- */

uint8_t *disk_read_file(const char *path, uint64_t *ret_bytes)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t *content;
	size_t done = 0;

	NEED(fd >= 0 && !fstat(fd, &st));
	content = malloc((size_t)st.st_size + 1);
	NEED(content);
	while (done < (size_t)st.st_size) {
		ssize_t n = pread(fd, content + done, (size_t)st.st_size - done, (off_t)done);

		NEED(n > 0);
		done += (size_t)n;
	}
	close(fd);
	content[done] = '\0';
	*ret_bytes = done;
	return content;
}

static void take(struct disk *d, size_t dir, const char *path)
{
	DIR *directory = opendir(path);
	struct dirent *entry;

	NEED(directory);
	while ((entry = readdir(directory))) {
		char child[PATH_MAX];
		struct stat st;
		size_t object;

		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		snprintf(child, sizeof(child), "%s/%s", path, entry->d_name);
		NEED(!lstat(child, &st) && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)));
		object = find_object(d, st.st_ino);
		if (object == NO_OBJECT) {
			object = new_object(d, st.st_ino, S_ISDIR(st.st_mode));
			if (S_ISDIR(st.st_mode))
				take(d, object, child);
			else
				d->objects[object].first = disk_read_file(child, &d->objects[object].first_bytes);
			d->objects[object].most_bytes = d->objects[object].first_bytes;
		}
		d->first = grown(d->first, d->n_first, sizeof(*d->first));
		d->first[d->n_first++] = (struct name){dir, object, strdup(entry->d_name)};
	}
	closedir(directory);
}

struct disk *disk_open(const char *root, const char *keep, enum disk_begun begun)
{
	struct disk *d = calloc(1, sizeof(*d));
	struct stat st;

	NEED(d && !stat(root, &st));
	d->root = strdup(root);
	d->keep = strdup(keep);
	new_object(d, st.st_ino, true);
	if (begun == DISK_AS_IT_IS)
		take(d, 0, root);
	return d;
}

/* ---- the log ---- */

static void bind(struct disk *d, struct step *s)
{
	const struct power_record *r = &s->r;
	uint64_t end = r->op == POWER_WRITE			      ? r->offset + r->data_bytes :
		       r->op == POWER_TRUNCATE || r->op == POWER_GROW ? r->offset :
									0;

	if (r->op == POWER_CREATE || r->op == POWER_MKDIR)
		s->object = new_object(d, r->ino, r->op == POWER_MKDIR);
	else
		s->object = find_object(d, r->ino);
	s->dir = find_object(d, r->dir);
	s->dir2 = find_object(d, r->dir2);
	if (s->object != NO_OBJECT && d->objects[s->object].most_bytes < end)
		d->objects[s->object].most_bytes = end;
}

void disk_load(struct disk *d, const char *log)
{
	uint64_t bytes, at = 0;
	char image[PATH_MAX];

	d->log = disk_read_file(log, &bytes);
	while (at < bytes) {
		struct step s;

		NEED(bytes - at >= sizeof(s.r));
		memcpy(&s.r, d->log + at, sizeof(s.r));
		at += sizeof(s.r);
		s.name = strndup((char *)d->log + at, s.r.name_bytes);
		s.name2 = strndup((char *)d->log + at + s.r.name_bytes, s.r.name2_bytes);
		at += s.r.name_bytes + s.r.name2_bytes;
		s.data = d->log + at;
		at += s.r.data_bytes;
		NEED(at <= bytes);
		bind(d, &s);
		d->steps = grown(d->steps, d->n_steps, sizeof(*d->steps));
		d->steps[d->n_steps++] = s;
	}
	d->durable = calloc(d->n_objects, sizeof(*d->durable));
	NEED(d->durable);
	snprintf(image, sizeof(image), "%s/image", d->root);
	if (access(d->keep, F_OK))
		NEED(!link(image, d->keep) || errno == ENOENT);
}

size_t disk_records(const struct disk *d) { return d->n_steps; }

const struct power_record *disk_record(const struct disk *d, size_t i, const char **ret_data)
{
	*ret_data = (const char *)d->steps[i].data;
	return &d->steps[i].r;
}

/* ---- what is durable, and what of the rest is there ---- */

static void find_durable(struct disk *d)
{
	memset(d->durable, 0, d->n_objects * sizeof(*d->durable));
	for (size_t i = 0; i < d->cut->at; i++) {
		const struct step *s = &d->steps[i];

		if (s->r.op == POWER_FSYNC && s->object != NO_OBJECT)
			d->durable[s->object] = i + 1;
		for (size_t o = 0; s->r.op == POWER_SYNC && o < d->n_objects; o++)
			d->durable[o] = i + 1;
	}
}

static bool is_data(uint32_t op)
{
	return op == POWER_WRITE || op == POWER_TRUNCATE || op == POWER_ZERO || op == POWER_GROW;
}

static bool is_name(uint32_t op)
{
	return op == POWER_CREATE || op == POWER_MKDIR || op == POWER_LINK || op == POWER_UNLINK || op == POWER_RENAME;
}

static size_t pending_object(const struct disk *d, const size_t *durable, size_t i)
{
	const struct step *s = &d->steps[i];
	size_t o = is_data(s->r.op) ? s->object : is_name(s->r.op) ? s->dir : NO_OBJECT;

	if (o != NO_OBJECT && i >= durable[o] && !(s->r.op == POWER_RENAME && i < durable[s->dir2]))
		return o;
	return NO_OBJECT;
}

bool disk_has_pending(const struct disk *d, size_t at)
{
	const struct disk_cut cut = {.at = at};
	struct disk look = *d;

	look.cut = &cut;
	look.durable = calloc(d->n_objects, sizeof(*look.durable));
	NEED(look.durable);
	find_durable(&look);
	for (size_t i = 0; i < at; i++)
		if (pending_object(d, look.durable, i) != NO_OBJECT) {
			free(look.durable);
			return true;
		}
	free(look.durable);
	return false;
}

/* One of the objects that have something pending. */
static size_t choose_one(const struct disk *d)
{
	size_t chosen = NO_OBJECT, n = 0;

	for (size_t i = 0; i < d->cut->at; i++) {
		size_t o = pending_object(d, d->durable, i);

		if (o != NO_OBJECT && disk_hash(d->cut->seed, 77, o) >> 1 > n) {
			n = disk_hash(d->cut->seed, 77, o) >> 1;
			chosen = o;
		}
	}
	return chosen;
}

/* The time (record + 1) as of which a part of an object is on the disk; part: sector, or FOREVER for its length. */
static uint64_t time_of(const struct disk *d, size_t object, uint64_t part)
{
	uint64_t h = disk_hash(d->cut->seed, object + 1000, part), file = disk_hash(d->cut->seed, object, 5) % 5;
	uint64_t from = d->durable[object], some = from + h / 8 % (d->cut->at - from + 1);

	switch (d->cut->how) {
	case DISK_ALL:
	case DISK_DATA:
		return FOREVER;
	case DISK_NONE:
		return 0;
	case DISK_SIZES:
		return part == FOREVER ? FOREVER : 0;
	case DISK_BUT_ONE:
		return object == d->one ? 0 : FOREVER;
	case DISK_ONLY_ONE:
		return object == d->one ? FOREVER : 0;
	case DISK_PREFIXES:
		return from + disk_hash(d->cut->seed, object, 9) % (d->cut->at - from + 1);
	default:
		break;
	}
	/* Some files have much of it, some little. */
	if (file == 0 ? h % 8 < 7 : file == 1 ? h % 8 < 1 : h % 8 < 3)
		return FOREVER;
	return h % 8 < 5 ? 0 : some;
}

static bool name_is_there(const struct disk *d, size_t i)
{
	const struct step *s = &d->steps[i];

	switch (d->cut->how) {
	case DISK_ALL:
	case DISK_SIZES:
		return true;
	case DISK_NONE:
	case DISK_DATA:
		return false;
	case DISK_BUT_ONE:
		return s->dir != d->one;
	case DISK_ONLY_ONE:
		return s->dir == d->one;
	case DISK_PREFIXES:
		return i < time_of(d, s->dir, 0);
	default:
		return disk_hash(d->cut->seed, 3, i) % 8 < disk_hash(d->cut->seed, 4, s->dir) % 9;
	}
}

/* ---- names ---- */

struct name *disk_name_at(struct disk *d, size_t dir, const char *name)
{
	for (size_t i = 0; i < d->n_names; i++)
		if (d->names[i].dir == dir && !strcmp(d->names[i].name, name))
			return &d->names[i];
	d->names = grown(d->names, d->n_names, sizeof(*d->names));
	d->names[d->n_names] = (struct name){dir, NO_OBJECT, strdup(name)};
	return &d->names[d->n_names++];
}

static bool holds_names(const struct disk *d, size_t object)
{
	for (size_t i = 0; i < d->n_names; i++)
		if (d->names[i].dir == object && d->names[i].object != NO_OBJECT)
			return true;
	return false;
}

static void apply_name(struct disk *d, const struct step *s)
{
	size_t was, other;

	switch (s->r.op) {
	case POWER_CREATE:
	case POWER_MKDIR:
	case POWER_LINK:
		disk_name_at(d, s->dir, s->name)->object = s->object;
		break;
	case POWER_UNLINK:
		disk_name_at(d, s->dir, s->name)->object = NO_OBJECT;
		break;
	default:
		was = disk_name_at(d, s->dir, s->name)->object;
		other = disk_name_at(d, s->dir2, s->name2)->object;
		disk_name_at(d, s->dir2, s->name2)->object = was;
		disk_name_at(d, s->dir, s->name)->object = s->r.offset ? other : NO_OBJECT;
	}
}

struct blocked {
	size_t dir;
	const char *name;
};

static bool is_blocked(const struct blocked *b, size_t n, size_t dir, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (b[i].dir == dir && !strcmp(b[i].name, name))
			return true;
	return false;
}

static void build_names(struct disk *d)
{
	struct blocked *blocked = calloc(2 * d->cut->at + 1, sizeof(*blocked));
	size_t n = 0;

	NEED(blocked);
	for (size_t i = 0; i < d->n_first; i++)
		disk_name_at(d, d->first[i].dir, d->first[i].name)->object = d->first[i].object;
	for (size_t i = 0; i < d->cut->at; i++) {
		const struct step *s = &d->steps[i];
		bool rename = s->r.op == POWER_RENAME, pending, there;

		if (!is_name(s->r.op) || s->dir == NO_OBJECT)
			continue;
		pending = pending_object(d, d->durable, i) != NO_OBJECT;
		there = !pending || (name_is_there(d, i) && !is_blocked(blocked, n, s->dir, s->name) &&
				     !(rename && is_blocked(blocked, n, s->dir2, s->name2)));
		if (there && pending && s->r.op == POWER_UNLINK && s->object != NO_OBJECT &&
		    d->objects[s->object].directory)
			there = !holds_names(d, s->object);
		if (there) {
			apply_name(d, s);
			continue;
		}
		blocked[n++] = (struct blocked){s->dir, s->name};
		if (rename)
			blocked[n++] = (struct blocked){s->dir2, s->name2};
	}
	free(blocked);
}

/* ---- content ---- */

static void put_bytes(struct content *c, uint64_t at, const uint8_t *data, uint64_t n)
{
	if (data)
		memcpy(c->bytes + at, data, n);
	else
		memset(c->bytes + at, 0, n);
}

/* [from, to) becomes data (NULL: zeros), each sector if it is there as of record i. */
static void apply_range(const struct disk *d, struct content *c, size_t i, uint64_t from, uint64_t to,
			const uint8_t *data)
{
	bool durable = i < d->durable[c->object];

	if (durable && from < to) {
		put_bytes(c, from, data, to - from);
		return;
	}
	for (uint64_t at = from; at < to;) {
		uint64_t sector = at / d->sector_bytes, end = (sector + 1) * d->sector_bytes;

		if (end > to)
			end = to;
		if (i < time_of(d, c->object, sector))
			put_bytes(c, at, data ? data + (at - from) : NULL, end - at);
		else if (d->garbage && data)
			for (uint64_t k = at > c->length ? at : c->length; k < end; k++)
				c->bytes[k] = (uint8_t)(c->bytes[k] | 0xa5);
		at = end;
	}
}

static void apply_data(const struct disk *d, struct content *c, size_t i, uint64_t length_time)
{
	const struct step *s = &d->steps[i];
	uint64_t end = s->r.offset, length = c->length;

	switch (s->r.op) {
	case POWER_WRITE:
		end += s->r.data_bytes;
		apply_range(d, c, i, s->r.offset, end, s->data);
		length = end > length ? end : length;
		break;
	case POWER_TRUNCATE:
		apply_range(d, c, i, end, c->capacity, NULL);
		length = end;
		break;
	case POWER_ZERO:
		end += s->r.length;
		apply_range(d, c, i, s->r.offset, end < c->capacity ? end : c->capacity, NULL);
		break;
	default:
		length = end > length ? end : length;
	}
	if (i < d->durable[c->object] || i < length_time)
		c->length = length;
}

void disk_build_content(const struct disk *d, struct content *c)
{
	const struct object *o = &d->objects[c->object];
	uint64_t length_time = time_of(d, c->object, FOREVER);

	c->capacity = o->most_bytes;
	c->bytes = calloc(1, c->capacity + 1);
	NEED(c->bytes);
	c->length = o->first_bytes;
	if (o->first_bytes)
		memcpy(c->bytes, o->first, o->first_bytes);
	for (size_t i = 0; i < d->cut->at; i++)
		if (d->steps[i].object == c->object && is_data(d->steps[i].r.op))
			apply_data(d, c, i, length_time);
}

/* ---- a state ---- */

void disk_begin_state(struct disk *d, const struct disk_cut *cut)
{
	d->cut = cut;
	d->sector_bytes = disk_hash(cut->seed, 1, 1) % 3 ? 512 : 4096;
	d->garbage = disk_hash(cut->seed, 2, 2) % 4 == 0;
	find_durable(d);
	d->one = choose_one(d);
	build_names(d);
}

void disk_end_state(struct disk *d)
{
	for (size_t i = 0; i < d->n_names; i++)
		free(d->names[i].name);
	free(d->names);
	d->names = NULL;
	d->n_names = 0;
}

void disk_free(struct disk *d)
{
	for (size_t i = 0; i < d->n_objects; i++)
		free(d->objects[i].first);
	for (size_t i = 0; i < d->n_first; i++)
		free(d->first[i].name);
	for (size_t i = 0; i < d->n_steps; i++) {
		union {
			const char *in;
			char *out;
		} name = {d->steps[i].name}, name2 = {d->steps[i].name2};

		free(name.out);
		free(name2.out);
	}
	free(d->objects);
	free(d->first);
	free(d->steps);
	free(d->durable);
	free(d->log);
	free(d->root);
	free(d->keep);
	free(d);
}
