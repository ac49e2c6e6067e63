/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/format/link_pieces.h"

uint32_t sl_piece(uint32_t used, uint32_t n, bool more)
{
	uint32_t room = SL_ENTRY_MAX - used;

	if (room < SL_COMPONENT_BYTES + (n > 0))
		room = SL_ENTRY_MAX - SL_HEADER_BYTES;
	/* The next one must find room for a beginning. */
	if (SL_COMPONENT_BYTES + n <= room && (n < 2 || !more || SL_COMPONENT_BYTES + n + SL_PIECE_MIN <= room))
		return n;
	return (uint32_t)min_u64(n - 1, room - SL_COMPONENT_BYTES);
}
