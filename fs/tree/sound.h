/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sound.h - inside fs/tree: do the rows of directories make a tree?
 *
 *	ways_add (each directory that has a row, ascending) -> ways_name_locked (each staged name of one) ->
 *	ways_check_locked -> ways_release
 *
 * Errors: -EBADMSG, and stage_blamed() has the words; -ENOMEM.
 */
#ifndef FS_TREE_SOUND_H
#define FS_TREE_SOUND_H

#include "fs/tree/internal.h"

struct ways {
	struct way_row {
		uint64_t ino, parent;
		uint32_t seen; /* by the walk of that number */
		bool named;    /* its staged name was met */
	} * list;	       /* by ino */
	size_t n, capacity;
};

int ways_add(struct ways *w, uint64_t ino, uint64_t parent);
/* A staged name in dir leads to that directory. */
int ways_name_locked(struct tree *t, struct ways *w, uint64_t dir, struct node *child);
int ways_check_locked(struct tree *t, struct ways *w);
void ways_release(struct ways *w);

#endif
