/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * trees.c - directories, each once
 *
 * The text of a directory names the places of those in it, so it is made when these are: from the leaves to the root,
 * by a stack of directories that are not done yet.  Where two texts are the same, the trees below are.  A place on the
 * disc that was read in one session is not read in the next, so of linked trees what changed is read.
 */
#include "fs/show/trees.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "burner/base/bytes.h"
#include "burner/base/grow.h"
#include "burner/base/json.h"
#include "burner/base/sha256.h"
#include "burner/base/type_letter.h"

#define NOT_YET UINT64_MAX /* in t->known: it is on the stack */

/* A name, as long as its directory is on the stack. */
struct item {
	char *name;
	char kind;
	uint64_t size; /* of a directory its place in the list */
	int64_t mtime;
	struct iso_extent dir;
};

struct level {
	struct iso_extent at;
	struct item *items;
	size_t n, capacity, next; /* next: the first that was not looked at yet */
	bool cut;
};

struct stack {
	struct level *levels;
	size_t n, capacity;
	struct iso_room room;
};

static void level_release(struct level *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->items[i].name);
	free(l->items);
	*l = (struct level){.items = NULL};
}

static void stack_release(struct stack *s)
{
	while (s->n)
		level_release(&s->levels[--s->n]);
	free(s->levels);
	iso_room_release(&s->room);
}

static uint64_t key_of(struct iso_extent at) { return (uint64_t)at.lba << 32 | at.bytes; }
/* No disc has a directory there. */
static bool is_nowhere(struct iso_extent at) { return key_of(at) == IDMAP_NO_KEY; }

/* ---- reading ---- */

static int add_item(struct level *l, const struct iso_entry *e)
{
	if (grow(&l->items, &l->capacity, l->n, sizeof(*l->items)))
		return -ENOMEM;
	l->items[l->n] = (struct item){.name = strdup(e->name),
				       .kind = type_letter(e->mode),
				       .size = S_ISREG(e->mode) ? e->size : 0,
				       .mtime = e->mtime.tv_sec,
				       .dir = e->dir};
	return l->items[l->n].name ? (l->n++, 0) : -ENOMEM;
}

static int read_level(struct iso *iso, struct level *l)
{
	_cleanup_(iso_dir_closep) struct iso_dir *dir = NULL;
	int r = iso_dir_open(iso, l->at, &dir);

	while (!r) {
		_cleanup_entry_ struct iso_entry e = {.ino = 0};

		r = iso_dir_next(dir, &e);
		if (r <= 0)
			break;
		r = add_item(l, &e);
	}
	l->cut = disc_is_damage(r);
	return l->cut ? 0 : r;
}

/* ---- the list ---- */

/* A text of the list, found by the first bytes of its SHA-256: no disc can make two that are taken for one. */
struct same {
	uint64_t key;
	uint8_t digest[SHA256_BYTES];
	size_t place;
};

static int intern(struct trees *t, const char *text, size_t bytes, size_t *ret)
{
	uint8_t digest[SHA256_BYTES];
	size_t cursor = 0;
	struct same *s;
	int r = sha256_of(text, bytes, digest);
	uint64_t key = get_le64(digest) | 1;

	if (r)
		return r;
	while ((s = table_find_next(&t->same, key, &cursor)))
		if (memcmp(s->digest, digest, sizeof(digest)) == 0) {
			*ret = s->place;
			return 0;
		}
	if (grow(&t->texts, &t->capacity, t->n, sizeof(*t->texts)))
		return -ENOMEM;
	t->texts[t->n] = arena_string(&t->arena, text, bytes);
	if (!t->texts[t->n] || table_reserve(&t->same, sizeof(*s), 1) < 0)
		return -ENOMEM;
	s = table_add(&t->same, key);
	memcpy(s->digest, digest, sizeof(digest));
	*ret = s->place = t->n++;
	return 0;
}

static int put_names(FILE *out, const struct level *l)
{
	_free_ char *joined = NULL;
	size_t bytes;
	FILE *names = open_memstream(&joined, &bytes);

	if (!names)
		return -ENOMEM;
	for (size_t i = 0; i < l->n; i++)
		fprintf(names, "%s%s", i ? "/" : "", l->items[i].name);
	if (fclose(names) != 0)
		return -ENOMEM;
	json_put_quoted(out, joined);
	return 0;
}

