/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/base/idmap.h"

#include <assert.h>

struct slot {
	uint64_t key; /* key + 1: a table has no key 0 */
	uint64_t value;
};
static_assert(sizeof(struct slot) == 16, "as idmap.h says");

int idmap_reserve(struct idmap *m, size_t more) { return table_reserve(&m->table, sizeof(struct slot), more); }

bool idmap_get(const struct idmap *m, uint64_t key, uint64_t *ret_value)
{
	const struct slot *slot = table_find(&m->table, key + 1);

	if (slot && ret_value)
		*ret_value = slot->value;
	return slot;
}

void idmap_put(struct idmap *m, uint64_t key, uint64_t value)
{
	struct slot *slot = table_put(&m->table, key + 1);

	slot->value = value;
}

void idmap_remove(struct idmap *m, uint64_t key)
{
	struct slot *slot = table_find(&m->table, key + 1);

	if (slot)
		table_remove(&m->table, slot);
}

bool idmap_next(const struct idmap *m, struct idmap_at *at)
{
	const struct slot *slot = table_next(&m->table, at->slot);

	at->slot = slot;
	if (slot) {
		at->key = slot->key - 1;
		at->value = slot->value;
	}
	return slot;
}

void idmap_release(struct idmap *m) { table_release(&m->table); }
