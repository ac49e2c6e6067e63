/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * file.h - inside fs/tree: handles and content of files
 */
#ifndef FS_TREE_FILE_H
#define FS_TREE_FILE_H

#include "fs/tree/internal.h"

struct tree_file {
	struct node *node;
	bool writable, alone, plain;
};

#define BLOCK ((uint64_t)SECTOR_BYTES)
static inline uint64_t block_down(uint64_t v) { return v & ~(BLOCK - 1); }
static inline uint64_t block_up(uint64_t v) { return round_up(v, BLOCK); }

/* t->content, shared, and n->io: to read the map and bodies, or to change content. */
void content_lock_shared(struct tree *t, struct node *n);
void content_lock(struct tree *t, struct node *n);
void content_unlock(struct tree *t, struct node *n);

/* The map of n may be changed: n->io is held alone, or t->content is, by a rebase. */
#define content_assert(t, n) check(rwlock_is_mine(&(n)->io) || rwlock_is_mine(&(t)->content))

/* ---- write.c; with the content locked for changes, t->lock not held ---- */

/* The old bytes of one block on the disc. */
struct edge {
	bool valid;
	uint64_t pos, length;
	uint8_t bytes[SECTOR_BYTES];
};
struct edges {
	struct edge edge[3];
}; /* of the block at the file's end, the first and the last block written */
/* All edges that a write of [offset, end) needs; the file's last block too when it is extended beyond.  The lock is
 * given back while the disc is read. */
int edges_fetch_locked(struct tree *t, struct node *n, uint64_t offset, uint64_t end, struct edges *x);
/* The file ends at n->size and shall read as zeros up to `size`: the rest of its last block, then a hole, of
 * that body (0 or EXTENT_ASIDE). */
int content_extend_locked(struct tree *t, struct node *n, uint64_t size, uint32_t body, const struct edges *edges);
/* Put a piece into the map: what it replaces is dead. */
int content_set_piece_locked(struct tree *t, struct node *n, const struct extent *piece);
/* Size, times and account after a change of content. */
void content_changed_locked(struct tree *t, struct node *n, uint64_t size);
/* Room for a change of it: dirty_ancestors_of_locked() */
int content_open_way_locked(struct tree *t, struct node *n);

/* All three take the locks themselves; the node is pinned or open.  Reads up to the file's end. */
int node_read(struct tree *t, struct node *n, uint64_t offset, void *buf, size_t length, size_t *ret_length);
int node_write(struct tree *t, struct node *n, uint64_t offset, const void *buf, size_t length);
/* Decompress a zisofs file into the stage, before its first change; nothing where it is not compressed (any more).
 * -EAGAIN: a freeze came between, or another content.  Who changes the content looks again under its lock: an empty
 * file may have become a compressed one (copy.c). */
int node_unpack(struct tree *t, struct node *n);

#endif
