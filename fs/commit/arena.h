/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * arena.h - many small strings that live and die together
 *
 * A zeroed struct arena is empty. Not thread-safe.
 */
#ifndef FS_COMMIT_ARENA_H
#define FS_COMMIT_ARENA_H

#include <stdlib.h>
#include <string.h>

#define ARENA_CHUNK_BYTES (256u << 10)

struct arena_chunk { struct arena_chunk *next; size_t used; char bytes[]; };
struct arena { struct arena_chunk *chunks; };

/* A copy of length bytes with a NUL behind them; NULL: no memory. */
static inline char *arena_string(struct arena *a, const char *text, size_t length)
{
	struct arena_chunk *chunk = a->chunks;
	char *copy;

	if (length > ARENA_CHUNK_BYTES / 2)
		return NULL;
	if (!chunk || ARENA_CHUNK_BYTES - chunk->used <= length) {
		chunk = malloc(sizeof(*chunk) + ARENA_CHUNK_BYTES);
		if (!chunk)
			return NULL;
		chunk->used = 0;
		chunk->next = a->chunks;
		a->chunks = chunk;
	}
	copy = chunk->bytes + chunk->used;
	memcpy(copy, text, length);
	copy[length] = '\0';
	chunk->used += length + 1;
	return copy;
}

static inline void arena_release(struct arena *a)
{
	while (a->chunks) {
		struct arena_chunk *next = a->chunks->next;

		free(a->chunks);
		a->chunks = next;
	}
}

#endif
