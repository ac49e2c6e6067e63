/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/fuzz/common/target.h"

#include <stdio.h>

#include "burner/base/log.h"

void input_defect(const char *what, const char *file, int line)
{
	fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
	abort();
}

uint64_t take_number(struct input *in)
{
	static const uint64_t edges[] = {0x7f,	     0x80,	 0xff,	    0x7ff,	0x800,		0x7fff,
					 0xffff,     0x10000,	 INT32_MAX, 1ull << 31, UINT32_MAX,	1ull << 32,
					 1ull << 42, 1ull << 43, INT64_MAX, 1ull << 63, UINT64_MAX - 1, UINT64_MAX};
	uint8_t kind = take_u8(in);

	if (kind < 128)
		return kind;
	if (kind < 160)
		return edges[kind % (sizeof(edges) / sizeof(edges[0]))] + (kind < 140 ? 0 : kind < 150 ? 1 : -1ull);
	if (kind < 208)
		return take_u16(in);
	return kind < 232 ? take_u32(in) : take_u64(in);
}

uint64_t hash_of(const uint8_t *data, size_t size)
{
	uint64_t h = 0xcbf29ce484222325u;

	while (size--)
		h = (h ^ *data++) * 0x100000001b3u;
	return h;
}
