/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/format/nanoseconds.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define MAGIC SUSP_SIGNATURE('N', 'S')
#define MORE_SHIFT 30u
#define SECOND 1000000000u

unsigned nanoseconds_encode(const uint32_t ns[NS_TIMES], uint8_t *entry)
{
	unsigned n = NS_TIMES, bytes = NANOSECONDS_FIXED_BYTES;

	while (n && !ns[n - 1])
		n--;
	for (unsigned i = 0, same; i < n; i += same) {
		assert(ns[i] < SECOND);
		for (same = 1; i + same < n && ns[i + same] == ns[i];)
			same++;
		if (entry)
			put_le32(entry + bytes, ns[i] | (same - 1) << MORE_SHIFT);
		bytes += 4;
	}
	if (!n)
		return 0;
	if (entry) {
		susp_header_encode(SUSP_SIGNATURE('P', 'D'), bytes, 1, entry);
		put_be16(entry + 4, MAGIC);
	}
	return bytes;
}

int nanoseconds_decode(const uint8_t *entry, uint32_t ret[NS_TIMES])
{
	unsigned length = susp_length(entry), n = 0;
	uint32_t ns[NS_TIMES] = {0};

	if (length < NANOSECONDS_FIXED_BYTES || get_be16(entry + 4) != MAGIC)
		return 0;
	if (length == NANOSECONDS_FIXED_BYTES || (length - NANOSECONDS_FIXED_BYTES) % 4)
		return -EBADMSG;
	for (unsigned at = NANOSECONDS_FIXED_BYTES; at < length; at += 4) {
		uint32_t value = get_le32(entry + at), times = (value >> MORE_SHIFT) + 1;

		value &= (1u << MORE_SHIFT) - 1;
		if (value >= SECOND || times > NS_TIMES - n)
			return -EBADMSG;
		while (times--)
			ns[n++] = value;
	}
	memcpy(ret, ns, sizeof(ns));
	return 1;
}
