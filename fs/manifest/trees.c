/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * trees.c - names that only one tree of a disc has
 *
 * Of each entry two numbers are compared: of its path, and of its content (first block and length; a directory, or
 * nothing).  What has both in common is the same.  Of the rest, names may differ only because a tree cannot say them
 * as they are (Joliet has 64 characters and misses some, the primary tree has eight and three): there the content
 * counts, with each of its names.  What has no content is told by numbers of such, and in a Joliet tree beside Rock
 * Ridge only where its name, or one above it, looks as if it had been changed.
 */
#include "fs/manifest/trees.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "burner/base/bytes.h"
#include "burner/base/grow.h"
#include "burner/base/hash.h"
#include "burner/base/search.h"

#define LONG_NAME 60u /* characters; Joliet has 64, and some programs leave room for numbers */

enum { CONTENT_DIRECTORY, CONTENT_NONE, CONTENT_DATA }; /* those and all above have data */
struct named {
	uint64_t path, content;
};
struct list {
	struct named *items; /* bulk */
	uint32_t n;
	size_t space;
};

/* A directory of a walk. */
struct place {
	struct iso_extent dir;
	uint64_t path;
	uint32_t parent; /* itself: the root */
	bool changed;	 /* its name, or one above it, may not be what it is in the other tree */
	char *name;
};
struct walk {
	struct iso *iso;
	struct place *places; /* the queue */
	uint32_t n;
	size_t space;
	struct iso_room room;
};

static void walk_release(struct walk *w)
{
	for (uint32_t i = 0; i < w->n; i++)
		free(w->places[i].name);
	free(w->places);
	iso_room_release(&w->room);
}

/* Dots at the end are not shown of a Joliet name. */
static uint64_t hash_name(uint64_t parent, const char *name)
{
	size_t n = strlen(name);
	uint64_t h;

	while (n > 1 && name[n - 1] == '.')
		n--;
	h = hash_number(parent, n);
	for (size_t at = 0; at < n; at += 8) {
		uint64_t word = 0;

		memcpy(&word, name + at, min_u64(8, n - at));
		h = hash_number(h, word);
	}
	return h;
}

static uint64_t content_of(const struct iso_entry *e)
{
	uint64_t bytes = 0, number;

	if (S_ISDIR(e->mode))
		return CONTENT_DIRECTORY;
	for (uint32_t i = 0; i < e->n_extents; i++)
		bytes += e->extents[i].length;
	if (!bytes)
		return CONTENT_NONE;
	number = hash_number(hash_number(0, e->extents[0].pos), bytes);
	return number < CONTENT_DATA ? CONTENT_DATA : number;
}

static bool name_may_be_changed(const char *name)
{
	for (const char *p = name; *p; p++)
		if (*p == '_' || *p == '~' || (uint8_t)*p >= 0x80)
			return true;
	return strlen(name) >= LONG_NAME;
}

static int walk_add(struct walk *w, uint32_t parent, const struct iso_entry *e, uint64_t path)
{
	int r = iso_room_take(&w->room, e->dir);

	if (r)
		return r < 0 ? r : -EBADMSG;
	if (grow(&w->places, &w->space, w->n, sizeof(*w->places)))
		return -ENOMEM;
	char *name = strdup(e->name);
	if (!name)
		return -ENOMEM;
	w->places[w->n] = (struct place){e->dir, path, parent, name_may_be_changed(name), name};
	if (w->n)
		w->places[w->n].changed |= w->places[parent].changed;
	w->n++;
	return 0;
}

static int walk_begin(struct walk *w, struct iso *iso, uint64_t seed)
{
	_cleanup_entry_ struct iso_entry root = {.ino = 0};
	int r = iso_root(iso, &root);

	*w = (struct walk){.iso = iso};
	iso_room_init(iso, &w->room);
	return r ? r : walk_add(w, 0, &root, seed);
}

/* visit: 0 goes on; all else ends the walk and is returned. */
typedef int visit_function(void *context, const struct walk *w, uint32_t place, const struct iso_entry *e,
			   struct named named);

