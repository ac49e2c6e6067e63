/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * commit_record.h - the last sector of a session of ours: a session without it did not happen
 *
 * Numbers are little-endian.
 *	  0  16	magic "CDAPPENDFS-END 1"
 *	 16  16	uuid
 *	 32   4	session number
 *	 36   4	start LBA
 *	 40   4	sectors, this one included
 *	 44   4	kind of the digest that follows: 0 or 1
 *	 48  32	kind 0: SHA-256 of all sectors of the session before this one
 *		kind 1: SHA-256 of the root of the digest table (digest_table.h)
 *	 80  32	SHA-256 of bytes 0..79 of this sector
 * Kind 0, of cdappendfs 0.1 and 0.2, ends here.  Kind 1 goes on:
 *	112   4	sectors of a piece
 *	116   4	LBA of the digest table
 *	120   4	its sectors, up to this one
 *	124   4	LBA of the commit record before: of the newest session of ours below; 0: there is none
 *	128  32	SHA-256 of that sector, or zeros
 *	160  32	SHA-256 of the first piece of the session, which holds its descriptors
 *	192   4	LBA of the adoption table (adoption.h); 0: there is none
 *	196   4	its sectors
 *	200	zeros; what later versions say here, those that do not know it pass over
 *	2016 32	SHA-256 of bytes 0..2015 of this sector
 *
 * The first 112 bytes are such that cdappendfs 0.2 takes the session for one of ours: it would else take it for a burn
 * that failed, in a drive, and hide it below its next one.
 */
#ifndef BURNER_FORMAT_COMMIT_RECORD_H
#define BURNER_FORMAT_COMMIT_RECORD_H

#include "burner/base/bytes.h"
#include "cdappendfs/proof.h"

#define COMMIT_MAGIC "CDAPPENDFS-END 1" /* 16 bytes without the terminator */

/* 0 or -ENOMEM. */
int commit_record_encode(const struct commit_record *r, uint8_t ret_sector[SECTOR_BYTES]);
/* 0, -ENOMEM, or -ENODATA when the sector is not a commit record or is damaged: what a table can be asked for is in
 * bounds.  The caller compares uuid, start and length with the descriptor's. */
int commit_record_decode(const uint8_t sector[SECTOR_BYTES], struct commit_record *ret);

#endif
