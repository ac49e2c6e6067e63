/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/format/link_table.h"

#include <errno.h>
#include <string.h>

void links_header_encode(uint32_t n_names, uint32_t n_ways, uint8_t header[LINKS_HEADER_BYTES])
{
	memset(header, 0, LINKS_HEADER_BYTES);
	memcpy(header, LINKS_MAGIC, 16);
	put_le32(header + 16, n_names);
	put_le32(header + 20, n_ways);
}

int links_header_decode(const uint8_t header[LINKS_HEADER_BYTES], uint32_t bytes, uint32_t *ret_names,
			uint32_t *ret_ways)
{
	uint64_t n = (uint64_t)get_le32(header + 16) + get_le32(header + 20);

	if (memcmp(header, LINKS_MAGIC, 16) != 0 || LINKS_HEADER_BYTES + n * LINKS_PAIR_BYTES != bytes)
		return -EBADMSG;
	*ret_names = get_le32(header + 16);
	*ret_ways = get_le32(header + 20);
	return 0;
}
