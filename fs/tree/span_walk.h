/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * span_walk.h - inside fs/tree: the rows below something that is staged, and what the files of span.h share
 *
 * Threads: none of its own.
 */
#ifndef FS_TREE_SPAN_WALK_H
#define FS_TREE_SPAN_WALK_H

#include "fs/tree/span.h"

struct span_node {
	uint64_t ino;
	const struct stage_node *row; /* NULL: there is none; of a name that is gone (ino 0) that means nothing here */
	size_t name;		      /* index of the row of its name; of the first one SPAN_NONE */
};

/* That node and all that rows say is below it: of each name one call.  What each returns but 0 ends the walk; a row is
 * met again and again in a tree that is none: -EBADMSG. */
int span_walk(const struct stage_snapshot *rows, uint64_t ino, int (*each)(void *context, const struct span_node *n),
	      void *context);
/* Each entry gets its disc, then what is held is listed.  first, other: room in bytes. -EFBIG with *ret_why. */
int span_spread(struct span *s, const struct stage_snapshot *rows, uint64_t first, uint64_t other, char **ret_why);

/* Of a fresh copy of all rows: what is held is of the next generation, and leaves the copy.  *ret_newer (allocated,
 * also on failure): numbers of all rows that are of it.  Errors as tree_freeze_span().  The other one only leaves it
 * out. */
int span_freeze_locked(struct tree *t, const struct span *s, struct stage_snapshot *rows, uint32_t *ret_generation,
		       uint64_t **ret_newer, size_t *ret_n_newer);
int span_preview_locked(struct tree *t, const struct span *s, struct stage_snapshot *rows);

#endif
