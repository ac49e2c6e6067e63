/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * adoption.h - the adoption table of a session: SHA-256 of blocks of other programs' sessions below it
 *
 * They are ranges of the disc; each is cut into pieces of 32 blocks, counted from its first one, the last piece may be
 * shorter.  The pieces are numbered through all ranges, in their order.
 *
 * The table, in blocks:
 *	1	header
 *	n	the digests: 32 bytes for each piece, 64 in a block, behind the last one zeros.  A digest of zeros:
 *		the piece could not be read when it was adopted, and nothing is known of it.
 *
 * The header, numbers little-endian:
 *	   0  16	magic "CDAPPENDFS-ADO 1"
 *	  16  16	uuid, which is that of the session
 *	  32   4	LBA of the table
 *	  36   4	its length in blocks
 *	  40   4	blocks of a piece: 32
 *	  44   4	ranges
 *	  64   8	each of them: first LBA, blocks; ascending, apart, all below the table
 *	2016  32	SHA-256 of bytes 0..2015
 *
 * The blocks of the table are in the pieces of its session, whose digest table proves them.
 */
#ifndef BURNER_FORMAT_ADOPTION_H
#define BURNER_FORMAT_ADOPTION_H

#include "burner/base/bytes.h"
#include "burner/base/sha256.h"

#define ADOPTION_MAGIC "CDAPPENDFS-ADO 1" /* 16 bytes without the terminator */
#define ADOPTION_PIECE_SECTORS 32u
#define ADOPTION_RANGES_MAX 244u
#define ADOPTION_BLOCK_DIGESTS (SECTOR_BYTES / SHA256_BYTES)

struct adoption_range {
	uint32_t lba, sectors;
};
static inline uint32_t adoption_range_pieces(const struct adoption_range *r)
{
	return (uint32_t)(((uint64_t)r->sectors + ADOPTION_PIECE_SECTORS - 1) / ADOPTION_PIECE_SECTORS);
}
/* Blocks of the table of so many pieces. */
static inline uint64_t adoption_sectors_for(uint64_t pieces)
{
	return 1 + (pieces + ADOPTION_BLOCK_DIGESTS - 1) / ADOPTION_BLOCK_DIGESTS;
}

struct adoption {
	uint8_t uuid[16];
	uint32_t lba, sectors; /* of the table */
	uint32_t n_ranges;
	struct adoption_range ranges[ADOPTION_RANGES_MAX];
};
uint64_t adoption_pieces(const struct adoption *a);

/* 0 or -ENOMEM. */
int adoption_encode(const struct adoption *a, uint8_t ret[SECTOR_BYTES]);
/* Whatever it says lies as adoption.h has it.  -ENODATA: it is none, or damaged; -ENOMEM. */
int adoption_decode(const uint8_t sector[SECTOR_BYTES], struct adoption *ret);

#endif
