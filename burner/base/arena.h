/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * arena.h - many small pieces of memory that live and die together
 *
 * A zeroed arena is empty; with `bulk` set its larger chunks may be mapped files (burner/base/bulk.h).  arena_take() …
 * arena_release().  One thread. Chunks double, so that there are few of them.
 */
#ifndef BURNER_BASE_ARENA_H
#define BURNER_BASE_ARENA_H

#include "burner/base/bulk.h"

#define ARENA_CHUNK_BYTES (64u << 10)
#define ARENA_CHUNK_BYTES_MAX (32u << 20)

struct arena_chunk {
	struct arena_chunk *next;
	size_t used, size;
	alignas(16) uint8_t bytes[];
};
struct arena {
	struct bulk *bulk;
	struct arena_chunk *chunks;
};

/* align: a power of two, at most 16.  NULL: no memory. */
void *arena_take(struct arena *a, size_t length, size_t align);

/* A copy that stays until the arena is released. */
static inline uint8_t *arena_copy(struct arena *a, const void *bytes, size_t length)
{
	uint8_t *copy = arena_take(a, length, 1);

	if (copy && length)
		memcpy(copy, bytes, length);
	return copy;
}

/* The same with a NUL behind it. */
char *arena_string(struct arena *a, const void *text, size_t length);

void arena_release(struct arena *a);

#endif
