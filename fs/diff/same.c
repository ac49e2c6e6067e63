/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/diff/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "burner/base/bytes.h"
#include "burner/base/own.h"

#define PIECE_BYTES ((size_t)1 << 20)

/* ---- content ---- */

static bool at_same_place(const struct diff_entry *a, const struct diff_entry *b)
{
	if (a->size != b->size || a->n_extents != b->n_extents ||
	    memcmp(&a->zisofs, &b->zisofs, sizeof(a->zisofs)) != 0)
		return false;
	for (uint32_t i = 0; i < a->n_extents; i++)
		if (a->extents[i].offset != b->extents[i].offset || a->extents[i].length != b->extents[i].length ||
		    a->extents[i].pos != b->extents[i].pos)
			return false;
	return true;
}

static int read_content(struct iso *iso, const struct diff_entry *e, uint64_t offset, uint8_t *buf, size_t n)
{
	return iso_content_read(iso_disc(iso), &e->zisofs, e->extents, e->n_extents, e->size, offset, buf, n);
}

static int compare_content(const struct diff_options *o, const struct diff_entry *old, const struct diff_entry *new)
{
	_free_ uint8_t *a = malloc(PIECE_BYTES), *b = malloc(PIECE_BYTES);
	int r = a && b ? 0 : -ENOMEM;
	size_t n;

	for (uint64_t at = 0; at < old->size && !r; at += n) {
		n = (size_t)min_u64(PIECE_BYTES, old->size - at);
		r = o->pace ? o->pace(o->context) : 0;
		if (!r)
			r = read_content(o->old.iso, old, at, a, n);
		if (!r)
			r = read_content(o->new.iso, new, at, b, n);
		if (!r && memcmp(a, b, n) != 0)
			return 1;
	}
	return r;
}

int diff_content(const struct diff_options *o, const struct diff_entry *old, const struct diff_entry *new)
{
	if (S_ISLNK(new->mode))
		return strcmp(old->target ? old->target : "", new->target ? new->target : "") != 0;
	if (S_ISCHR(new->mode) || S_ISBLK(new->mode))
		return old->rdev != new->rdev;
	if (!S_ISREG(new->mode))
		return 0;
	if (old->size != new->size || new->staged_content)
		return 1;
	return at_same_place(old, new) ? 0 : compare_content(o, old, new);
}

/* ---- attributes ---- */

static int attributes_of(const struct diff_tree *t, const struct diff_entry *e, uint8_t **ret, size_t *ret_bytes)
{
	return t->iso && e->xattrs_at ? iso_xattrs(t->iso, e->xattrs_at, ret, ret_bytes) : 0;
}

static int compare_xattrs(const struct diff_options *o, const struct diff_entry *old, const struct diff_entry *new)
{
	_free_ uint8_t *a = NULL, *b = NULL;
	size_t a_bytes = 0, b_bytes = 0;
	int r = attributes_of(&o->old, old, &a, &a_bytes);

	if (!r)
		r = attributes_of(&o->new, new, &b, &b_bytes);
	if (r)
		return r == -E2BIG || r == -ENOENT ? -EBADMSG : r;
	return a_bytes != b_bytes || (a_bytes && memcmp(a, b, a_bytes) != 0);
}

/* The time of a directory says that something in it is different: that is told by itself. */
int diff_attributes(const struct diff_options *o, const struct diff_entry *old, const struct diff_entry *new)
{
	if (old->mode != new->mode || old->uid != new->uid || old->gid != new->gid)
		return 1;
	if (!S_ISDIR(new->mode) && (old->mtime.tv_sec != new->mtime.tv_sec || old->mtime.tv_nsec != new->mtime.tv_nsec))
		return 1;
	if (new->staged_attributes)
		return 1;
	return old->xattrs_at == new->xattrs_at ? 0 : compare_xattrs(o, old, new);
}

int diff_files(const struct diff_tree *old_tree, const struct iso_entry *old, const struct diff_tree *new_tree,
	       const struct iso_entry *new, bool *ret)
{
	const struct diff_options o = {.old = *old_tree, .new = *new_tree};
	struct diff_entry a, b;
	struct arena arena = {.chunks = NULL};
	int r = diff_entry_of(&arena, old, &a);

	if (!r)
		r = diff_entry_of(&arena, new, &b);
	if (!r)
		r = diff_attributes(&o, &a, &b);
	if (!r)
		r = diff_content(&o, &a, &b);
	if (r >= 0)
		*ret = r > 0;
	arena_release(&arena);
	return r < 0 ? r : 0;
}
