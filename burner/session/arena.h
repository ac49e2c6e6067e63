/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * arena.h - many small byte strings that live and die together
 *
 * A zeroed arena is empty.  arena_copy() … arena_release().  One thread.
 */
#ifndef BURNER_SESSION_ARENA_H
#define BURNER_SESSION_ARENA_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_BLOCK_BYTES 65000u

struct arena_block {
	struct arena_block *next;
	uint8_t bytes[ARENA_BLOCK_BYTES];
};
struct arena {
	struct arena_block *blocks;
	size_t used;		/* of the first block */
};

/* A copy of length <= 256 bytes that stays until the arena is released; NULL: no memory. */
static inline uint8_t *arena_copy(struct arena *a, const void *bytes, size_t length)
{
	uint8_t *copy;

	if (!a->blocks || a->used + length > ARENA_BLOCK_BYTES) {
		struct arena_block *block = malloc(sizeof(*block));

		if (!block)
			return NULL;
		block->next = a->blocks;
		a->blocks = block;
		a->used = 0;
	}
	copy = a->blocks->bytes + a->used;
	memcpy(copy, bytes, length);
	a->used += length;
	return copy;
}

static inline void arena_release(struct arena *a)
{
	while (a->blocks) {
		struct arena_block *next = a->blocks->next;

		free(a->blocks);
		a->blocks = next;
	}
	a->used = 0;
}

#endif
