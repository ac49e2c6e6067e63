/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Open addressing with linear probing, at most 13/16 full; what is removed is closed up, so nothing is left behind.
 */
#include "fs/tree/known.h"

#include <errno.h>
#include <stdlib.h>

#include "burner/base/hash.h"

#define FIRST_CAPACITY 16u

bool known_fits(uint64_t locator, uint64_t parent, uint64_t n_lookups, uint32_t where)
{
	return locator < 1ull << 48 && parent < 1ull << 56 && n_lookups <= KNOWN_LOOKUPS_MAX && where <= UINT8_MAX;
}

static size_t part_of(uint64_t hash) { return hash >> 58; }

/* Any capacity will do: the lower half of the hash as a fraction of it. */
static uint32_t home_of(const struct known_part *p, uint64_t hash)
{
	return (uint32_t)((hash & UINT32_MAX) * p->capacity >> 32);
}

static uint32_t behind(const struct known_part *p, uint32_t i) { return i + 1 < p->capacity ? i + 1 : 0; }

static uint32_t distance(const struct known_part *p, uint32_t from, uint32_t to)
{
	return to >= from ? to - from : to + p->capacity - from;
}

/* Its slot, or the empty one where it would be. */
static struct known *slot_of(const struct known_part *p, uint64_t hash, uint64_t ino)
{
	uint32_t i = home_of(p, hash);

	while (p->slots[i].ino && p->slots[i].ino != ino)
		i = behind(p, i);
	return &p->slots[i];
}

struct known *known_find(const struct known_table *t, uint64_t ino)
{
	uint64_t hash = hash_number(t->seed, ino);
	const struct known_part *p = &t->parts[part_of(hash)];
	struct known *k = p->capacity ? slot_of(p, hash, ino) : NULL;

	return k && k->ino ? k : NULL;
}

static int resize(uint64_t seed, struct known_part *p, uint32_t capacity)
{
	struct known_part fresh = {.slots = calloc(capacity, sizeof(*fresh.slots)),
				   .capacity = capacity,
				   .count = p->count};

	if (!fresh.slots)
		return -ENOMEM;
	for (uint32_t i = 0; i < p->capacity; i++)
		if (p->slots[i].ino)
			*slot_of(&fresh, hash_number(seed, p->slots[i].ino), p->slots[i].ino) = p->slots[i];
	free(p->slots);
	*p = fresh;
	return 0;
}

int known_add(struct known_table *t, const struct known *k)
{
	uint64_t hash = hash_number(t->seed, k->ino);
	struct known_part *p = &t->parts[part_of(hash)];

	if (p->count >= p->capacity / 16 * 13) {
		int r = p->capacity < UINT32_MAX / 2 ?
				resize(t->seed, p,
				       p->capacity ? (p->capacity + p->capacity / 4 + 15) / 16 * 16 : FIRST_CAPACITY) :
				-ENOMEM;

		if (r < 0)
			return r;
	}
	*slot_of(p, hash, k->ino) = *k;
	p->count++;
	t->count++;
	return 0;
}

void known_remove(struct known_table *t, struct known *k)
{
	struct known_part *p = &t->parts[part_of(hash_number(t->seed, k->ino))];
	uint32_t hole = (uint32_t)(k - p->slots);

	for (uint32_t i = behind(p, hole); p->slots[i].ino; i = behind(p, i)) {
		/* It may close the gap when its way from home leads over it. */
		uint32_t home = home_of(p, hash_number(t->seed, p->slots[i].ino));

		if (distance(p, home, i) >= distance(p, hole, i)) {
			p->slots[hole] = p->slots[i];
			hole = i;
		}
	}
	p->slots[hole] = (struct known){0};
	p->count--;
	t->count--;
	if (p->capacity > FIRST_CAPACITY && p->count < p->capacity / 4)
		resize(t->seed, p, (p->capacity / 2 + 15) / 16 * 16); /* or it stays as large */
}

struct known *known_next(const struct known_table *t, const struct known *after)
{
	const struct known_part *p = &t->parts[after ? part_of(hash_number(t->seed, after->ino)) : 0];
	uint32_t i = after ? (uint32_t)(after - p->slots) + 1 : 0;

	for (; p < t->parts + KNOWN_PARTS; p++, i = 0) {
		for (; i < p->capacity; i++) {
			if (p->slots[i].ino)
				return &p->slots[i];
		}
	}
	return NULL;
}

void known_release(struct known_table *t)
{
	for (unsigned i = 0; i < KNOWN_PARTS; i++)
		free(t->parts[i].slots);
	*t = (struct known_table){0};
}
