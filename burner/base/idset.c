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
	if (!at->left && !idmap_next(&s->words, &at->word))
		return false;
	at->left = at->left ? at->left : at->word.value; /* never 0 */
	at->number = at->word.key << 6 | (uint64_t)__builtin_ctzll(at->left);
	at->left &= at->left - 1;
	return true;
}
