/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * internal.h - a parity area in use, as reader.c and survey.c see it
 */
#ifndef BURNER_PARITY_INTERNAL_H
#define BURNER_PARITY_INTERNAL_H

#include <assert.h>
#include <errno.h>

#include "burner/parity/codec.h"
#include "burner/parity/reader.h"

#define ALL_LOST UINT32_MAX

static_assert(PARITY_PIECE_SECTORS == 32, "a bit for each block of a piece");

struct parity {
	struct parity_disc disc;
	struct parity_header header;
	struct parity_codec *codec;
	uint32_t n_pieces; /* of data and parity */
	uint64_t protected_sectors;
	/* the block of digests at hand */
	uint32_t digests_number;
	uint8_t digests[SECTOR_BYTES];
	/* the column at hand: k + m pieces, and what of them was lost, and was made again if column_error is 0 */
	uint32_t column_number;
	int column_error;
	uint8_t *column, *pieces[PARITY_CODEWORD_MAX];
	uint32_t lost[PARITY_CODEWORD_MAX];
	bool unknown[PARITY_CODEWORD_MAX]; /* as it was read: its digest is lost */
	/* of a survey: of each piece of data and parity the blocks that are lost */
	uint32_t *survey;
};

static inline bool is_loss(int r) { return r == -EIO || r == -EBADMSG; }

/* Data first, then parity: the order of the digests. */
static inline uint32_t data_number(const struct parity *p, unsigned row, uint32_t column)
{
	return row * p->header.shape.columns + column;
}
static inline uint32_t parity_number(const struct parity *p, unsigned piece, uint32_t column)
{
	return p->header.shape.pieces + piece * p->header.shape.columns + column;
}

/* The header that stands there.  -EBADMSG: none does, or that of another place. */
int parity_read_header(const struct parity_disc *disc, uint32_t lba, struct parity_header *ret);
/* The block of digests at hand is that one; -EBADMSG: it is damaged in both tables. */
int parity_fetch_digests(struct parity *p, uint32_t number);
/* The blocks of a piece as far as they can be read; *ret_lost: a bit for each that cannot. */
int parity_read_blocks(struct parity *p, uint32_t number, uint8_t piece[PARITY_PIECE_BYTES], uint32_t *ret_lost);

#endif
