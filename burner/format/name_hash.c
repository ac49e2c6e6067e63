/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/format/name_hash.h"

#include <string.h>

uint64_t name_hash(const void *bytes, size_t length, uint32_t attempt)
{
	const uint8_t *at = bytes;
	uint64_t h = 0xcbf29ce484222325ull ^ attempt * 0x9e3779b97f4a7c15ull;

	for (size_t i = 0; i < length; i++)
		h = (h ^ at[i]) * 0x100000001b3ull;
	h = (h ^ h >> 33) * 0xff51afd7ed558ccdull;
	h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53ull;
	return h ^ h >> 33;
}

void name_put_hash(uint8_t out[NAME_HASH_CHARS], const char *name, uint32_t attempt)
{
	uint64_t h = name_hash(name, strlen(name), attempt);

	for (unsigned i = 0; i < NAME_HASH_CHARS; i++, h /= 36)
		out[i] = (uint8_t) "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[h % 36];
}
