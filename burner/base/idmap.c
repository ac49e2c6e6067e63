/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/base/idmap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define IDMAP_FIRST_CAPACITY 64u

/* Inode numbers are consecutive or multiples of 32: the multiplication spreads them (Fibonacci hashing). */
static size_t slot_of(const struct idmap *m, uint64_t key)
{
	uint64_t h = key * 0x9e3779b97f4a7c15ull;

	return (size_t)(h ^ h >> 32) & (m->capacity - 1);
}

static size_t find_slot(const struct idmap *m, uint64_t key)
{
	size_t i = slot_of(m, key);

	while (m->keys[i] != IDMAP_NO_KEY && m->keys[i] != key)
		i = (i + 1) & (m->capacity - 1);
	return i;
}

int idmap_reserve(struct idmap *m, size_t more)
{
	struct idmap bigger = {.capacity = m->capacity ? m->capacity : IDMAP_FIRST_CAPACITY};

	if (more > SIZE_MAX / 64 - m->count)
		return -ENOMEM;
	while ((m->count + more) * 4 > bigger.capacity * 3)
		bigger.capacity *= 2;
	if (bigger.capacity == m->capacity)
		return 0;
	bigger.keys = malloc(bigger.capacity * sizeof(*bigger.keys));
	bigger.values = malloc(bigger.capacity * sizeof(*bigger.values));
	if (!bigger.keys || !bigger.values) {
		idmap_release(&bigger);
		return -ENOMEM;
	}
	memset(bigger.keys, 0xff, bigger.capacity * sizeof(*bigger.keys));
	for (size_t i = 0; i < m->capacity; i++)
		if (m->keys[i] != IDMAP_NO_KEY)
			idmap_put(&bigger, m->keys[i], m->values[i]);
	idmap_release(m);
	*m = bigger;
	return 0;
}

bool idmap_get(const struct idmap *m, uint64_t key, uint64_t *ret_value)
{
	size_t i;

	if (!m->count || key == IDMAP_NO_KEY)
		return false;
	i = find_slot(m, key);
	if (m->keys[i] == IDMAP_NO_KEY)
		return false;
	if (ret_value)
		*ret_value = m->values[i];
	return true;
}

void idmap_put(struct idmap *m, uint64_t key, uint64_t value)
{
	size_t i = find_slot(m, key);

	if (m->keys[i] == IDMAP_NO_KEY) {
		m->keys[i] = key;
		m->count++;
	}
	m->values[i] = value;
}

void idmap_remove(struct idmap *m, uint64_t key)
{
	size_t hole, i;

	if (!idmap_get(m, key, NULL))
		return;
	hole = i = find_slot(m, key);
	for (;;) {
		size_t home;

		i = (i + 1) & (m->capacity - 1);
		if (m->keys[i] == IDMAP_NO_KEY)
			break;
		home = slot_of(m, m->keys[i]);
		/* It may move into the hole unless its home lies behind the hole, cyclically in (hole, i]. */
		if (((i - home) & (m->capacity - 1)) < ((i - hole) & (m->capacity - 1)))
			continue;
		m->keys[hole] = m->keys[i];
		m->values[hole] = m->values[i];
		hole = i;
	}
	m->keys[hole] = IDMAP_NO_KEY;
	m->count--;
}

void idmap_release(struct idmap *m)
{
	free(m->keys);
	free(m->values);
	*m = (struct idmap){0};
}
