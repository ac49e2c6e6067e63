/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/base/arena.h"

static struct arena_chunk *arena_grow(struct arena *a, size_t length)
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

void *arena_take(struct arena *a, size_t length, size_t align)
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

char *arena_string(struct arena *a, const void *text, size_t length)
{
	char *copy = arena_take(a, length + 1, 1);

	if (copy && length)
		memcpy(copy, text, length);
	if (copy)
		copy[length] = '\0';
	return copy;
}

void arena_release(struct arena *a)
{
	while (a->chunks) {
		struct arena_chunk *next = a->chunks->next;

		bulk_free(a->chunks);
		a->chunks = next;
	}
}
