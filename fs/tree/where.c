/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * where.c - where something lies: on which blocks of the disc, and what of it is staged
 */
#include "fs/tree/internal.h"

/* Of a directory its records, of whatever else its content. */
static void look_at_directory(const struct node *n, struct tree_where *ret)
{
	ret->on_disc = n->base_dir.bytes > 0;
	ret->first = ret->last = (uint64_t)n->base_dir.lba * SECTOR_BYTES;
}

static void look_at_content(const struct node *n, uint64_t older_below, struct tree_where *ret)
{
	for (uint32_t i = 0; i < n->map.n; i++) {
		const struct extent *e = &n->map.extents[i];

		if (e->kind != EXTENT_DISC)
			continue;
		ret->first = ret->on_disc ? ret->first : e->pos;
		ret->last = max_u64(ret->last, e->pos);
		ret->on_disc = true;
		ret->sections += (e->length + SECTION_MAX_BYTES - 1) / SECTION_MAX_BYTES;
		ret->older_bytes += n->content || e->pos < older_below ? e->length : 0;
	}
}

static enum tree_staged what_is_staged(const struct tree *t, const struct node *n)
{
	bool is_new = n->ino >= t->space.new_ino;

	if (!n->staged)
		return TREE_STAGED_NOTHING;
	return is_new || n->content || S_ISDIR(n->mode) ? TREE_STAGED_CONTENT : TREE_STAGED_ATTRIBUTES;
}

int tree_where(struct tree *t, uint64_t ino, uint64_t older_below, struct tree_where *ret)
{
	struct node *n;

	*ret = (struct tree_where){.on_disc = false};
	tree_lock(t);
	int r = node_fetch_locked(t, ino, &n);
	if (r == 0) {
		ret->mode = n->mode;
		ret->staged = what_is_staged(t, n);
		if (S_ISDIR(n->mode))
			look_at_directory(n, ret);
		else if (S_ISREG(n->mode))
			look_at_content(n, older_below, ret);
		node_unused_locked(t, n);
	}
	tree_unlock(t);
	return r;
}
