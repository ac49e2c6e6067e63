/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * map.h - the extent map of one file: pure
 *
 * Extents ascend, touch each other and cover [0, map_end) exactly.  Every edge that map_set() makes is where the caller
 * put it; the write path keeps to multiples of 2048.  Calls that may need memory do so before anything changes.
 * Threads: none of its own; the owner locks.
 */
#ifndef FS_TREE_MAP_H
#define FS_TREE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cdappendfs/extent.h"

struct map {
	struct extent *extents;
	uint32_t n, capacity;
};

/* Bytes by where they are. */
struct map_sums {
	uint64_t stage, hole, disc;
	uint64_t aside; /* of the holes: room was set aside for them */
};

void map_release(struct map *m);
/* Takes the array over (allocated by malloc). */
void map_adopt(struct map *m, struct extent *extents, uint32_t n);
uint64_t map_end(const struct map *m);
/* Index of the extent that holds the byte, or m->n beyond the end. */
uint32_t map_find(const struct map *m, uint64_t offset);
/* The part of an extent within [from, to). */
struct extent map_clip(const struct extent *e, uint64_t from, uint64_t to);
/* Make room so that the next map_set() cannot fail. */
int map_reserve(struct map *m);
/* Replace [piece.offset, +length) by piece; it begins at or before map_end and may reach beyond. 0 or -ENOMEM. */
int map_set(struct map *m, const struct extent *piece);
/* Cut to size bytes, size <= map_end. */
void map_truncate(struct map *m, uint64_t size);
struct map_sums map_sum(const struct map *m, uint64_t from, uint64_t to);
/* Checks the invariant: for debug builds and for what comes from the journal. */
bool map_valid(const struct map *m, uint64_t size);

#endif
