/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/base/numbers.h"

#include <assert.h>
#include <errno.h>

struct slot {
	uint64_t key; /* key + 1: a table has no key 0 */
	uint32_t value;
} __attribute__((packed, aligned(4)));
static_assert(sizeof(struct slot) == 12, "as numbers.h says");

int numbers_add(struct numbers *m, uint64_t key, uint32_t value)
{
	int r = key < UINT64_MAX ? table_reserve(&m->table, sizeof(struct slot), 1) : -EOVERFLOW;
	struct slot *slot;

	if (r)
		return r;
	slot = table_add(&m->table, key + 1);
	slot->value = value;
	return 0;
}

uint32_t numbers_next(const struct numbers *m, uint64_t key, size_t *cursor)
{
	const struct slot *slot = table_find_next(&m->table, key + 1, cursor);

	return slot ? slot->value : NUMBERS_NONE;
}

uint32_t numbers_first(const struct numbers *m, uint64_t key)
{
	const struct slot *slot = table_find(&m->table, key + 1);

	return slot ? slot->value : NUMBERS_NONE;
}

void numbers_release(struct numbers *m) { table_release(&m->table); }
