/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/format/nanoseconds.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define MAGIC SUSP_SIGNATURE('N', 'S')
#define FIXED_BYTES (SUSP_HEADER_BYTES + 2u)
#define SECOND 1000000000u

static_assert(FIXED_BYTES + 4 * NS_TIMES == NANOSECONDS_BYTES, "the entry");

void nanoseconds_encode(const uint32_t ns[NS_TIMES], uint8_t entry[NANOSECONDS_BYTES])
{
	susp_header_encode(SUSP_SIGNATURE('P', 'D'), NANOSECONDS_BYTES, 1, entry);
	put_be16(entry + SUSP_HEADER_BYTES, MAGIC);
	for (unsigned i = 0; i < NS_TIMES; i++) {
		assert(ns[i] < SECOND);
		put_le32(entry + FIXED_BYTES + 4 * i, ns[i]);
	}
}

int nanoseconds_decode(const uint8_t *entry, uint32_t ret[NS_TIMES])
{
	uint32_t ns[NS_TIMES];

	if (susp_length(entry) < FIXED_BYTES || get_be16(entry + SUSP_HEADER_BYTES) != MAGIC)
		return 0;
	if (susp_length(entry) != NANOSECONDS_BYTES)
		return -EBADMSG;
	for (unsigned i = 0; i < NS_TIMES; i++) {
		ns[i] = get_le32(entry + FIXED_BYTES + 4 * i);
		if (ns[i] >= SECOND)
			return -EBADMSG;
	}
	memcpy(ret, ns, sizeof(ns));
	return 1;
}
