/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * idset.h - a set of 64-bit numbers that come in runs, as inode numbers do
 *
 * A map from each 64 numbers in a row to those of them that are in the set: consecutive ones take a few bits each.
 * The zero value is an empty set.  idset_reserve() is the only step that can fail.  Numbers are below 2^63.  Not
 * locked.
 */
#ifndef BURNER_BASE_IDSET_H
#define BURNER_BASE_IDSET_H

#include "burner/base/idmap.h"

struct idset {
	struct idmap words;
	size_t count;
};

/* -ENOMEM: unchanged */
static inline int idset_reserve(struct idset *s, size_t more) { return idmap_reserve(&s->words, more); }

static inline uint64_t idset_word(const struct idset *s, uint64_t number)
{
	uint64_t word = 0;

	idmap_get(&s->words, number >> 6, &word);
	return word;
}

static inline bool idset_has(const struct idset *s, uint64_t number)
{
	return idset_word(s, number) >> (number & 63) & 1;
}

static inline void idset_add(struct idset *s, uint64_t number) /* room was reserved, or it is there */
{
	uint64_t word = idset_word(s, number), bit = 1ull << (number & 63);

	s->count += !(word & bit);
	idmap_put(&s->words, number >> 6, word | bit);
}

void idset_remove(struct idset *s, uint64_t number);

/* Each number once: for (struct idset_at at = {0}; idset_next(s, &at);) … at.number; no change meanwhile. */
struct idset_at {
	struct idmap_at word;
	uint64_t left, number;
};

bool idset_next(const struct idset *s, struct idset_at *at);

static inline void idset_release(struct idset *s)
{
	idmap_release(&s->words);
	s->count = 0;
}

#endif
