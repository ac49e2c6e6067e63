/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/base/idset.h"

void idset_remove(struct idset *s, uint64_t number)
{
	uint64_t word = idset_word(s, number), bit = 1ull << (number & 63);

	s->count -= word & bit ? 1 : 0;
	if (word & ~bit)
		idmap_put(&s->words, number >> 6, word & ~bit);
	else
		idmap_remove(&s->words, number >> 6);
}

bool idset_next(const struct idset *s, struct idset_at *at)
{
	while (!at->left) {
		if (at->slot == s->words.capacity)
			return false;
		if (s->words.keys[at->slot] != IDMAP_NO_KEY)
			at->left = s->words.values[at->slot];
		at->slot++;
	}
	at->number = s->words.keys[at->slot - 1] << 6 | (uint64_t)__builtin_ctzll(at->left);
	at->left &= at->left - 1;
	return true;
}
