/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Freeze and thaw: the tree's part of the beginning of a commit, and of its failure.
 *
 * The frozen generation is handed out as a copy (snapshot) and the base it stands on; the stage goes on in one layer
 * whose rows carry the generation of their last change.  So a failed burn needs nothing undone.
 */
#include "fs/tree/internal.h"
#include "fs/tree/span_walk.h"

#include <errno.h>

void tree_frozen_release(struct tree_frozen *f)
{
	iso_unref(f->base);
	if (f->snapshot)
		stage_snapshot_free(f->snapshot);
	*f = (struct tree_frozen){0};
}

/* Without a base the root has no record anywhere but in its row. */
static int ensure_root_row_locked(struct tree *t)
{
	lock_assert(&t->lock);
	return t->base || stage_node_exists(t->stage, TREE_ROOT) ? 0 : node_put_locked(t, t->root);
}

/* Is there perhaps something that a session of the whole tree would bring together? Of a base of ours it is known. */
static bool may_be_scattered(const struct iso_info *base, unsigned flags)
{
	bool pieces = !(base->appuse.flags & APPUSE_PIECES) || base->appuse.files_in_pieces;

	return !base->ours || base->appuse.flags & APPUSE_LINKED || (flags & TREE_FREEZE_HEAL && pieces);
}

/* On a blank disc all that was made is removed again: of its root no more is left than when that was. */
static void forget_bare_root_locked(struct tree *t)
{
	lock_assert(&t->lock);
	const struct node *n = t->root;
	struct stage_totals totals;

	stage_totals(t->stage, &totals);
	if (t->base || totals.nodes != 1 || totals.names || !stage_node_exists(t->stage, TREE_ROOT) ||
	    n->mode != (S_IFDIR | 0755) || n->uid != t->options.owner || n->gid != t->options.group || n->xattrs ||
	    stage_node_delete(t->stage, TREE_ROOT) < 0)
		return;
	t->root->staged = false;
	(void)space_recount_locked(t); /* what fails is made again before the next change */
}

static bool nothing_to_freeze_locked(struct tree *t, unsigned flags)
{
	lock_assert(&t->lock);

	struct iso_info info = {0};

	forget_bare_root_locked(t);
	if (!stage_empty(t->stage))
		return false;
	if (!t->base)
		return true;
	iso_info(t->base, &info);
	return !(flags & TREE_FREEZE_UNCHANGED) && !(flags & TREE_FREEZE_WHOLE && may_be_scattered(&info, flags));
}

static int take_frozen_locked(struct tree *t, unsigned flags, struct tree_frozen *ret)
{
	lock_assert(&t->lock);
	struct tree_frozen f = {.generation = stage_generation(t->stage)};
	int r;

	uint64_t sectors = space_sectors_locked(t);
	if (t->options.span)
		sectors = min_u64(sectors, space_medium_room_locked(t));
	f.keep_bytes = (sectors * 2 + KEEP_SECTORS) * SECTOR_BYTES;
	r = stage_snapshot(t->stage, f.keep_bytes, &f.snapshot);
	if (r < 0)
		return r;
	f.base = t->base ? iso_ref(t->base) : NULL;
	f.next_ino = stage_next_ino(t->stage);
	f.may_link = t->space.may_link && !t->space.astray && !(flags & TREE_FREEZE_WHOLE);
	f.linked = f.may_link && t->space.links_trees;
	f.cannot_link = t->space.unlinkable_epoch == t->epoch + 1;
	f.unchanged = stage_empty(t->stage);
	*ret = f;
	return 0;
}

void tree_lock_all(struct tree *t)
{
	rwlock_take(&t->content); /* no write is between its body and its map */
	tree_lock(t);
}

void tree_unlock_all(struct tree *t)
{
	check(!tree_check_locked(t));
	tree_unlock(t);
	rwlock_give(&t->content);
}

/* What is held back, if anything is, is counted for the session after this one. */
static int begin_next_locked(struct tree *t, const struct span *held, struct tree_frozen *f)
{
	lock_assert(&t->lock);
	_free_ uint64_t *newer = NULL;
	size_t n = 0;
	int r = held && held->n_held ? span_freeze_locked(t, held, f->snapshot, &f->generation, &newer, &n) :
				       stage_freeze(t->stage, &f->generation);

	if (r < 0)
		return r;
	t->frozen = true;
	space_freeze_locked(t);
	return n ? space_count_newer_locked(t, newer, n) : 0;
}

static int freeze_locked(struct tree *t, unsigned flags, const struct span *held, struct tree_frozen *ret)
{
	lock_assert(&t->lock);
	_cleanup_(tree_frozen_release) struct tree_frozen f = {0};
	int r = t->frozen ? -EBUSY : node_flush_all_locked(t);

	if (r == 0 && serials_contradict_locked(t))
		r = -EBADMSG;
	if (r == 0)
		r = space_counted_locked(t);
	if (r == 0 && nothing_to_freeze_locked(t, flags))
		r = -ENODATA;
	if (r == 0)
		r = ensure_root_row_locked(t);
	if (r == 0)
		r = take_frozen_locked(t, flags, &f);
	if (r == 0)
		r = begin_next_locked(t, held, &f);
	if (r == 0) {
		*ret = f;
		f = (struct tree_frozen){0};
	}
	return r;
}

static void thaw_locked(struct tree *t)
{
	lock_assert(&t->lock);
	t->frozen = false;
	losers_forget_locked(t);
	stage_unfreeze(t->stage);
	(void)space_recount_locked(t); /* what fails is made again before the next change */
}

int tree_freeze_span(struct tree *t, unsigned flags, const struct span *held, struct tree_frozen *ret)
{
	tree_lock_all(t);
	bool was_frozen = t->frozen;
	int r = freeze_locked(t, flags, held, ret);
	if (r < 0 && t->frozen && !was_frozen)
		thaw_locked(t);
	tree_unlock_all(t);
	return r;
}

int tree_freeze(struct tree *t, unsigned flags, struct tree_frozen *ret)
{
	return tree_freeze_span(t, flags, NULL, ret);
}

int tree_preview_span(struct tree *t, unsigned flags, const struct span *held, struct tree_frozen *ret)
{
	tree_lock_all(t);
	int r = node_flush_all_locked(t);
	if (r == 0 && nothing_to_freeze_locked(t, flags))
		r = -ENODATA;
	if (r == 0)
		r = ensure_root_row_locked(t);
	if (r == 0)
		r = take_frozen_locked(t, flags, ret);
	if (r == 0 && held && (held->n_held || held->n_splits)) {
		r = span_preview_locked(t, held, ret->snapshot);
		for (size_t i = 0; i < held->n_splits; i++)
			ret->next_ino += split_files(&held->splits[i]);
		if (r < 0)
			tree_frozen_release(ret);
	}
	tree_unlock_all(t);
	return r;
}

int tree_preview(struct tree *t, unsigned flags, struct tree_frozen *ret)
{
	return tree_preview_span(t, flags, NULL, ret);
}

void tree_planned(struct tree *t, uint64_t sectors)
{
	tree_lock(t);
	t->space.frozen = max_u64(t->space.frozen, sectors);
	host_planned_locked(t, sectors);
	tree_unlock(t);
}

void tree_cannot_link(struct tree *t)
{
	tree_lock(t);
	t->space.unlinkable_epoch = t->epoch + 1;
	t->space.may_link = t->space.links_trees = false;
	tree_unlock(t);
}

void tree_thaw(struct tree *t)
{
	tree_lock_all(t);
	thaw_locked(t);
	tree_unlock_all(t);
}