static int visit_directory(struct walk *w, uint32_t place, visit_function *visit, void *context)
{
	_cleanup_(iso_dir_closep) struct iso_dir *d = NULL;
	int r = iso_dir_open(w->iso, w->places[place].dir, &d);

	while (!r) {
		_cleanup_entry_ struct iso_entry e = {.ino = 0};
		struct named named;

		r = iso_dir_next(d, &e);
		if (r <= 0)
			return r;
		named = (struct named){hash_name(w->places[place].path, e.name), content_of(&e)};
		r = S_ISDIR(e.mode) ? walk_add(w, place, &e, named.path) : 0;
		if (!r)
			r = visit(context, w, place, &e, named);
	}
	return r;
}

static int walk_tree(struct iso *iso, uint64_t seed, visit_function *visit, void *context)
{
	_cleanup_(walk_release) struct walk w;
	int r = walk_begin(&w, iso, seed);

	for (uint32_t i = 0; !r && i < w.n; i++)
		r = visit_directory(&w, i, visit, context);
	return r;
}

/* ---- what each tree has ---- */

struct collecting {
	struct bulk *bulk;
	struct list *list;
};

static int collect(void *context, const struct walk *w, uint32_t place, const struct iso_entry *e, struct named named)
{
	const struct collecting *c = context;
	struct list *list = c->list;
	int r = bulk_grow(c->bulk, (void **)&list->items, &list->space, list->n, sizeof(named));

	(void)w;
	(void)place;
	(void)e;
	if (!r)
		list->items[list->n++] = named;
	bulk_pace(c->bulk, 1);
	return r;
}

static int order(uint64_t a, uint64_t b) { return (a > b) - (a < b); }

static int by_path(const void *a, const void *b)
{
	const struct named *x = a, *y = b;

	return order(x->path, y->path) ?: order(x->content, y->content);
}

static int by_content(const void *a, const void *b)
{
	const struct named *x = a, *y = b;

	return order(x->content, y->content);
}

static bool same(const struct named *here, const struct named *there, bool by_name)
{
	return here->content == there->content && (by_name || here->content >= CONTENT_DATA);
}

/* The name is there, for something else: genisoimage puts an empty file into Joliet where a directory was moved from,
 * which has another name then. */
static bool stands_for(const struct named *here, const struct named *there, bool by_name)
{
	return by_name && (here->content < CONTENT_DATA || there->content < CONTENT_DATA);
}

/* Takes out of both sorted lists what they have in common, one for one. */
static void cancel(struct bulk *bulk, struct list *here, struct list *there, bool by_name)
{
	uint32_t i = 0, j = 0, n_here = 0, n_there = 0;

	while (i < here->n || j < there->n) {
		const struct named *x = i < here->n ? &here->items[i] : NULL,
				   *y = j < there->n ? &there->items[j] : NULL;
		int o = !x ? 1 : !y ? -1 : by_name ? order(x->path, y->path) : order(x->content, y->content);

		i += o <= 0;
		j += o >= 0;
		if (o < 0 || (o == 0 && !same(x, y, by_name)))
			here->items[n_here++] = *x;
		if (o > 0 || (o == 0 && !same(x, y, by_name) && !stands_for(x, y, by_name)))
			there->items[n_there++] = *y;
		bulk_pace(bulk, 2);
	}
	here->n = n_here;
	there->n = n_there;
}

static void sort(struct bulk *bulk, struct list *list, int (*compare)(const void *, const void *))
{
	if (list->n)
		bulk_sort(bulk, list->items, list->n, sizeof(*list->items), compare);
}

static void cancel_common(struct bulk *bulk, struct list *here, struct list *there)
{
	sort(bulk, here, by_path);
	sort(bulk, there, by_path);
	cancel(bulk, here, there, true);
	sort(bulk, here, by_content);
	sort(bulk, there, by_content);
	cancel(bulk, here, there, false);
	sort(bulk, there, by_path);
}

/* ---- what is only in the other tree ---- */

struct search {
	const struct list *only; /* by path */
	bool more[2];		 /* of directories, of what has no content, there are more than in the shown tree */
	bool exact;		 /* names are the same, but where they may be changed */
	bool sure; /* only what is not there by its name or its content: others are too many, as a number */
	const char *which;
	char *why;
};

static bool named_before(const void *list, size_t i, const void *key)
{
	return by_path(&((const struct named *)list)[i], key) < 0;
}

