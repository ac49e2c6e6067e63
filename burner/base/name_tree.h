/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * name_tree.h - names in directories, some of those that a tree of files has: found by path, moved with all below
 *
 *	struct name_tree t = {0};
 *	name_tree_reach(&t, "a/b", &node), name_tree_find, name_tree_detach, name_tree_attach … name_tree_release
 *
 * Nodes are numbers from NAME_TREE_ROOT on, each given once; what is known of one its owner keeps in an array beside.
 * Paths are without a slash before them, "" the root.  Not locked.
 */
#ifndef BURNER_BASE_NAME_TREE_H
#define BURNER_BASE_NAME_TREE_H

#include "burner/base/arena.h"
#include "burner/base/table.h"

#define NAME_TREE_NONE 0u
#define NAME_TREE_ROOT 1u

struct name_node {
	const char *name;
	uint32_t parent;      /* of one that is detached NAME_TREE_NONE, as of the root */
	uint32_t first, next; /* in it; the next one in the same directory, in no order */
	uint32_t before;
};

struct name_tree {
	struct name_node *nodes;
	uint32_t n; /* those given so far are below */
	size_t capacity;
	struct table by_name;
	uint64_t seed;
	struct arena arena;
};

/* The node of a path, and those above it, which are made where there are none.  -ENOMEM. */
int name_tree_reach(struct name_tree *t, const char *path, uint32_t *ret);
/* NAME_TREE_NONE: there is none. */
uint32_t name_tree_find(const struct name_tree *t, const char *path);
uint32_t name_tree_child(const struct name_tree *t, uint32_t directory, const char *name, size_t length);
/* It has no path any more, nor has what is below it, which stays there. */
void name_tree_detach(struct name_tree *t, uint32_t node);
/* It gets that path, which is no other's.  -ENOMEM: it is as it was. */
int name_tree_attach(struct name_tree *t, uint32_t node, const char *path);
/* To be freed; NULL with errno: ENOENT detached, or below what is. */
char *name_tree_path(const struct name_tree *t, uint32_t node);
/* The next of all nodes below `top`: after itself the first; NAME_TREE_NONE behind the last. */
uint32_t name_tree_below(const struct name_tree *t, uint32_t top, uint32_t after);
void name_tree_release(struct name_tree *t);

#endif
