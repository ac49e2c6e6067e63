/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * reader.h - a parity area in use: what of it and of the protected blocks is whole, and what was lost made again
 *
 *	parity_open -> parity_restore(a piece) …                          one here and there
 *	            -> parity_survey -> parity_is_lost …, parity_close        all of it
 *
 * A piece is whole when its digest is right.  What cannot be read is lost block by block; a piece that can be read, but
 * is another one, as a whole.  Nothing is given out whose digest is not right.  A piece whose own digest is lost may be
 * used to make others, which prove it: with it, and if that is wrong, without.
 *
 * The column that was read last stays at hand, restored or beyond repair: for any other piece of it nothing is read.
 *
 * Threads: one at a time.  Errors: -ENOMEM; -EBADMSG no such area, or too much is lost; what reading says, but for -EIO
 * and -EBADMSG, which are losses.
 */
#ifndef BURNER_PARITY_READER_H
#define BURNER_PARITY_READER_H

#include "burner/format/parity.h"
#include "burner/base/own.h"

/* Blocks of the disc; a read that fails may have been partly done. */
struct parity_disc {
	int (*read)(void *context, uint32_t lba, void *buf, uint32_t n_sectors);
	void *context;
};

struct parity;
/* lba: where an area begins or ends, that is, of one of its headers.  -EIO: that cannot be read. */
int parity_open(const struct parity_disc *disc, uint32_t lba, struct parity **ret);
/* By whichever of its two headers is whole.  -EIO: one cannot be read, so it may be; -EBADMSG: both are damaged. */
int parity_open_area(const struct parity_disc *disc, uint32_t lba, uint32_t sectors, struct parity **ret);
void parity_close(struct parity *p);
DEFINE_FREEP(struct parity, parity_close)
const struct parity_header *parity_header(const struct parity *p);

/* Sectors of piece `number` of what is protected: fewer than PARITY_PIECE_SECTORS of the last one. */
uint32_t parity_piece_sectors(const struct parity *p, uint32_t number);
/* Pieces of data, and behind them of parity. */
uint32_t parity_pieces(const struct parity *p);
/* Block `lba` of the disc is in that piece, so many blocks from its beginning; false: in none. */
bool parity_piece_at(const struct parity *p, uint32_t lba, uint32_t *ret_number, uint32_t *ret_inside);
/* Piece `number`, whatever of it can be read; all of buf is filled, zeros behind the last block. */
int parity_restore(struct parity *p, uint32_t number, uint8_t buf[PARITY_PIECE_BYTES]);

/* Of the piece that was restored last: other pieces of data of its column that were lost, from number `from` on.
 * UINT32_MAX: there is none. */
uint32_t parity_next_lost(const struct parity *p, uint32_t from);
/* The column at hand, up to 16 MiB, is forgotten. */
void parity_forget(struct parity *p);

/* ---- all of it ---- */

struct parity_damage {
	uint32_t n_lost;	/* pieces of data that are not whole */
	uint32_t n_lost_parity; /* pieces of parity */
	uint32_t n_beyond;	/* of n_lost, those that cannot be made again */
	bool tables, headers;	/* a copy of one is damaged, or that of the descriptors */
	uint64_t digestless; /* pieces whose digest is lost in both tables: they count as whole when they can be read */
};
/*
 * Reads it all, in the order of the disc.  pace (may be NULL): so many sectors are done of all; not 0 ends it with
 * that.  Whether what can be made again is right is known when it is made.
 */
int parity_survey(struct parity *p, int (*pace)(void *context, uint64_t done, uint64_t all), void *context,
		  struct parity_damage *ret);
/* One copy of what the area says of itself, if that block is in a table, a header or the copy of the descriptors: as it
 * was.  -ENOENT: it is not; -EBADMSG: both copies are lost. */
int parity_restore_block(struct parity *p, uint32_t lba, uint8_t buf[SECTOR_BYTES]);
/* After it: is that piece lost, and beyond repair? */
bool parity_is_lost(const struct parity *p, uint32_t number);
bool parity_is_beyond(const struct parity *p, uint32_t number);

#endif