static int text_of(const struct level *l, char **ret, size_t *ret_bytes)
{
	FILE *out = open_memstream(ret, ret_bytes);
	int64_t before = 0;
	int r;

	if (!out)
		return -ENOMEM;
	fputs("{\"n\":", out);
	r = put_names(out, l);
	fputs(",\"k\":\"", out);
	for (size_t i = 0; i < l->n; i++)
		fputc(l->items[i].kind, out);
	fputs("\",\"s\":[", out);
	for (size_t i = 0; i < l->n; i++)
		fprintf(out, "%s%" PRIu64, i ? "," : "", l->items[i].size);
	fputs("],\"t\":[", out);
	for (size_t i = 0; i < l->n; i++) {
		fprintf(out, "%s%" PRId64, i ? "," : "", l->items[i].mtime - before);
		before = l->items[i].mtime;
	}
	fputs(l->cut ? "],\"e\":1}" : "]}", out);
	return fclose(out) == 0 ? r : -ENOMEM;
}

/* ---- from the leaves to the root ---- */

static int push(struct trees *t, struct iso *iso, struct stack *s, struct iso_extent at)
{
	if (grow(&s->levels, &s->capacity, s->n, sizeof(*s->levels)))
		return -ENOMEM;
	if (idmap_reserve(&t->known, 1) < 0)
		return -ENOMEM;
	idmap_put(&t->known, key_of(at), NOT_YET);
	s->levels[s->n++] = (struct level){.at = at};
	return read_level(iso, &s->levels[s->n - 1]);
}

/* Directories that are one another's, at one place, are among those that are known. */
static int take_room(struct stack *s, struct iso_extent at)
{
	int r = iso_room_take(&s->room, at);

	return r > 0 ? -EBADMSG : r;
}

/* The next directory of that level which was not read yet: 1, and it is pushed; 0: all are done. */
static int descend(struct trees *t, struct iso *iso, struct stack *s)
{
	struct level *l = &s->levels[s->n - 1];

	for (; l->next < l->n; l->next++) {
		struct item *item = &l->items[l->next];
		uint64_t place;
		int r;

		if (item->kind != 'd')
			continue;
		if (idmap_get(&t->known, key_of(item->dir), &place)) {
			item->size = place;
			if (place == NOT_YET) {
				item->kind = 'x';
				item->size = 0;
				t->lost++;
			}
			continue;
		}
		r = is_nowhere(item->dir) ? -EBADMSG : take_room(s, item->dir);
		if (r == 0)
			r = push(t, iso, s, item->dir);
		if (r == 0)
			return 1;
		if (!disc_is_damage(r))
			return r;
		item->kind = 'x';
		t->lost++;
	}
	return 0;
}

/* The level is whole: into the list. Its entry in the level above finds it among those that are known. */
static int conclude(struct trees *t, struct stack *s, size_t *ret)
{
	struct level *l = &s->levels[s->n - 1];
	_free_ char *text = NULL;
	size_t bytes;
	int r = text_of(l, &text, &bytes);

	if (r == 0)
		r = intern(t, text, bytes, ret);
	if (r < 0)
		return r;
	t->lost += l->cut;
	idmap_put(&t->known, key_of(l->at), *ret);
	level_release(l);
	s->n--;
	return 0;
}

/* How it is read: records of one place mean the same to readers of one kind only. */
static unsigned kind_of_reader(const struct iso *iso)
{
	struct iso_info info;

	iso_info(iso, &info);
	return 1u | info.rock_ridge << 1 | info.joliet << 2 | info.ours << 3;
}

int trees_add(struct trees *t, struct iso *iso, size_t *ret_root)
{
	_cleanup_(stack_release) struct stack s = {.levels = NULL};
	_cleanup_entry_ struct iso_entry root = {.ino = 0};
	uint64_t place;
	int r = iso_root(iso, &root);

	if (!r && is_nowhere(root.dir))
		r = -EBADMSG;
	if (r)
		return r;
	if (t->kind != kind_of_reader(iso))
		idmap_release(&t->known);
	t->kind = kind_of_reader(iso);
	if (idmap_get(&t->known, key_of(root.dir), &place)) {
		*ret_root = place;
		return 0;
	}
	iso_room_init(iso, &s.room);
	r = take_room(&s, root.dir);
	if (!r)
		r = push(t, iso, &s, root.dir);
	while (!r && s.n) {
		r = descend(t, iso, &s);
		if (r == 0)
			r = conclude(t, &s, ret_root);
		else if (r == 1)
			r = 0;
	}
	if (r)
		idmap_release(&t->known); /* some in it are not done */
	return r;
}

void trees_print(const struct trees *t, FILE *out)
{
	fputc('[', out);
	for (size_t i = 0; i < t->n; i++)
		fprintf(out, "%s%s", i ? ",\n" : "", t->texts[i]);
	fputc(']', out);
}

void trees_release(struct trees *t)
{
	arena_release(&t->arena);
	free(t->texts);
	table_release(&t->same);
	idmap_release(&t->known);
}
