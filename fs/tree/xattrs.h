/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * xattrs.h - extended attributes inside fs/tree
 */
#ifndef FS_TREE_XATTRS_H
#define FS_TREE_XATTRS_H

#include "fs/tree/internal.h"

/* A set (burner/base/xattrs.h); 0 bytes: it is empty. */
struct set {
	const uint8_t *bytes;
	size_t length;
};

/* What the record of that place has: what is on the disc stays as it is. */
struct fetched {
	uint64_t at;
	uint8_t *set;
	size_t bytes;
};
void fetched_release(struct fetched *f);

/* The set of a node is at hand: in memory, or in *f.  1: the lock was given back for it, and nodes found before may be
 * gone. */
int xattrs_fetch_locked(struct tree *t, struct node *n, struct fetched *f);
/* The node of a number, as node_fetch_locked(), with its set. */
int node_with_xattrs_locked(struct tree *t, uint64_t ino, struct fetched *f, struct node **ret);
/* An allocated set becomes that of the node. */
void node_take_set(struct node *n, struct set set);
/* What was fetched becomes the node's own: as it is to be written under another name, what it costs is counted. */
void xattrs_load_locked(struct tree *t, struct node *n, struct fetched *f);
/* The set of a node whose mode becomes this one, allocated.  0: it has no list, and nothing changes; 1. */
int xattrs_chmod(const struct node *n, const struct fetched *f, mode_t mode, struct set *ret);
/* Mode and set of a new node, as the directory's default list, or else the umask, has them. */
int xattrs_inherit(struct node *n, const struct node *dir, const struct fetched *f, mode_t umask);

#endif
