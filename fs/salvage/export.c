/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is staged, given out: new and changed files whole, as they would be on the disc, with their directories.  What a
 * stage does not hold itself, the unchanged parts of a file, is read from the disc; where that is gone there are zeros,
 * and it is told.  Files that were only renamed are told, not copied.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "burner/format/bound.h"
#include "fs/salvage/internal.h"

#define PIECE_BYTES (1u << 20)

struct linked {
	uint64_t ino;
	const char *path;
};

struct export
{
	struct salvage *s;
	const struct salvage_tell *tell;
	struct archive_out *out;
	struct staged_list *list;
	const struct staged_dir **dirs; /* by path */
	bool *made;			/* of each */
	struct linked *linked;		/* files of several names that are out */
	size_t n_linked;
	uint8_t *buffer;
	uint64_t n_missing;
	char **ret_why;
};

static void miss(struct export *x, const char *path, const char *what)
{
	x->n_missing++;
	x->tell->missing(x->tell->context, path, what);
}

/* ---- content ---- */

/* [offset, offset + length) of what is one extent; *missing: bytes that are not there. */
static int read_extent(struct export *x, const struct extent *e, uint64_t offset, uint8_t *to, size_t length,
		       uint64_t *missing)
{
	uint64_t skip = offset - e->offset;
	int r = 0;

	memset(to, 0, length);
	if (e->kind == EXTENT_STAGE)
		return stage_body_read(x->s->stage, e->body, e->pos + skip, to, length);
	if (e->kind != EXTENT_DISC)
		return 0;
	r = x->s->disc ? iso_read_disc(x->s->disc, e->pos + skip, to, length) : -ENOMEDIUM;
	if (r == 0)
		return 0;
	memset(to, 0, length);
	*missing += length;
	return 0;
}

static int read_piece(struct export *x, const struct stage_node *n, uint64_t offset, size_t length, uint64_t *missing)
{
	size_t done = 0;

	memset(x->buffer, 0, length);
	if (zisofs_used(&n->zisofs)) {
		if (!x->s->disc || iso_zisofs_read(x->s->disc, &n->zisofs, n->extents, n->n_extents, n->size, offset,
						   x->buffer, length) < 0)
			*missing += length;
		return 0;
	}
	for (uint32_t i = 0; i < n->n_extents && done < length; i++) {
		const struct extent *e = &n->extents[i];
		uint64_t at = offset + done;
		size_t part;
		int r;

		if (at < e->offset || at - e->offset >= e->length)
			continue;
		part = (size_t)(e->length - (at - e->offset) < length - done ? e->length - (at - e->offset) :
									       length - done);
		r = read_extent(x, e, at, x->buffer + done, part, missing);
		if (r < 0)
			return r;
		done += part;
	}
	*missing += length - done; /* of a damaged row */
	return 0;
}

static int write_content(struct export *x, const char *path, const struct stage_node *n)
{
	uint64_t missing = 0;
	char what[256];
	int r = 0;

	if (n->size > BOUND_FILE_BYTES && !zisofs_used(&n->zisofs)) {
		snprintf(what, sizeof(what), "no file has %llu bytes: it is empty here", (unsigned long long)n->size);
		miss(x, path, what);
		return 0;
	}
	for (uint64_t at = 0; r == 0 && at < n->size;) {
		size_t length = n->size - at < PIECE_BYTES ? (size_t)(n->size - at) : PIECE_BYTES;

		r = read_piece(x, n, at, length, &missing);
		if (r < 0)
			return why_set(x->ret_why, r, "%s: the stage cannot be read: %s", path, strerror(-r));
		r = archive_out_data(x->out, x->buffer, length, x->ret_why);
		at += length;
	}
	if (r == 0 && missing) {
		snprintf(what, sizeof(what), "%llu of its %llu bytes lie on the disc (%s), and are zeros here",
			 (unsigned long long)missing, (unsigned long long)n->size,
			 x->s->disc ? "which cannot be read there" : x->s->disc_why);
		miss(x, path, what);
	}
	return r;
}

/* ---- entries ---- */

/* Those of the row, or of the record that it was made from. */
static int put_xattrs(struct export *x, struct out_entry *e, uint8_t **ret_read)
{
	const struct stage_node *n = e->row;
	int r = 0;

	e->xattrs = n->xattrs;
	e->xattrs_bytes = n->xattrs_bytes;
	if (!n->xattrs_at || e->link)
		return 0;
	r = x->s->base ? iso_xattrs(x->s->base, n->xattrs_at, ret_read, &e->xattrs_bytes) : -ENOENT;
	if (r == -ENOMEM)
		return r;
	e->xattrs = *ret_read;
	if (r < 0)
		miss(x, e->path, "its extended attributes lie on the disc, and cannot be read there");
	return 0;
}

static int put(struct export *x, struct out_entry *e)
{
	_free_ char *why = NULL;
	_free_ uint8_t *read = NULL;
	int r = put_xattrs(x, e, &read);

	if (r == 0)
		r = archive_out_begin(x->out, e, &why);
	if (r == 0 && S_ISREG(e->row->mode) && !e->link)
		r = write_content(x, e->path, e->row);
	if (r == 0)
		r = archive_out_end(x->out, &why);
	if (r == 1) {
		miss(x, e->path, why ? why : "it cannot be made here");
		return 0;
	}
	if (why)
		why_set(x->ret_why, r, "%s: %s", e->path, why);
	return r;
}

static int compare_dirs(const void *a, const void *b)
{
	return strcmp((*(const struct staged_dir *const *)a)->path, (*(const struct staged_dir *const *)b)->path);
}

