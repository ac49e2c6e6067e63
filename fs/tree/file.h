/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * file.h - inside fs/tree: handles and content of files
 */
#ifndef FS_TREE_FILE_H
#define FS_TREE_FILE_H

#include "fs/tree/internal.h"

struct tree_file {
	struct node *node;
	bool writable, alone;
};

/* All three take the locks themselves; the node is pinned or open.  Reads up to the file's end. */
int node_read(struct tree *t, struct node *n, uint64_t offset, void *buf, size_t length, size_t *ret_length);
int node_write(struct tree *t, struct node *n, uint64_t offset, const void *buf, size_t length);
/* Decompress a zisofs file into the stage, before its first change. */
int node_unpack(struct tree *t, struct node *n);

#endif
