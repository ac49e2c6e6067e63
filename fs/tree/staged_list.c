/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What became of what the walk has met: kinds, renames, paths on the disc; and the list of it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "burner/base/own.h"
#include "burner/base/path.h"
#include "burner/base/search.h"
#include "fs/tree/staged_walk.h"

#define DEPTH_MAX 4096u

/* ---- what became of what ---- */

static int compare_hidden(const void *a, const void *b)
{
	const struct hidden *x = *(struct hidden *const *)a, *y = *(struct hidden *const *)b;

	if (x->ino != y->ino)
		return x->ino < y->ino ? -1 : 1;
	if (x->parent != y->parent)
		return x->parent < y->parent ? -1 : 1;
	return strcmp(x->name, y->name);
}

static bool hidden_before(const void *list, size_t i, const void *key)
{
	return ((struct hidden *const *)list)[i]->ino < *(const uint64_t *)key;
}

/* An old name of that node which no other new name has been given for. */
static struct hidden *old_name(const struct walk *w, uint64_t ino)
{
	for (size_t i = search_first(w->hidden, w->n_hidden, &ino, hidden_before); i < w->n_hidden; i++) {
		if (w->hidden[i]->ino != ino)
			break;
		if (!w->hidden[i]->moved)
			return w->hidden[i];
	}
	return NULL;
}

static bool has_base_name(const struct item *i) { return i->base.mode && i->base.ino == i->ino; }

/* Files that the stage has pieces of the disc of, and directories with a listing, were on the disc. */
static bool came_from_somewhere(const struct stage_node *row)
{
	for (uint32_t i = 0; row && i < row->n_extents; i++)
		if (row->extents[i].kind == EXTENT_DISC)
			return true;
	return row && (row->base_bytes || row->target || (S_ISREG(row->mode) && !row->size));
}

static bool settle_renames(struct walk *w)
{
	bool lost = false;

	if (w->n_hidden)
		qsort(w->hidden, w->n_hidden, sizeof(struct hidden *), compare_hidden);
	for (size_t i = 0; i < w->n_items; i++) {
		struct item *item = &w->items[i];

		if (!item->named || item->ino == STAGE_WHITEOUT || has_base_name(item) || item->from)
			continue;
		item->from = old_name(w, item->ino);
		if (item->from)
			item->from->moved = true;
		lost |= !item->from && came_from_somewhere(item->row);
	}
	return lost;
}

/* What was below directories that are gone: other names may have come from there. */
static int look_below_removed(struct walk *w)
{
	int r = staged_walk_removed(w);

	if (r == 0)
		(void)settle_renames(w);
	return r;
}

/* Was what the disc has under this name moved away? */
static bool base_moved(const struct walk *w, const struct item *item)
{
	uint64_t ino = item->base.ino;

	for (size_t i = search_first(w->hidden, w->n_hidden, &ino, hidden_before); i < w->n_hidden; i++) {
		const struct hidden *h = w->hidden[i];

		if (h->ino != ino)
			break;
		if (h->parent == item->parent && strcmp(h->name, item->name) == 0)
			return h->moved;
	}
	return false;
}

static char kind_of(const struct walk *w, const struct item *item)
{
	if (!item->named || has_base_name(item))
		return item->same ? 0 : 'M';
	if (item->ino == STAGE_WHITEOUT)
		return item->unread || (item->base.mode && !base_moved(w, item)) ? 'D' : 0;
	if (item->from)
		return 'R';
	return item->base.mode && !base_moved(w, item) ? 'M' : 'A';
}

static uint64_t new_bytes(const struct stage_node *row)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; row && i < row->n_extents; i++)
		if (row->extents[i].kind != EXTENT_DISC)
			bytes += row->extents[i].length;
	return bytes;
}

/* ---- the list ---- */

static int compare_dirs(const void *a, const void *b)
{
	const struct staged_dir *x = a, *y = b;

	return x->ino < y->ino ? -1 : x->ino > y->ino;
}

static int compare_dir(const void *key, const void *element)
{
	uint64_t a = *(const uint64_t *)key, b = ((const struct staged_dir *)element)->ino;

	return a < b ? -1 : a > b;
}

const struct staged_dir *staged_dir(const struct staged_list *l, uint64_t ino)
{
	return l->n_dirs ? bsearch(&ino, l->dirs, l->n_dirs, sizeof(*l->dirs), compare_dir) : NULL;
}

