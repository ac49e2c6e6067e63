/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/diff/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "burner/base/bytes.h"
#include "burner/base/own.h"
#include "burner/base/time.h"
#include "burner/base/xattrs.h"

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

static int read_newer(const struct diff_options *o, const struct diff_entry *e, uint64_t offset, uint8_t *buf, size_t n)
{
	return e->staged_content ? overlay_read(o->new.overlay, e->staged_path, offset, buf, n) :
				   read_content(o->new.iso, e, offset, buf, n);
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
			r = read_newer(o, new, at, b, n);
		if (!r)
			r = read_content(o->old.iso, old, at, a, n);
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
	if (old->size != new->size)
		return 1;
	return !new->staged_content &&at_same_place(old, new) ? 0 : compare_content(o, old, new);
}

/* ---- attributes ---- */

static int attributes_of(const struct diff_tree *t, const struct diff_entry *e, uint8_t **ret, size_t *ret_bytes)
{
	return t->iso && e->xattrs_at ? iso_xattrs(t->iso, e->xattrs_at, ret, ret_bytes) : 0;
}

/* libisofs' own attributes are shown to nobody; all: also those of trusted., which root alone sees in the mount. */
static bool next_shown(const uint8_t *set, size_t bytes, size_t *at, bool all, struct xattr *ret)
{
	while (xattrs_next(set, bytes, at, ret))
		if (!xattrs_is_hidden(ret->name, ret->name_bytes) &&
		    (all || ret->name_bytes < 8 || memcmp(ret->name, "trusted.", 8) != 0))
			return true;
	return false;
}

static bool same_shown(const uint8_t *a, size_t a_bytes, const uint8_t *b, size_t b_bytes, bool all)
{
	size_t at = 0, bt = 0;
	struct xattr x, y;

	for (;;) {
		bool more = next_shown(a, a_bytes, &at, all, &x);

		if (more != next_shown(b, b_bytes, &bt, all, &y))
			return false;
		if (!more)
			return true;
		if (x.name_bytes != y.name_bytes || x.value_bytes != y.value_bytes ||
		    memcmp(x.name, y.name, x.name_bytes) != 0 || memcmp(x.value, y.value, x.value_bytes) != 0)
			return false;
	}
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
	return !same_shown(a, a_bytes, b, b_bytes, true);
}

static int compare_staged_xattrs(const struct diff_options *o, const struct diff_entry *old,
				 const struct diff_entry *new)
{
	_free_ uint8_t *a = NULL, *b = NULL;
	size_t a_bytes = 0, b_bytes = 0;
	int r = overlay_xattrs(o->new.overlay, new->staged_path, &b, &b_bytes);

	if (!r)
		r = attributes_of(&o->old, old, &a, &a_bytes);
	return r ? r : !same_shown(a, a_bytes, b, b_bytes, geteuid() == 0);
}

static bool same_time_of(const struct diff_options *o, const struct diff_entry *old, const struct diff_entry *new)
{
	if (o->exact)
		return same_time(old->mtime, new->mtime) && same_time(old->atime, new->atime);
	/* The time of a directory says that something in it is different: that is told by itself. */
	return S_ISDIR(new->mode) || same_time(old->mtime, new->mtime);
}

/* Where numbers do not tell which names are one file. */
static bool may_be_linked_otherwise(const struct diff_options *o, const struct diff_entry *old,
				    const struct diff_entry *new)
{
	return o->exact && !o->by_number && !S_ISDIR(new->mode) && (old->nlink > 1 || new->nlink > 1);
}

int diff_attributes(const struct diff_options *o, const struct diff_entry *old, const struct diff_entry *new)
{
	if (old->mode != new->mode || old->uid != new->uid || old->gid != new->gid || !same_time_of(o, old, new) ||
	    may_be_linked_otherwise(o, old, new))
		return 1;
	if (new->staged_attributes)
		return compare_staged_xattrs(o, old, new);
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