static void say(const struct search *s, const struct walk *w, uint32_t place, const char *name)
{
	char path[MANIFEST_WHY_BYTES / 2];
	size_t at = sizeof(path) - 1, n = strlen(name);

	path[at] = 0;
	for (;;) {
		if (n + 4 > at) { /* an ellipsis and a slash go before it */
			at -= 4;
			memcpy(path + at, "…/", 4);
			break;
		}
		at -= n;
		memcpy(path + at, name, n);
		path[--at] = '/';
		if (!place)
			break;
		name = w->places[place].name;
		place = w->places[place].parent;
		n = strlen(name);
	}
	snprintf(s->why, MANIFEST_WHY_BYTES, "%s is only in %s, and would be lost", path + at, s->which);
}

static int find(void *context, const struct walk *w, uint32_t place, const struct iso_entry *e, struct named named)
{
	const struct search *s = context;
	size_t i = search_first(s->only->items, s->only->n, &named, named_before);

	if (i == s->only->n || by_path(&s->only->items[i], &named) != 0)
		return 0;
	if (named.content < CONTENT_DATA && (s->sure || !s->more[named.content]) &&
	    (!s->exact || w->places[place].changed || name_may_be_changed(e->name)))
		return 0;
	say(s, w, place, e->name);
	return -EPERM;
}

/* More of what has no content than in the shown tree? */
static void count(const struct list *here, const struct list *there, bool more[2])
{
	uint32_t n[2][2] = {{0}};
	const struct list *lists[] = {here, there};

	for (unsigned l = 0; l < 2; l++)
		for (uint32_t i = 0; i < lists[l]->n; i++)
			if (lists[l]->items[i].content < CONTENT_DATA)
				n[l][lists[l]->items[i].content]++;
	for (unsigned kind = 0; kind < 2; kind++)
		more[kind] = n[1][kind] > n[0][kind];
}

static int search(struct iso *shown, struct iso *other, uint64_t seed, struct bulk *bulk, struct list *here,
		  struct list *there, struct search *s)
{
	struct iso_info a, b;

	iso_info(shown, &a);
	iso_info(other, &b);
	s->exact = a.rock_ridge && b.joliet;
	cancel_common(bulk, here, there);
	if (!there->n)
		return 0;
	count(here, there, s->more);
	s->only = there;
	s->sure = true;
	int r = walk_tree(other, seed, find, s);
	if (!r && (s->more[0] || s->more[1])) {
		s->sure = false;
		r = walk_tree(other, seed, find, s);
	}
	return r;
}

static int compare(struct iso *shown, struct iso *other, uint64_t seed, struct bulk *bulk, struct search *s)
{
	struct list here = {NULL, 0, 0}, there = {NULL, 0, 0};
	int r = walk_tree(shown, seed, collect, &(struct collecting){bulk, &here});

	if (r) {
		snprintf(s->why, MANIFEST_WHY_BYTES, "a directory of the disc is damaged or cannot be read");
	} else {
		snprintf(s->why, MANIFEST_WHY_BYTES,
			 "%s is damaged or cannot be read, so it is not known what would be lost of it", s->which);
		r = walk_tree(other, seed, collect, &(struct collecting){bulk, &there});
	}
	if (!r)
		r = search(shown, other, seed, bulk, &here, &there, s);
	bulk_free(here.items);
	bulk_free(there.items);
	return r;
}

int trees_compare(struct iso *shown, struct bulk *bulk, char why[MANIFEST_WHY_BYTES])
{
	uint64_t seed = hash_seed(why);
	uint32_t at = 0;
	int r = 0;

	snprintf(why, MANIFEST_WHY_BYTES, "the disc's descriptors cannot be read");
	while (!r) {
		_cleanup_(iso_unrefp) struct iso *other = NULL;
		struct search s = {.why = why};
		struct iso_info info;

		r = iso_open_other(shown, &at, &other);
		if (r)
			return r == -ENOENT ? 0 : r;
		iso_info(other, &info);
		s.which = info.joliet ? "its Joliet tree" :
			  at == 1     ? "its primary tree" :
					"the tree of a supplementary descriptor";
		r = compare(shown, other, seed, bulk, &s);
	}
	return r;
}
