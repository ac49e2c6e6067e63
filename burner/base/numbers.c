/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/base/numbers.h"

#include <errno.h>
#include <stdlib.h>

#include "burner/base/hash.h"

static size_t numbers_slot(const struct numbers *m, uint64_t key)
{
	return (size_t)hash_number(m->seed, key) & (m->size - 1);
}

static void numbers_insert(struct numbers *m, uint64_t key, uint32_t value)
{
	size_t slot = numbers_slot(m, key);

	while (m->keys[slot])
		slot = (slot + 1) & (m->size - 1);
	m->keys[slot] = key + 1;
	m->values[slot] = value;
	m->n++;
}

static int numbers_grow(struct numbers *m)
{
	struct numbers larger = {.size = m->size ? m->size * 2 : 256, .seed = m->seed};

	if (!m->size)
		larger.seed = hash_seed(m);
	larger.keys = calloc(larger.size, sizeof(*larger.keys));
	larger.values = calloc(larger.size, sizeof(*larger.values));
	if (!larger.keys || !larger.values) {
		numbers_release(&larger);
		return -ENOMEM;
	}
	for (size_t i = 0; i < m->size; i++)
		if (m->keys[i])
			numbers_insert(&larger, m->keys[i] - 1, m->values[i]);
	numbers_release(m);
	*m = larger;
	return 0;
}

int numbers_add(struct numbers *m, uint64_t key, uint32_t value)
{
	if (m->n >= m->size / 4 * 3) {
		int r = numbers_grow(m);

		if (r)
			return r;
	}
	numbers_insert(m, key, value);
	return 0;
}

uint32_t numbers_next(const struct numbers *m, uint64_t key, size_t *cursor)
{
	if (!m->size)
		return NUMBERS_NONE;
	for (size_t start = numbers_slot(m, key);;) {
		size_t slot = (start + *cursor) & (m->size - 1);

		if (!m->keys[slot])
			return NUMBERS_NONE;
		++*cursor;
		if (m->keys[slot] == key + 1)
			return m->values[slot];
	}
}

void numbers_release(struct numbers *m)
{
	free(m->keys);
	free(m->values);
	*m = (struct numbers){.seed = m->seed};
}
