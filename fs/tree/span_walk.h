/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * span_walk.h - inside fs/tree: the rows below something that is staged, and what the files of span.h share
 *
 * Threads: none of its own.
 */
#ifndef FS_TREE_SPAN_WALK_H
#define FS_TREE_SPAN_WALK_H

#include "fs/tree/span.h"
#include "fs/tree/staged.h"

struct span_node {
	uint64_t ino;
	const struct stage_node *row; /* NULL: there is none; of a name that is gone (ino 0) that means nothing here */
	size_t name;		      /* index of the row of its name; of the first one SPAN_NONE */
};

/* That node and all that rows say is below it: of each name one call.  What each returns but 0 ends the walk; a row is
 * met again and again in a tree that is none: -EBADMSG. */
int span_walk(const struct stage_snapshot *rows, uint64_t ino, int (*each)(void *context, const struct span_node *n),
	      void *context);
/* The row of that name; NULL. */
const struct stage_snapshot_name *span_name(const struct stage_snapshot *rows, uint64_t parent, const char *name);
/* From `from` on the splits are new: the copy of the rows has their parts then, and new numbers begin behind those.
 * -EEXIST with *ret_why. */
int span_take_parts(struct span *s, size_t from, struct tree_frozen *frozen, const struct staged_list *list,
		    bool listed, char **ret_why);
/* Room in bytes of this disc and of a blank one; may files be split, and do sessions list contents? */
struct span_rooms {
	uint64_t first, other;
	bool may_split, listed;
};
/* Each entry gets its disc, then what is held is listed.  -EFBIG, -ENOSPC with *ret_why.  Or something is to be done
 * before: files are to be split, which are in s->splits now, from the first one on that was not there, and all is to be
 * found anew; entries are to be opened, and all placed anew. */
enum span_before { SPAN_TO_SPLIT = 1, SPAN_TO_OPEN = 2 };
int span_spread(struct span *s, const struct stage_snapshot *rows, const struct span_rooms *rooms, char **ret_why);

/* Of a fresh copy of all rows: what is held is of the next generation, and leaves the copy.  *ret_newer (allocated,
 * also on failure): numbers of all rows that are of it.  Errors as tree_freeze_span().  The other one only leaves it
 * out. */
int span_freeze_locked(struct tree *t, const struct span *s, struct stage_snapshot *rows, uint32_t *ret_generation,
		       uint64_t **ret_newer, size_t *ret_n_newer);
int span_preview_locked(struct tree *t, const struct span *s, struct stage_snapshot *rows);

#endif