static size_t find_dir(const struct export *x, const char *path)
{
	size_t low = 0, high = x->list->n_dirs;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(x->dirs[middle]->path, path);

		if (order == 0)
			return middle;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return SIZE_MAX;
}

static int put_dir(struct export *x, const char *path)
{
	static const struct stage_node plain = {.mode = S_IFDIR | 0755};
	size_t i = find_dir(x, path);
	const struct stage_node *row = i == SIZE_MAX ? NULL : x->dirs[i]->row;

	if (i != SIZE_MAX && x->made[i])
		return 0;
	if (i != SIZE_MAX)
		x->made[i] = true;
	return put(x, &(struct out_entry){.path = path, .row = row ? row : &plain});
}

/* The directories above. */
static int put_above(struct export *x, const char *path)
{
	_free_ char *copy = strdup(path);
	int r = copy ? 0 : -ENOMEM;

	for (char *slash = copy ? strchr(copy, '/') : NULL; r == 0 && slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		r = put_dir(x, copy);
		*slash = '/';
	}
	return r;
}

static const char *name_of(const struct export *x, uint64_t ino)
{
	for (size_t i = 0; i < x->n_linked; i++)
		if (x->linked[i].ino == ino)
			return x->linked[i].path;
	return NULL;
}

static int note_link(struct export *x, const struct staged_change *c)
{
	struct linked *grown;

	if (c->row->nlink < 2)
		return 0;
	grown = reallocarray(x->linked, x->n_linked + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	x->linked = grown;
	grown[x->n_linked++] = (struct linked){c->ino, c->path};
	return 0;
}

/* A name that it got: is it another file than the disc has? */
static bool has_content(const struct staged_change *c)
{
	if (c->kind != 'R')
		return c->kind != 'D';
	return !S_ISDIR(c->row->mode) && (c->bytes || c->row->size != c->base.size);
}

static int export_one(struct export *x, const struct staged_change *c)
{
	struct out_entry e = {.path = c->path, .row = c->row};
	int r;

	x->tell->change(x->tell->context, c->kind, c->path, c->from, c->bytes);
	if (c->kind != 'D' && !c->row) {
		miss(x, c->path, "the stage has lost it");
		return 0;
	}
	if (!has_content(c))
		return 0;
	r = put_above(x, c->path);
	if (r == 0 && S_ISDIR(c->row->mode))
		return put_dir(x, c->path);
	e.size = c->row->size;
	e.link = name_of(x, c->ino);
	if (r == 0)
		r = put(x, &e);
	return r || e.link ? r : note_link(x, c);
}

static int export_all(struct export *x)
{
	int r = 0;

	x->dirs = calloc(x->list->n_dirs + 1, sizeof(*x->dirs));
	x->made = calloc(x->list->n_dirs + 1, sizeof(bool));
	x->buffer = malloc(PIECE_BYTES);
	if (!x->dirs || !x->made || !x->buffer)
		return -ENOMEM;
	for (size_t i = 0; i < x->list->n_dirs; i++)
		x->dirs[i] = &x->list->dirs[i];
	qsort(x->dirs, x->list->n_dirs, sizeof(*x->dirs), compare_dirs);
	for (size_t i = 0; r == 0 && i < x->list->n_changes; i++)
		r = export_one(x, &x->list->changes[i]);
	return r;
}

/* What is gone with the disc, said once. */
static void tell_base(struct export *x)
{
	char what[512];

	if (!x->s->base_missing)
		return;
	snprintf(what, sizeof(what),
		 "the session that it was staged for cannot be read (%s): names of directories and files that are in "
		 "their "
		 "place on it are not known (directory.NUMBER, file.NUMBER), nor what was renamed",
		 x->s->disc_why ? x->s->disc_why : "the disc does not have it any more");
	miss(x, x->s->disc_path[0] ? x->s->disc_path : "the disc", what);
}

static void tell_left_out(struct export *x, size_t n)
{
	char what[120];

	snprintf(what, sizeof(what), "%zu rows of the journal are damaged: names are missing here, or content is", n);
	if (n)
		miss(x, x->s->directory, what);
}

int salvage_export(struct salvage *s, const char *directory, const struct salvage_tell *tell, uint64_t *ret_missing,
		   char **ret_why)
{
	_cleanup_(archive_out_freep) struct archive_out *out = NULL;
	_cleanup_(staged_freep) struct staged_list *list = NULL;
	_cleanup_(stage_snapshot_freep) struct stage_snapshot *rows = NULL;
	struct export x = {.s = s, .tell = tell, .ret_why = ret_why};
	int r = salvage_open_base(s, ret_why);

	if (r == 0)
		r = stage_snapshot(s->stage, 0, &rows);
	if (r == 0)
		r = staged_find(rows, s->base, &list);
	if (r < 0 && rows && s->base) { /* what the stage alone has is there in any case */
		s->base_missing = true;
		iso_unref(TAKE_PTR(s->base));
		r = staged_find(rows, NULL, &list);
	}
	if (r < 0)
		return r == -EBADMSG ? stage_say_damaged(s->directory, stage_blamed(s->stage), ret_why) : r;
	r = archive_out_open(directory, &out, ret_why);
	if (r < 0)
		return r;
	x.out = out;
	x.list = list;
	tell_base(&x);
	tell_left_out(&x, rows->n_left_out);
	r = export_all(&x);
	if (r == 0)
		r = archive_out_finish(out, ret_why);
	free(x.dirs);
	free(x.made);
	free(x.buffer);
	free(x.linked);
	*ret_missing = x.n_missing;
	return r;
}
