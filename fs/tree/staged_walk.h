/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * staged_walk.h - inside fs/tree: what the walk of staged.c collects, and staged_list.c makes the list of
 */
#ifndef FS_TREE_STAGED_WALK_H
#define FS_TREE_STAGED_WALK_H

#include "fs/tree/staged.h"

/* A record of the base that the merged tree does not show. */
struct hidden {
	uint64_t parent, ino;
	char *name;
	struct iso_entry entry;
	bool moved; /* its node has another name now */
};

struct item {
	uint64_t parent, ino;
	const char *name;
	char *owned; /* the same, when the record is the base's */
	const struct stage_node *row;
	bool named;
	struct iso_entry base; /* under that name; mode 0: none */
	struct hidden *from;   /* renamed */
	bool unread;	       /* the base, which is gone, may have had it */
	bool same;	       /* a directory, as the base has it: only its name is a row, for what is below */
	char kind;
};

struct visit {
	uint64_t ino, parent;
	struct iso_extent dir;
	char *path;   /* owned; NULL: … */
	bool removed; /* … only what is hidden below it is of interest */
	bool noted;   /* it is in the list of directories */
};

struct walk {
	struct stage_snapshot *snapshot;
	struct iso *base;
	struct visit *stack;
	size_t n_stack, stack_capacity;
	struct item *items;
	size_t n_items, items_capacity;
	struct hidden **hidden;
	size_t n_hidden, hidden_capacity;
	struct staged_dir *dirs;
	size_t n_dirs, dirs_capacity;
	bool *row_met; /* for each row: its directory has been met */
	struct iso_room room_left;
	uint64_t path_bytes; /* of all paths */
};

/* The merged tree from its root; base NULL: what can be known of it without. */
int staged_walk(struct walk *w);
/* And then what lies below directories that are hidden: all of it is hidden. */
int staged_walk_removed(struct walk *w);
void staged_walk_release(struct walk *w);
char *staged_join(const char *path, const char *name);
/* Paths of rows that lie thousands deep would take all memory.  -ENAMETOOLONG */
int staged_count_path(struct walk *w, const char *path);
struct iso_entry staged_take(struct iso_entry *e); /* what it owns moves */

#endif