/* The name of a record on the disc: its directory may have been renamed, or removed, too. */
static int disc_path(const struct walk *w, const struct staged_list *l, uint64_t parent, const char *name,
		     unsigned depth, char **ret)
{
	_free_ char *above = NULL;
	const struct hidden *h = NULL;
	const struct staged_dir *d;
	int r = 0;

	for (size_t i = search_first(w->hidden, w->n_hidden, &parent, hidden_before);
	     !h && i < w->n_hidden && w->hidden[i]->ino == parent; i++)
		h = w->hidden[i];
	d = h ? NULL : staged_dir(l, parent);
	if (depth > DEPTH_MAX)
		return -EBADMSG;
	if (h)
		r = disc_path(w, l, h->parent, h->name, depth + 1, &above);
	else if (d && d->parent)
		r = disc_path(w, l, d->parent, path_last(d->path), depth + 1, &above);
	if (r)
		return r;
	*ret = staged_join(above ? above : "", name);
	return *ret ? 0 : -ENOMEM;
}

static int fill_change(struct walk *w, const struct staged_list *l, struct item *item, struct staged_change *to)
{
	const struct staged_dir *d = staged_dir(l, item->parent);
	int r = 0;

	*to = (struct staged_change){.kind = item->kind,
				     .path = staged_join(d ? d->path : "", item->name),
				     .parent = item->parent,
				     .ino = item->ino,
				     .row = item->row,
				     .named = item->named,
				     .bytes = new_bytes(item->row)};
	if (!to->path)
		return -ENOMEM;
	r = staged_count_path(w, to->path);
	if (r)
		return r;
	to->name = path_last(to->path);
	if (item->from) {
		to->from_parent = item->from->parent;
		r = disc_path(w, l, item->from->parent, item->from->name, 0, &to->from);
		if (r == 0)
			to->from_name = path_last(to->from);
		to->base = staged_take(&item->from->entry);
	} else {
		to->base = staged_take(&item->base);
	}
	return r;
}

static int compare_paths(const void *a, const void *b)
{
	return strcmp(((const struct staged_change *)a)->path, ((const struct staged_change *)b)->path);
}

static int make_list(struct walk *w, struct staged_list *l)
{
	int r = 0;

	l->dirs = TAKE_PTR(w->dirs);
	l->n_dirs = w->n_dirs;
	w->n_dirs = 0;
	if (l->n_dirs)
		qsort(l->dirs, l->n_dirs, sizeof(*l->dirs), compare_dirs);
	l->changes = calloc(w->n_items + 1, sizeof(*l->changes));
	if (!l->changes)
		return -ENOMEM;
	for (size_t i = 0; i < w->n_items; i++)
		w->items[i].kind = kind_of(w, &w->items[i]);
	for (size_t i = 0; r == 0 && i < w->n_items; i++)
		if (w->items[i].kind)
			r = fill_change(w, l, &w->items[i], &l->changes[l->n_changes++]);
	if (r == 0 && l->n_changes)
		qsort(l->changes, l->n_changes, sizeof(*l->changes), compare_paths);
	return r;
}

int staged_find(struct stage_snapshot *snapshot, struct iso *base, struct staged_list **ret)
{
	_cleanup_(staged_walk_release) struct walk w = {.snapshot = snapshot, .base = base};
	_cleanup_(staged_freep) struct staged_list *l = calloc(1, sizeof(*l));
	int r = l ? staged_walk(&w) : -ENOMEM;

	if (r == 0 && settle_renames(&w))
		r = look_below_removed(&w);
	if (r == 0)
		r = make_list(&w, l);
	if (r == 0)
		*ret = TAKE_PTR(l);
	return r;
}

void staged_free(struct staged_list *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->n_changes; i++) {
		free(l->changes[i].path);
		free(l->changes[i].from);
		iso_entry_release(&l->changes[i].base);
	}
	for (size_t i = 0; i < l->n_dirs; i++)
		free(l->dirs[i].path);
	free(l->changes);
	free(l->dirs);
	free(l);
}

const struct staged_change *staged_change(const struct staged_list *l, const char *path)
{
	size_t low = 0, high = l->n_changes;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(l->changes[middle].path, path);

		if (order == 0)
			return &l->changes[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}
