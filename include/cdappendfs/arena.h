/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * arena.h - many small pieces of memory that live and die together
 *
 * A zeroed arena is empty; with `bulk` set its larger chunks may be mapped files (cdappendfs/bulk.h).  arena_take() …
 * arena_release().  One thread. Chunks double, so that there are few of them.
 */
#ifndef CDAPPENDFS_ARENA_H
#define CDAPPENDFS_ARENA_H

#include "cdappendfs/bulk.h"

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

static inline struct arena_chunk *arena_grow(struct arena *a, size_t length)
{
	size_t size = !a->chunks			      ? ARENA_CHUNK_BYTES :
		      a->chunks->size < ARENA_CHUNK_BYTES_MAX ? 2 * a->chunks->size :
								a->chunks->size;
	struct arena_chunk *chunk;

	while (size < length && size <= SIZE_MAX / 4)
		size *= 2;
	chunk = bulk_zalloc(a->bulk, 1, sizeof(*chunk) + size);
	if (!chunk)
		return NULL;
	chunk->size = size;
	chunk->next = a->chunks;
	a->chunks = chunk;
	return chunk;
}

/* align: a power of two, at most 16.  NULL: no memory. */
static inline void *arena_take(struct arena *a, size_t length, size_t align)
{
	struct arena_chunk *chunk = a->chunks;
	size_t at = chunk ? (chunk->used + align - 1) & ~(align - 1) : 0;

	if (!chunk || at > chunk->size || chunk->size - at < length) {
		chunk = arena_grow(a, length);
		at = 0;
	}
	if (!chunk)
		return NULL;
	chunk->used = at + length;
	return chunk->bytes + at;
}

/* A copy that stays until the arena is released. */
static inline uint8_t *arena_copy(struct arena *a, const void *bytes, size_t length)
{
	uint8_t *copy = arena_take(a, length, 1);

	if (copy && length)
		memcpy(copy, bytes, length);
	return copy;
}

/* The same with a NUL behind it. */
static inline char *arena_string(struct arena *a, const void *text, size_t length)
{
	char *copy = arena_take(a, length + 1, 1);

	if (copy && length)
		memcpy(copy, text, length);
	if (copy)
		copy[length] = '\0';
	return copy;
}

static inline void arena_release(struct arena *a)
{
	while (a->chunks) {
		struct arena_chunk *next = a->chunks->next;

		bulk_free(a->chunks);
		a->chunks = next;
	}
}

#endif
