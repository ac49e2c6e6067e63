/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * adopted.h - what our sessions say of blocks of other programs' sessions: their adoption tables, together
 *
 *	adopted_new -> adopted_add(a record) …, the newest session's first -> adopted_next, adopted_digest
 *	-> adopted_free
 *
 * A table names pieces of ADOPTED_PIECE_SECTORS blocks that lie below its session, with a digest of each
 * (burner/format/adoption.h).  Where several name a block the newest one holds.  Nothing of a table is believed before
 * the digest table of its session, and so its record, has proven it.
 *
 * Threads: a struct adopted belongs to one at a time.  Errors as in disc.h; -EBADMSG, -EIO: what a table says is not
 * what it was, or cannot be read.
 */
#ifndef CDAPPENDFS_ADOPTED_H
#define CDAPPENDFS_ADOPTED_H

#include "cdappendfs/proof.h"

#define ADOPTED_PIECE_SECTORS 32u

struct adopted;
/* Of a disc, which is borrowed.  Pieces with a block below floor_lba do not count: on media with a head the first 32
 * blocks are written again. */
int adopted_new(struct disc *d, uint32_t floor_lba, struct adopted **ret);
void adopted_free(struct adopted *a);
static inline void adopted_freep(struct adopted **a)
{
	if (*a)
		adopted_free(*a);
}
/* What the session of that record says, where newer ones, which were added before, say nothing.  0 too when it says
 * nothing at all. */
int adopted_add(struct adopted *a, const struct commit_record *record);

/* Pieces that follow each other; the last one may be shorter. */
struct adopted_run {
	uint32_t lba, sectors;
	uint32_t session; /* number of that which names them */
};
/* The first run that ends behind block lba; false: there is none. */
bool adopted_next(const struct adopted *a, uint32_t lba, struct adopted_run *ret);
/* The digest of the piece that block lba, in a run, lies in; its place.  -ENODATA: it could not be read when it was
 * adopted.  The place is known in any case. */
int adopted_digest(struct adopted *a, uint32_t lba, uint8_t ret[PROOF_DIGEST_BYTES], uint32_t *ret_lba,
		   uint32_t *ret_sectors);

#endif
