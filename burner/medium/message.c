/* SPDX-License-Identifier: GPL-3.0-or-later */
/* message.c - what was said of a session (burner/format/message_block.h) */
#include "burner/format/geometry.h"
#include "burner/format/message_block.h"

int session_message_read(struct disc *d, const struct disc_session *session, session_message ret)
{
	uint8_t sector[SECTOR_BYTES];
	int r;

	if (!session_says_ours(session) || !session->has_message) {
		ret[0] = '\0';
		return 0;
	}
	r = disc_read(d, session->start_lba + SESSION_MESSAGE, sector, 1);
	return r ? r : message_block_decode(sector, session->uuid, ret);
}
