/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * digest_table.h - the digest table of a session: SHA-256 of each of its pieces
 *
 * Pieces: 32 sectors each (the commit record says how many), from the session's first sector up to the table's; the
 * last one may be shorter.  The table is a tree, so that a part of it can be proven without the rest:
 *	level 0		the digests of the pieces, in their order
 *	level k + 1	the digests of the sectors of level k, in their order
 *	the last level	the first one that is a single sector: the root, whose digest is in the commit record
 * 64 digests of 32 bytes fill a sector; the rest of a level's last sector is zeros.  The levels follow each other,
 * level 0 first.  Behind the root there may be sectors of zeros, up to the commit record.
 */
#ifndef BURNER_FORMAT_DIGEST_TABLE_H
#define BURNER_FORMAT_DIGEST_TABLE_H

#include "burner/base/bytes.h"
#include "burner/base/sha256.h"

#define DIGESTS_PER_SECTOR (SECTOR_BYTES / SHA256_BYTES)
#define DIGEST_LEVELS_MAX 6u /* of 2^32 pieces */

struct digest_shape {
	unsigned n_levels;
	uint32_t first[DIGEST_LEVELS_MAX], n[DIGEST_LEVELS_MAX]; /* sectors of the table that are each level's */
	uint32_t sectors;					 /* all of them; the last one is the root */
};
/* pieces: 1 and more. */
struct digest_shape digest_table_shape(uint32_t pieces);

/*
 * The length of a session, a multiple of unit, that has so many sectors before its table, and the commit record behind
 * it. *ret_table_sectors: of the table; the sectors between are zeros, which the table tells of as well.
 */
uint64_t digest_table_place(uint64_t body_sectors, uint32_t unit, uint64_t *ret_table_sectors);
/* How many sectors a session can have before its table, if it must not be longer than that (a multiple of unit). */
uint64_t digest_table_body(uint64_t session_sectors);

/* SHA-256 of a piece; that of zeros is known. buf NULL: of zeros, PROOF_PIECE_SECTORS at most. -ENOMEM. */
int digest_of_piece(const void *buf, uint32_t n_sectors, uint8_t ret[SHA256_BYTES]);

/* Level 0 is there (all else in the table is zeros): makes the others, and the digest of the root. -ENOMEM. */
int digest_table_finish(uint8_t *table, uint32_t pieces, uint8_t ret_root[SHA256_BYTES]);

#endif
