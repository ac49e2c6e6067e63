/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * numbers.h - a hash table from numbers to indices; a number may be in it several times
 *
 * For inode numbers and block addresses that a disc chose: the hash is seeded at random, so no disc can make it slow.
 * A zeroed struct is empty.  Not thread-safe.
 */
#ifndef BURNER_BASE_NUMBERS_H
#define BURNER_BASE_NUMBERS_H

#include <stddef.h>
#include <stdint.h>

#define NUMBERS_NONE UINT32_MAX

struct numbers {
	uint64_t *keys; /* key + 1; 0: free */
	uint32_t *values;
	size_t n, size; /* size: a power of two */
	uint64_t seed;
};

/* -ENOMEM. The key is below UINT64_MAX. */
int numbers_add(struct numbers *m, uint64_t key, uint32_t value);
/* Values of a key, one after the other: *cursor starts at 0. NUMBERS_NONE at the end. Nothing may be added
 * meanwhile. */
uint32_t numbers_next(const struct numbers *m, uint64_t key, size_t *cursor);
static inline uint32_t numbers_first(const struct numbers *m, uint64_t key)
{
	size_t cursor = 0;

	return numbers_next(m, key, &cursor);
}
void numbers_release(struct numbers *m);

#endif
