/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * hash.h - hashes of numbers that a disc chose: seeded at random, so that no disc can make a table slow
 */
#ifndef BURNER_BASE_HASH_H
#define BURNER_BASE_HASH_H

#include <stdint.h>
#include <sys/random.h>

/* The finaliser of splitmix64. */
static inline uint64_t hash_number(uint64_t seed, uint64_t number)
{
	uint64_t x = number ^ seed;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

/* Without a source of random numbers an address, which the disc does not know either. */
static inline uint64_t hash_seed(const void *address)
{
	uint64_t seed;

	return getrandom(&seed, sizeof(seed), GRND_NONBLOCK) == (ssize_t)sizeof(seed) ? seed :
											(uint64_t)(uintptr_t)address;
}

#endif
