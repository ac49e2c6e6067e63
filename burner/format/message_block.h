/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * message_block.h - the block of a session that has its message (cdappendfs/session_message.h)
 *
 * It lies in the System Area of the session (ECMA-119 6.2.1), whose content no reader of the standard looks at, when
 * the application-use field says so (APPUSE_MESSAGE): as a part of the session's first piece it is proven by the
 * commit record, and made again by parity.  Numbers are little-endian.
 *	  0  16	magic "CDAPPENDFS-MSG \0"
 *	 16  16	uuid of the session
 *	 32   4	bytes of the text, 1 to 1000
 *	 36  12	zeros
 *	 48   n	the text: UTF-8 (RFC 3629), without control characters; zeros behind it
 *	2016 32	SHA-256 of bytes 0..2015
 */
#ifndef BURNER_FORMAT_MESSAGE_BLOCK_H
#define BURNER_FORMAT_MESSAGE_BLOCK_H

#include "burner/base/bytes.h"
#include "cdappendfs/session_message.h"

/* 0 or -ENOMEM.  The text is one that is not refused. */
int message_block_encode(const uint8_t uuid[16], const char *text, uint8_t ret_sector[SECTOR_BYTES]);
/* 0, -ENOMEM, or -EBADMSG: it is no message of that session, or damaged. */
int message_block_decode(const uint8_t sector[SECTOR_BYTES], const uint8_t uuid[16], session_message ret);

#endif
