/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * by_number.c - nodes that are asked for by their number alone, after the kernel forgot them
 *
 * File handles (open_by_handle_at(2), NFS, backup programs) keep numbers over everything: memory, commits, mounts.  A
 * node that is staged is found by its row. For what is on the disc there is no table of numbers: a serial number of
 * ours is no place. So the first such question walks the directories of the base once, and what it finds is kept, 16
 * bytes for each name, until the base is another one.  Who is found so is looked up by name all the same, from
 * the last directory that is known down: what was removed is not there.
 *
 * Threads: any. Lock order: places.lock -> the tree's lock. The first is held while the disc is read: who waits for
 * it needs what is read.
 */
#include "fs/tree/internal.h"

#include <errno.h>
#include <stdlib.h>

#include "burner/base/grow.h"
#include "burner/base/search.h"

#define DEPTH_MAX 4096u /* no directory lies deeper: PATH_MAX */

/* ---- the table ---- */

struct listing {
	struct iso_extent dir;
	uint32_t ino;
};

struct walk {
	struct places *places;
	struct iso *base;
	struct listing *stack;
	size_t n_stack, stack_room, room;
	struct iso_room room_left;
};

static int push(struct walk *w, struct iso_extent dir, uint32_t ino)
{
	if (grow(&w->stack, &w->stack_room, w->n_stack, sizeof(*w->stack)))
		return -ENOMEM;
	w->stack[w->n_stack++] = (struct listing){dir, ino};
	return 0;
}

static int note(struct walk *w, const struct iso_entry *e, uint32_t parent)
{
	struct places *p = w->places;

	if (e->ino > UINT32_MAX)
		return 0; /* no number of a tree that can be changed; asked for by name */
	if (grow(&p->list, &w->room, p->n, sizeof(*p->list)))
		return -ENOMEM;
	p->list[p->n++] = (struct place){(uint32_t)e->ino, parent, e->locator};
	if (!S_ISDIR(e->mode))
		return 0;
	_cleanup_entry_ struct iso_entry whole = {0};
	int r = iso_entry_at(w->base, e->locator, &whole);
	return r < 0 ? r : push(w, whole.dir, (uint32_t)e->ino);
}

static int walk_directory(struct walk *w, struct listing at)
{
	_cleanup_(iso_dir_closep) struct iso_dir *d = NULL;
	struct iso_entry e = {0};
	int r = iso_room_take(&w->room_left, at.dir);

	if (r)
		return r < 0 ? r : 0;
	r = iso_dir_open(w->base, at.dir, &d);
	while (r == 0 && (r = iso_dir_next_name(d, &e)) == 1) {
		r = note(w, &e, at.ino);
		iso_entry_release(&e);
	}
	return r;
}

static int compare_places(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	return x->ino != y->ino ? (x->ino < y->ino ? -1 : 1) : x->locator < y->locator ? -1 : x->locator > y->locator;
}

static int fill_places(struct places *p, struct iso *base)
{
	_cleanup_entry_ struct iso_entry root = {0};
	struct walk w = {.places = p, .base = base};
	int r = iso_root(base, &root);

	iso_room_init(base, &w.room_left);
	if (r == 0)
		r = push(&w, root.dir, TREE_ROOT);
	while (r == 0 && w.n_stack) {
		r = walk_directory(&w, w.stack[--w.n_stack]);
		/* What cannot be read may be where the number is: who is not found elsewhere gets that error. */
		if (disc_is_damage(r)) {
			p->error = r;
			r = 0;
		}
	}
	free(w.stack);
	iso_room_release(&w.room_left);
	if (r == 0 && p->n)
		qsort(p->list, p->n, sizeof(*p->list), compare_places);
	return r;
}

static void clear_places(struct places *p)
{
	free(TAKE_PTR(p->list));
	iso_unref(TAKE_PTR(p->base));
	p->n = 0;
	p->error = 0;
}

void places_release(struct places *p)
{
	clear_places(p);
	lock_release(&p->lock);
}

/* That of the base as it is now; locked on success. */
static int places_open(struct tree *t)
{
	struct places *p = &t->places;
	int r = 0;

	lock_take(&p->lock);
	tree_lock(t);
	struct iso *base = t->base ? iso_ref(t->base) : NULL;
	tree_unlock(t);
	if (base != p->base) {
		clear_places(p);
		r = base ? fill_places(p, base) : 0;
		if (r == 0)
			p->base = base ? iso_ref(base) : NULL;
		else
			clear_places(p);
	}
	iso_unref(base);
	if (r < 0)
		lock_give(&p->lock);
	return r;
}

static bool place_before(const void *list, size_t i, const void *key)
{
	return ((const struct place *)list)[i].ino < *(const uint64_t *)key;
}

