/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * commit_record.h - the last sector of a session of ours: a session without it did not happen
 *
 * Numbers are little-endian.
 *	 0  16	magic "CDAPPENDFS-END 1"
 *	16  16	uuid
 *	32   4	session number
 *	36   4	start LBA
 *	40   4	sectors, this one included
 *	48  32	SHA-256 of all sectors of the session before this one
 *	80  32	SHA-256 of bytes 0..79 of this sector
 */
#ifndef BURNER_FORMAT_COMMIT_RECORD_H
#define BURNER_FORMAT_COMMIT_RECORD_H

#include "burner/base/bytes.h"

#define COMMIT_MAGIC "CDAPPENDFS-END 1" /* 16 bytes without the terminator */

struct commit_record {
	uint8_t uuid[16];
	uint32_t number, start_lba, sectors;
	uint8_t sha256[32]; /* of all sectors before it */
};
/* 0 or -ENOMEM. */
int commit_record_encode(const struct commit_record *r, uint8_t ret_sector[SECTOR_BYTES]);
/* 0, or -ENODATA when the sector is not a commit record or is damaged.  The caller compares uuid, start and length
 * with the descriptor's. */
int commit_record_decode(const uint8_t sector[SECTOR_BYTES], struct commit_record *ret);

#endif
