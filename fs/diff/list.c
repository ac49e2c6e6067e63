/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/diff/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "burner/base/grow.h"
#include "burner/base/own.h"

int diff_entry_keep(struct arena *a, const struct diff_entry *e, struct diff_entry *ret)
{
	*ret = *e;
	if (e->n_extents) {
		struct extent *copy = arena_take(a, e->n_extents * sizeof(*copy), 8);

		if (!copy)
			return -ENOMEM;
		memcpy(copy, e->extents, e->n_extents * sizeof(*copy));
		ret->extents = copy;
	}
	if (e->name)
		ret->name = arena_string(a, e->name, strlen(e->name));
	if (e->target)
		ret->target = arena_string(a, e->target, strlen(e->target));
	return (!e->name || ret->name) && (!e->target || ret->target) ? 0 : -ENOMEM;
}

int diff_entry_of(struct arena *a, const struct iso_entry *e, struct diff_entry *ret)
{
	struct diff_entry borrowed = {.name = e->name,
				      .ino = e->ino,
				      .size = e->size,
				      .rdev = e->rdev,
				      .xattrs_at = e->xattrs_at,
				      .mtime = e->mtime,
				      .atime = e->atime,
				      .nlink = e->nlink,
				      .mode = e->mode,
				      .uid = e->uid,
				      .gid = e->gid,
				      .n_extents = e->n_extents,
				      .extents = e->extents,
				      .zisofs = e->zisofs,
				      .target = e->target,
				      .dir = {.at = e->dir}};

	return diff_entry_keep(a, &borrowed, ret);
}

static int compare_names(const void *a, const void *b)
{
	const struct diff_entry *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int take_entry(struct diff_list *l, size_t *capacity, const struct iso_entry *e)
{
	int r = grow(&l->entries, capacity, l->n, sizeof(*l->entries));

	if (!r)
		r = diff_entry_of(&l->arena, e, &l->entries[l->n]);
	l->n += !r;
	return r;
}

static int list_session(struct iso *iso, struct iso_extent at, struct diff_list *l)
{
	_cleanup_(iso_dir_closep) struct iso_dir *dir = NULL;
	size_t capacity = 0;
	int r = at.bytes ? iso_dir_open(iso, at, &dir) : 0;

	while (!r && dir) {
		_cleanup_entry_ struct iso_entry e = {.ino = 0};

		r = iso_dir_next(dir, &e);
		if (r <= 0)
			break;
		r = take_entry(l, &capacity, &e);
	}
	if (!r && l->n)
		qsort(l->entries, l->n, sizeof(*l->entries), compare_names);
	return r;
}

int diff_list(const struct diff_tree *t, const struct diff_dir *dir, struct diff_list *ret)
{
	int r = t->iso ? list_session(t->iso, dir->at, ret) : 0;

	if (!r && dir->node != DIFF_NO_NODE)
		r = overlay_apply(t->overlay, dir, ret);
	if (!r && dir->node != DIFF_NO_NODE && ret->n)
		qsort(ret->entries, ret->n, sizeof(*ret->entries), compare_names);
	return r;
}

void diff_list_release(struct diff_list *l)
{
	arena_release(&l->arena);
	free(l->entries);
}

int diff_root(const struct diff_tree *t, struct arena *a, struct diff_entry *ret)
{
	_cleanup_entry_ struct iso_entry root = {.ino = 1, .mode = S_IFDIR | 0755};
	int r = t->iso ? iso_root(t->iso, &root) : 0;

	if (!r && t->overlay)
		return overlay_root(t->overlay, a, ret);
	return r ? r : diff_entry_of(a, &root, ret);
}
