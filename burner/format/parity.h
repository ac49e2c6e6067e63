/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * parity.h - the parity area of a session: Reed-Solomon parity of blocks of the disc, and what is needed to use it
 *
 * The blocks that it protects are ranges of the disc, taken one behind the other; from block 32 * i on they are
 * piece i, the last one filled up with zeros.  The N pieces lie in k rows of W: piece i in row i / W, column i % W;
 * what the last row lacks counts as zeros.  A column is one codeword: k pieces of data and m of parity.  Byte b of
 * parity piece p of a column is the sum of c(p, j) * (byte b of its piece in row j), in GF(2^8) modulo x^8 + x^4 +
 * x^3 + x^2 + 1, with c(p, j) = 1 / ((k + p) xor j).  Any k of the k + m pieces give the others.  So whatever m * W
 * pieces are lost that follow each other, of data or of parity, the others give them; across the border between both
 * it may be one row less.
 *
 * The area, in blocks:
 *	1		header
 *	t		digests: SHA-256 of the N pieces of data, then of the m * W of parity
 *	32 * m * W	parity; piece p of column w is piece p * W + w
 *	t		the digests again
 *	4		blocks 16 to 19 of the last range, of a longer one: the descriptors of the session it lies in
 *	1		the header again
 *
 * The header, numbers little-endian:
 *	   0  16	magic "CDAPPENDFS-ECC 1"
 *	  16  16	uuid, which is that of the session
 *	  32   4	LBA of the area
 *	  36   4	its length in blocks
 *	  40   4	k
 *	  44   4	m
 *	  48   4	W
 *	  52   4	blocks of a piece: 32
 *	  56   4	ranges
 *	  64   8	each of them: first LBA, blocks; ascending, all below the area
 *	2016  32	SHA-256 of bytes 0..2015
 *
 * A block of digests:
 *	   0  32	each of 63 digests; behind the last one zeros
 *	2016  32	SHA-256 of the uuid, the number of the block (4 bytes, from 0) and bytes 0..2015
 */
#ifndef BURNER_FORMAT_PARITY_H
#define BURNER_FORMAT_PARITY_H

#include "burner/base/bytes.h"
#include "burner/base/sha256.h"

#define PARITY_MAGIC "CDAPPENDFS-ECC 1" /* 16 bytes without the terminator */
#define PARITY_PIECE_SECTORS 32u
#define PARITY_PIECE_BYTES (PARITY_PIECE_SECTORS * SECTOR_BYTES)
#define PARITY_CODEWORD_MAX 255u /* k + m */
#define PARITY_RANGES_MAX 128u
#define PARITY_BLOCK_DIGESTS 63u
#define PARITY_COPY_AT 16u /* of the descriptors, in the last range */
#define PARITY_COPY_SECTORS 4u
#define PARITY_PERCENT_MAX 100u

struct parity_range {
	uint32_t lba, sectors;
};

/* How so many pieces lie. */
struct parity_shape {
	uint32_t pieces;		/* N */
	uint32_t rows, parity, columns; /* k, m, W */
};

/* percent: of parity, 1..PARITY_PERCENT_MAX; at least one piece in each column.  sectors: not 0. */
struct parity_shape parity_shape_of(uint64_t sectors, unsigned percent);
/* Blocks of one of the tables of digests, and of the whole area. */
uint64_t parity_table_sectors(const struct parity_shape *s);
uint64_t parity_area_sectors(const struct parity_shape *s);
/* The area that so many blocks get; never less for more of them. */
static inline uint64_t parity_sectors_for(uint64_t sectors, unsigned percent)
{
	struct parity_shape s = parity_shape_of(sectors, percent);

	return parity_area_sectors(&s);
}

/* How many blocks can be protected where those and their area get so many. */
uint64_t parity_room_for(uint64_t sectors, unsigned percent);

struct parity_header {
	uint8_t uuid[16];
	uint32_t lba, sectors; /* of the area */
	struct parity_shape shape;
	uint32_t n_ranges;
	struct parity_range ranges[PARITY_RANGES_MAX];
};

/* Of what is protected. */
uint64_t parity_protected_sectors(const struct parity_header *h);
/* Block `at`, below parity_protected_sectors(), of what is protected: where it lies, and how many follow it there. */
uint32_t parity_lba_of(const struct parity_header *h, uint64_t at, uint32_t *ret_following);
/* Of what is protected: the blocks of which there is a copy.  Of a last range that is too short others. */
uint64_t parity_copy_at(const struct parity_header *h);
/* Block `lba` of the disc; false: it is not protected. */
bool parity_place_of(const struct parity_header *h, uint32_t lba, uint64_t *ret_at);

/* Places in the area; which: 0 the first copy, 1 the second. */
uint32_t parity_header_lba(const struct parity_header *h, unsigned which);
uint32_t parity_table_lba(const struct parity_header *h, unsigned which);
uint32_t parity_data_lba(const struct parity_header *h);
uint32_t parity_copy_lba(const struct parity_header *h);

/* 0 or -ENOMEM. */
int parity_header_encode(const struct parity_header *h, uint8_t ret[SECTOR_BYTES]);
/* Whatever it says lies on the disc as parity.h has it, and below 2^32.  -ENODATA: it is none, or damaged; -ENOMEM. */
int parity_header_decode(const uint8_t sector[SECTOR_BYTES], struct parity_header *ret);

/* Fills in the digest of a block of digests that holds its entries. */
int parity_digests_seal(const uint8_t uuid[16], uint32_t number, uint8_t block[SECTOR_BYTES]);
/* -EBADMSG: it is not that block, or damaged. */
int parity_digests_check(const uint8_t uuid[16], uint32_t number, const uint8_t block[SECTOR_BYTES]);

#endif
