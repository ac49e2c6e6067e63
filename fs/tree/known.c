/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Open addressing with linear probing, at most 13/16 full; what is removed is closed up, so nothing is left behind.
 */
#include "fs/tree/known.h"

#include <errno.h>
#include <stdlib.h>

#include "cdappendfs/hash.h"

#define FIRST_CAPACITY 256u

static size_t home_of(const struct known_table *t, uint64_t ino) { return (size_t)hash_number(t->seed, ino) & (t->capacity - 1); }

/* Its slot, or the empty one where it would be. */
static struct known *slot_of(const struct known_table *t, uint64_t ino)
{
	size_t i = home_of(t, ino);

	while (t->slots[i].ino && t->slots[i].ino != ino)
		i = (i + 1) & (t->capacity - 1);
	return &t->slots[i];
}

struct known *known_find(const struct known_table *t, uint64_t ino)
{
	struct known *k = t->capacity ? slot_of(t, ino) : NULL;

	return k && k->ino ? k : NULL;
}

static int resize(struct known_table *t, size_t capacity)
{
	struct known_table fresh = {.slots = calloc(capacity, sizeof(*fresh.slots)), .capacity = capacity, .count = t->count, .seed = t->seed};

	if (!fresh.slots)
		return -ENOMEM;
	for (size_t i = 0; i < t->capacity; i++)
		if (t->slots[i].ino)
			*slot_of(&fresh, t->slots[i].ino) = t->slots[i];
	free(t->slots);
	*t = fresh;
	return 0;
}

int known_add(struct known_table *t, const struct known *k)
{
	if (t->count >= t->capacity / 16 * 13) {
		int r = resize(t, t->capacity ? t->capacity * 2 : FIRST_CAPACITY);

		if (r < 0)
			return r;
	}
	*slot_of(t, k->ino) = *k;
	t->count++;
	return 0;
}

void known_remove(struct known_table *t, struct known *k)
{
	size_t mask = t->capacity - 1, hole = (size_t)(k - t->slots);

	for (size_t i = (hole + 1) & mask; t->slots[i].ino; i = (i + 1) & mask) {
		/* It may close the gap when its way from home leads over it. */
		if (((i - home_of(t, t->slots[i].ino)) & mask) >= ((i - hole) & mask)) {
			t->slots[hole] = t->slots[i];
			hole = i;
		}
	}
	t->slots[hole] = (struct known){0};
	t->count--;
	if (t->capacity > FIRST_CAPACITY && t->count < t->capacity / 8)
		resize(t, t->capacity / 2);	/* or it stays as large */
}

void known_release(struct known_table *t)
{
	free(t->slots);
	*t = (struct known_table){0};
}
