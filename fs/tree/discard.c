/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Discard: everything staged is dropped, and the tree is what the disc has.
 */
#include "fs/tree/internal.h"

#include <errno.h>
#include <stdlib.h>

static bool changed_and_open(const struct tree *t)
{
	for (uint64_t i = 0; i < t->n_buckets; i++) {
		for (const struct node *n = t->buckets[i]; n; n = n->hash_next) {
			if (S_ISREG(n->mode) && n->n_open && (n->staged || n->orphan || n->n_writers))
				return true;
		}
	}
	return false;
}

/* Staged nodes end; the kernel asks anew by name. */
static void drop_nodes_locked(struct tree *t, const struct iso_entry *root)
{
	lock_assert(&t->lock);
	for (uint64_t i = 0; i < t->n_buckets; i++) {
		for (struct node *n = t->buckets[i]; n; n = n->hash_next) {
			if (!n->staged && !n->orphan)
				continue;
			node_undirty(n);
			n->cost = 0;
			n->own_body = 0;
			n->staged = false;
			if (n != t->root)
				n->dead = true;
		}
	}
	if (t->base)
		node_restore_dir(t->root, root);
	t->root->nlink = t->base ? root->nlink : 2;
}

static int discard_locked(struct tree *t, struct stage_snapshot **ret)
{
	_cleanup_entry_ struct iso_entry root = {0};
	_cleanup_(stage_snapshot_freep) struct stage_snapshot *what = NULL;
	int r = t->frozen || changed_and_open(t) ? -EBUSY : node_flush_all_locked(t);

	if (r == 0)
		r = stage_snapshot(t->stage, KEEP_SECTORS * (uint64_t)SECTOR_BYTES, &what);
	/* The root as the disc has it is read before there is no way back. */
	if (r == 0 && t->base)
		r = iso_root(t->base, &root);
	if (r < 0)
		return r;
	known_keep_burned_locked(t);
	t->n_name_changes++;
	stage_lock(t->stage); /* so it is not made durable here */
	r = stage_discard(t->stage);
	stage_unlock(t->stage);
	if (r < 0)
		return r;
	drop_nodes_locked(t, &root);
	known_dropped_locked(t);
	(void)space_recount_locked(t); /* what fails is made again before the next change */
	*ret = TAKE_PTR(what);
	return 0;
}

int tree_discard(struct tree *t, struct stage_snapshot **ret)
{
	tree_lock_all(t);
	int r = discard_locked(t, ret);
	tree_unlock_all(t);
	return r < 0 ? r : stage_sync(t->stage);
}
