/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/tree/clashes.h"

#include <stdlib.h>

#include "burner/base/hash.h"
#include "burner/format/joliet.h"

#define SLOTS_MIN 16u

void clashes_release(struct clashes *c)
{
	free(c->slots);
	*c = (struct clashes){0};
}

/* 0: no other name can come to its Joliet name. */
static uint32_t key_of(const struct clashes *c, const char *name)
{
	uint8_t text[2 * JOLIET_TEXT_MAX];
	bool changed;
	unsigned bytes = joliet_first(name, text, &changed);
	uint32_t key;

	if (!changed && bytes < 2 * JOLIET_CHARS && !strpbrk(name, "_~"))
		return 0;
	key = (uint32_t)hash_number(c->seed, name_hash(text, bytes, 0));
	return key ? key : 1;
}

/* Its slot, or a free one. */
static struct clash_slot *find(const struct clashes *c, uint32_t key)
{
	uint32_t i = key & c->mask;

	while (c->slots[i].key && c->slots[i].key != key)
		i = (i + 1) & c->mask;
	return &c->slots[i];
}

/* Slots whose names are all gone are left behind. */
static bool enlarge(struct clashes *c)
{
	struct clashes grown = {.taken = c->taken, .seed = c->seed};
	uint32_t n_slots = c->slots ? c->mask + 1 : 0, n = 0;

	for (uint32_t i = 0; i < n_slots; i++)
		n += c->slots[i].names > 0;
	grown.mask = SLOTS_MIN - 1;
	while (grown.mask < 3 * n)
		grown.mask = grown.mask * 2 + 1;
	grown.slots = calloc((size_t)grown.mask + 1, sizeof(*grown.slots));
	if (!grown.slots)
		return false;
	for (uint32_t i = 0; i < n_slots; i++)
		if (c->slots[i].names)
			*find(&grown, c->slots[i].key) = c->slots[i];
	grown.n_used = n;
	free(c->slots);
	*c = grown;
	return true;
}

void clashes_add(struct clashes *c, const char *name)
{
	if (!c->seed)
		c->seed = hash_seed(c) | 1;
	uint32_t key = key_of(c, name);
	struct clash_slot *slot;

	if (!key || c->taken == UINT64_MAX)
		return;
	if ((!c->slots || c->n_used >= c->mask - c->mask / 4) && !enlarge(c)) {
		clashes_release(c);
		c->taken = UINT64_MAX;
		return;
	}
	slot = find(c, key);
	c->n_used += !slot->key;
	c->taken += slot->names > 0;
	slot->key = key;
	slot->names++;
}

void clashes_remove(struct clashes *c, const char *name)
{
	uint32_t key = key_of(c, name);
	struct clash_slot *slot = key && c->slots ? find(c, key) : NULL;

	if (!slot || !slot->names)
		return;
	slot->names--;
	c->taken -= slot->names > 0;
}
