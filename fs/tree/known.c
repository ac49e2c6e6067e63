/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/tree/known.h"

#include <errno.h>

#define FIRST_CAPACITY 16u

bool known_fits(uint64_t locator, uint64_t parent, uint64_t n_lookups, uint32_t where)
{
	return locator < 1ull << 48 && parent < 1ull << 56 && n_lookups <= KNOWN_LOOKUPS_MAX && where <= UINT8_MAX;
}

struct known known_of(uint64_t ino, uint64_t locator, uint64_t parent, uint64_t n_lookups, uint32_t where)
{
	return (struct known){.ino = ino,
			      .locator = locator & ((1ull << 48) - 1),
			      .n_lookups = (uint16_t)n_lookups,
			      .parent = parent & ((1ull << 56) - 1),
			      .where = (uint8_t)where};
}

/* Nothing of the hash by which a part finds its slots. */
static size_t part_of(const struct known_table *t, uint64_t ino)
{
	return (ino ^ t->seed) * 0x9e3779b97f4a7c15ull >> 58;
}

struct known *known_find(const struct known_table *t, uint64_t ino)
{
	return table_find(&t->parts[part_of(t, ino)], ino);
}

static size_t in_steps(size_t capacity) { return (capacity + 15) / 16 * 16; }

static int resize(const struct known_table *t, struct table *p, size_t capacity)
{
	p->seed = t->seed;
	return table_resize(p, sizeof(struct known), capacity);
}

int known_add(struct known_table *t, const struct known *k)
{
	struct table *p = &t->parts[part_of(t, k->ino)];
	struct known *slot;

	/* At most 13/16 full. */
	if (p->count >= p->capacity / 16 * 13) {
		int r = resize(t, p, p->capacity ? in_steps((size_t)p->capacity + p->capacity / 4) : FIRST_CAPACITY);

		if (r < 0)
			return r;
	}
	slot = table_add(p, k->ino);
	*slot = *k;
	t->count++;
	return 0;
}

void known_remove(struct known_table *t, struct known *k)
{
	struct table *p = &t->parts[part_of(t, k->ino)];

	table_remove(p, k);
	t->count--;
	if (p->capacity > FIRST_CAPACITY && p->count < p->capacity / 4)
		resize(t, p, in_steps(p->capacity / 2)); /* or it stays as large */
}

struct known *known_next(const struct known_table *t, const struct known *after)
{
	for (size_t part = after ? part_of(t, after->ino) : 0; part < KNOWN_PARTS; part++, after = NULL) {
		struct known *k = table_next(&t->parts[part], after);

		if (k)
			return k;
	}
	return NULL;
}

void known_release(struct known_table *t)
{
	for (size_t i = 0; i < KNOWN_PARTS; i++)
		table_release(&t->parts[i]);
	*t = (struct known_table){0};
}
