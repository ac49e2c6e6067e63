/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * target.h - what each file of targets/ is: one function that takes bytes, and how it takes them apart
 *
 * libFuzzer calls it with what it invents, replay.c with the files of corpus/.  Whatever the bytes are it returns 0;
 * defects abort, crash, leak, run out of time or memory.  Same bytes, same run.
 */
#ifndef TESTS_FUZZ_TARGET_H
#define TESTS_FUZZ_TARGET_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the program with a core and the place, in all builds. */
#define MUST(condition) \
	do { \
		if (!(condition)) \
			input_defect(#condition, __FILE__, __LINE__); \
	} while (0)
__attribute__((noreturn)) void input_defect(const char *what, const char *file, int line);

/* The rest of the bytes; what is behind their end is zeros. */
struct input {
	const uint8_t *at;
	size_t left;
};

static inline uint8_t take_u8(struct input *in)
{
	if (!in->left)
		return 0;
	in->left--;
	return *in->at++;
}
static inline uint16_t take_u16(struct input *in)
{
	uint16_t low = take_u8(in);
	return (uint16_t)(low | take_u8(in) << 8);
}
static inline uint32_t take_u32(struct input *in)
{
	uint32_t low = take_u16(in);
	return low | (uint32_t)take_u16(in) << 16;
}
static inline uint64_t take_u64(struct input *in)
{
	uint64_t low = take_u32(in);
	return low | (uint64_t)take_u32(in) << 32;
}
/* At most n bytes, *ret_n of them are there. */
static inline const uint8_t *take_bytes(struct input *in, size_t n, size_t *ret_n)
{
	const uint8_t *p = in->at;

	*ret_n = n < in->left ? n : in->left;
	in->at += *ret_n;
	in->left -= *ret_n;
	return p;
}
/* A number of 64 bits in few bytes: mostly small ones, and the edges. */
uint64_t take_number(struct input *in);
/* FNV-1a, for walk_seed(). */
uint64_t hash_of(const uint8_t *data, size_t size);

#endif
