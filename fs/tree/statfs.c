/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What df shows: of the medium, or of what is for several discs what can be staged.
 */
#include "fs/tree/internal.h"

#include <string.h>
#include <sys/statvfs.h>

#define NEW_NAME_SECTORS 8u /* df leaves them out: what is copied to the disc needs a name */

/* What a new name in the root takes at most. */
static uint64_t new_name_sectors_locked(struct tree *t)
{
	lock_assert(&t->lock);
	bool whole = t->space.links_trees && !t->space.astray && !touched_has_locked(t, TREE_ROOT);

	return NEW_NAME_SECTORS + (whole ? t->root->base_sectors : 0);
}

/* What can be staged; the parity of the next session lies there while that is burned. */
static uint64_t stage_left_locked(const struct tree *t)
{
	lock_assert(&t->lock);
	uint64_t room = stage_room(t->stage) / SECTOR_BYTES, parity = space_parity_locked(t);

	return room > parity ? space_more_locked(t, room - parity) : 0;
}

int tree_statfs(struct tree *t, struct statvfs *ret)
{
	memset(ret, 0, sizeof(*ret));
	/* a base that cannot be measured cannot be written to either: the first write says so */
	space_measure(t);
	tree_lock(t);
	int r = space_counted_locked(t);
	if (r < 0) {
		tree_unlock(t);
		return r;
	}
	const struct disc_state *m = &t->space.medium;
	bool writable = !tree_is_read_only(t);
	uint64_t left = writable ? space_left_locked(t) : 0;
	bool bounded = m->capacity_sectors && !t->options.span;
	if (writable && t->options.span) /* all that is left is several discs' */
		left = min_u64(left, stage_left_locked(t));
	uint64_t used = m->used_sectors + (writable ? space_sectors_locked(t) : 0);

	left = left > (uint64_t)INT64_MAX / SECTOR_BYTES ? 0 : left - min_u64(left, new_name_sectors_locked(t));
	ret->f_bsize = ret->f_frsize = SECTOR_BYTES;
	ret->f_blocks = bounded ? m->capacity_sectors : (writable ? used + left : m->used_sectors);
	ret->f_bfree = ret->f_bavail = min_u64(left, ret->f_blocks);
	/* What is new must go through the stage, which may lie on a smaller file system. */
	if (writable)
		ret->f_bavail = min_u64(ret->f_bavail, stage_left_locked(t));
	/* Inode numbers are PX serials, 32 bits wide. */
	if (writable)
		ret->f_files = UINT32_MAX,
		ret->f_ffree = ret->f_favail = UINT32_MAX - min_u64(stage_next_ino(t->stage), UINT32_MAX);
	ret->f_namemax = 255;
	tree_unlock(t);
	return 0;
}
