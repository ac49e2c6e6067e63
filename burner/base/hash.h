/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * hash.h - hashes of numbers and names that a disc chose: seeded at random, so that no disc can make a table slow
 */
#ifndef BURNER_BASE_HASH_H
#define BURNER_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>

/* The finaliser of splitmix64. */
static inline uint64_t hash_number(uint64_t seed, uint64_t number)
{
	uint64_t x = number ^ seed;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

/* The upper half of the product of 128 bits, mixed into the lower one. */
static inline uint64_t folded_product(uint64_t a, uint64_t b)
{
#ifdef __SIZEOF_INT128__
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
#else
	uint64_t low = (uint64_t)(uint32_t)a * (uint32_t)b;
	uint64_t middle = (a >> 32) * (uint32_t)b + (low >> 32);
	uint64_t other = (uint32_t)a * (b >> 32) + (uint32_t)middle;

	return a * b ^ ((a >> 32) * (b >> 32) + (middle >> 32) + (other >> 32));
#endif
}

static inline uint64_t hash_text(uint64_t seed, const char *text, size_t length)
{
	uint64_t h = seed ^ length;

	while (length) {
		uint64_t word = 0;
		size_t n = length < 8 ? length : 8;

		memcpy(&word, text, n);
		h = folded_product(h ^ word ^ 0x9e3779b97f4a7c15u, 0xd6e8feb86659fd93u) ^ seed;
		text += n;
		length -= n;
	}
	return (h ^ h >> 32) * 0xd6e8feb86659fd93u;
}

/* Without a source of random numbers an address, which the disc does not know either. */
static inline uint64_t hash_seed(const void *address)
{
	uint64_t seed;

	return getrandom(&seed, sizeof(seed), GRND_NONBLOCK) == (ssize_t)sizeof(seed) ? seed :
											(uint64_t)(uintptr_t)address;
}

#endif
