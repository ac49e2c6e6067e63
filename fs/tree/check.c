/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What must hold of a tree in memory whenever its lock is free to be taken: for tests, and for builds with checks at
 * the ends of what changes all of it.
 */
#include "fs/tree/internal.h"

#include <errno.h>

/* A file that is being written has a map ahead of its size: it is not looked at. */
static const char *check_map_locked(struct node *n)
{
	const char *wrong = NULL;
	struct map_sums sums;

	if (!rwlock_try_shared(&n->io))
		return NULL;
	sums = map_sum(&n->map, 0, UINT64_MAX);
	if (S_ISREG(n->mode) && n->staged && !n->dead && !zisofs_used(&n->zisofs) && !map_valid(&n->map, n->size))
		wrong = "the map does not cover the file";
	else if (n->staged && !n->dead &&
		 (n->stage_bytes != sums.stage || n->hole_bytes != sums.hole || n->aside_bytes != sums.aside))
		wrong = "the sums are not those of the map";
	rwlock_give(&n->io);
	return wrong;
}

static const char *check_node_locked(struct tree *t, struct node *n)
{
	lock_assert(&t->lock);
	if (node_find_locked(t, n->ino) != n)
		return "a node that is not found by its number, or twice there";
	if (known_find(&t->known, n->ino) || idset_has(&t->once, n->ino) || burned_has_locked(t, n->ino))
		return "a node that is known as well";
	if (n->n_writers > n->n_open || n->n_alone > n->n_open)
		return "more writers than handles";
	if (node_is_dirty(n) && (*n->dirty_link != n || !n->staged || n->orphan || n->dead))
		return "a changed node that is not to be put";
	if (n->ino >= t->space.new_ino && !n->nlink && !n->orphan && !n->dead)
		return "a node of ours without a name";
	if (n->orphan && !n->dead && (n->cost || n->links || n->aside))
		return "a node without a name that is counted";
	return check_map_locked(n);
}

static const char *check_nodes_locked(struct tree *t)
{
	uint64_t n_nodes = 0, n_dirty = 0, n_contents = 0, data = 0;
	const char *wrong;

	lock_assert(&t->lock);
	for (uint64_t i = 0; i < t->n_buckets; i++) {
		for (struct node *n = t->buckets[i]; n; n = n->hash_next) {
			wrong = check_node_locked(t, n);
			if (wrong)
				return wrong;
			n_nodes++;
			n_dirty += node_is_dirty(n);
			n_contents += n->cost > 0;
			data += n->cost;
		}
	}
	if (n_nodes != t->n_nodes)
		return "the number of nodes";
	for (const struct node *n = t->dirty; n; n = n->dirty_next)
		n_dirty--;
	if (n_dirty)
		return "the list of changed nodes";
	/* Rows of nodes that are not in memory have the rest. */
	if (!t->space.uncounted && (data > t->space.data || n_contents > t->space.n_contents))
		return "staged data that is not counted";
	return t->root && !t->root->orphan && !t->root->dead && S_ISDIR(t->root->mode) ? NULL : "the root";
}

static const char *check_known_locked(struct tree *t)
{
	size_t n_known = 0, n_once = 0;

	lock_assert(&t->lock);
	for (struct known *k = NULL; (k = known_next(&t->known, k)); n_known++) {
		if (known_find(&t->known, k->ino) != k)
			return "a known file that is not found";
		if (!k->n_lookups || (k->where >= t->n_readers && k->where < KNOWN_STAGED))
			return "a known file that nothing can read, or that nobody knows";
		if (idset_has(&t->once, k->ino) || burned_has_locked(t, k->ino))
			return "a known file that is there twice";
	}
	for (struct idset_at at = {0}; idset_next(&t->once, &at); n_once++)
		if (burned_has_locked(t, at.number))
			return "a staged file that is burned as well";
	return n_known == t->known.count && n_once == t->once.count ? NULL : "the number of known files";
}

static const char *check_idle_locked(struct tree *t)
{
	const struct idle *q = &t->idle;
	uint64_t n_queued = 0;

	lock_assert(&t->lock);
	if (q->count > q->capacity)
		return "the queue of idle nodes";
	for (uint64_t i = 0; i < t->n_buckets; i++)
		for (const struct node *n = t->buckets[i]; n; n = n->hash_next)
			n_queued += n->queued;
	return n_queued <= q->count ? NULL : "an idle node that does not wait";
}

const char *tree_check_locked(struct tree *t)
{
	const char *wrong;

	lock_assert(&t->lock);
	wrong = check_nodes_locked(t);
	if (!wrong)
		wrong = check_known_locked(t);
	if (!wrong)
		wrong = check_idle_locked(t);
	if (!wrong)
		wrong = touched_check_locked(t);
	return wrong;
}