/* The nth name of that number: its directory, and the name. -ESTALE: there are not so many. */
static int find_place(struct tree *t, uint64_t ino, size_t nth, uint64_t *ret_parent, struct iso_entry *ret)
{
	struct places *p = &t->places;
	int r = places_open(t);

	if (r < 0)
		return r;
	size_t i = search_first(p->list, p->n, &ino, place_before) + nth;
	if (i < p->n && p->list[i].ino == ino) {
		*ret_parent = p->list[i].parent;
		r = iso_entry_at(p->base, p->list[i].locator, ret);
	} else {
		r = p->error ? p->error : -ESTALE;
	}
	lock_give(&p->lock);
	return r == -ENOENT ? -EBADMSG : r;
}

/* ---- finding ---- */

/* What is in memory, known or staged: one look-up reference. -ESTALE: none of these. */
static int refer(struct tree *t, uint64_t ino, struct stat *st)
{
	struct node *n;

	tree_lock(t);
	int r = node_fetch_locked(t, ino, &n);
	if (r == -ESTALE)
		r = node_from_number_locked(t, ino, &n);
	if (r == 0 && n->orphan && !n->n_open)
		r = -ESTALE;
	if (r == 0)
		node_give_locked(t, n, st);
	tree_unlock(t);
	return r == -ENOENT ? -ESTALE : r;
}

/* A way: names from the one that is asked for upwards. */
struct step {
	uint64_t ino;
	char *name;
};
struct way {
	struct step *steps;
	size_t n, room;
};

static void way_release(struct way *w)
{
	while (w->n)
		free(w->steps[--w->n].name);
	free(w->steps);
}

static int way_add(struct way *w, uint64_t ino, const char *name)
{
	if (grow(&w->steps, &w->room, w->n, sizeof(*w->steps)))
		return -ENOMEM;
	w->steps[w->n] = (struct step){ino, strdup(name)};
	return w->steps[w->n++].name ? 0 : -ENOMEM;
}

/* From the last directory that is known, and referred to, down. -ENOENT: something on the way has gone. */
static int go_down(struct tree *t, uint64_t parent, const struct way *w, struct stat *st)
{
	int r = 0;

	for (size_t i = w->n; r == 0 && i-- > 0; parent = w->steps[i].ino) {
		r = tree_lookup(t, parent, w->steps[i].name, st);
		tree_forget(t, parent, 1);
		if (r == 0 && st->st_ino != w->steps[i].ino) {
			tree_forget(t, st->st_ino, 1);
			r = -ENOENT;
		}
	}
	return r == -ENOTDIR ? -ENOENT : r;
}

/* By its nth name; a directory has one. -ESTALE: there are not so many; -ENOENT: it is not there any more. */
static int find_on_disc(struct tree *t, uint64_t ino, size_t nth, struct stat *st)
{
	_cleanup_(way_release) struct way w = {.steps = NULL};
	int r = -ESTALE;

	for (uint64_t at = ino; r == -ESTALE && w.n < DEPTH_MAX; nth = 0) {
		_cleanup_entry_ struct iso_entry e = {0};
		uint64_t parent = 0;

		r = find_place(t, at, nth, &parent, &e);
		if (r == -ESTALE)
			return at == ino ? r : -ENOENT;
		if (r == 0)
			r = way_add(&w, at, e.name);
		if (r < 0)
			return r;
		r = refer(t, parent, st);
		at = parent;
	}
	return r < 0 ? (r == -ESTALE ? -EBADMSG : r) : go_down(t, st->st_ino, &w, st);
}

static uint64_t epoch_of(struct tree *t)
{
	tree_lock(t);
	uint64_t epoch = t->epoch;
	tree_unlock(t);
	return epoch;
}

int tree_lookup_number(struct tree *t, uint64_t ino, struct stat *st)
{
	uint64_t epoch;
	int r;

	do {
		epoch = epoch_of(t);
		r = refer(t, ino, st);
		for (size_t nth = 0, gone = r == -ESTALE; gone; nth++) {
			r = find_on_disc(t, ino, nth, st);
			gone = r == -ENOENT; /* that name; it may have another one */
		}
	} while (r == -ESTALE && epoch != epoch_of(t)); /* a burn has changed where things are */
	return r;
}

int tree_lookup_parent(struct tree *t, uint64_t ino, struct stat *st)
{
	struct node *n;
	uint64_t parent = 0;

	tree_lock(t);
	int r = node_fetch_locked(t, ino, &n);
	if (r == 0) {
		r = !S_ISDIR(n->mode) ? -ENOTDIR : n->orphan ? -ENOENT : 0;
		parent = ino == TREE_ROOT ? TREE_ROOT : n->parent;
		node_unused_locked(t, n);
	}
	tree_unlock(t);
	return r < 0 ? r : tree_lookup_number(t, parent, st);
}
