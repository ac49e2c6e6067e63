/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * discard_plan.h - inside fs/tree: what a discard of paths takes with it (discard_plan.c), and how it is done
 * (discard_path.c)
 */
#ifndef FS_TREE_DISCARD_PLAN_H
#define FS_TREE_DISCARD_PLAN_H

#include "burner/base/why.h"
#include "fs/tree/internal.h"
#include "fs/tree/staged.h"

/* A row of the snapshot that stays or goes. */
struct plan {
	struct tree *t;
	const char *const *paths;
	size_t n_paths;
	struct tree_frozen frozen;
	struct staged_list *list;
	bool *goes;		    /* of each change */
	bool *node_goes;	    /* of each row */
	struct iso_entry *restored; /* of each row of a directory that the disc has: what it says; mode 0: none */
	uint64_t *old_parents;	    /* of each row of a directory that goes back to where it was; 0: it does not */
	uint64_t n_puts, n_name_changes;
	char **ret_why;
};

/* From the rows as they are now; no lock is held.  -ENOENT, -EXDEV with *ret_why; what stage and disc say. */
int discard_plan_make(struct plan *p);
void discard_plan_release(struct plan *p); /* but for what the caller has set */
bool discard_is_staged(const struct plan *p, const char *path);
/* By how many links of sub-directories, or of names, a node that stays changes. */
int64_t discard_links_of(const struct plan *p, uint64_t ino);

#endif
