/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * codec.h - the arithmetic of parity: Reed-Solomon over GF(2^8), by ISA-L
 *
 *	parity_codec_new(k, m) -> codec_add(rows of a column) … (sums) or codec_restore(a column) -> parity_codec_free
 *
 * A column is k pieces of data and m of parity (burner/format/parity.h).  What is lost of it is known, block by block:
 * a block of a piece needs only the blocks of the other pieces at the same place.
 *
 * Threads: a codec is not changed after it was made: any number of them.  -ENOMEM; -EBADMSG more is lost than m.
 */
#ifndef BURNER_PARITY_CODEC_H
#define BURNER_PARITY_CODEC_H

#include <stdint.h>

#include "burner/base/own.h"

#define CODEC_ROWS 16u /* of data that are added at once */

struct parity_codec;
/* k + m: at most 255. */
int parity_codec_new(unsigned k, unsigned m, struct parity_codec **ret);
void parity_codec_free(struct parity_codec *c);
DEFINE_FREEP(struct parity_codec, parity_codec_free)

/*
 * Adds pieces of the rows from first_row on, a multiple of CODEC_ROWS, to the m parity pieces, which begin as zeros:
 * n_rows of them, CODEC_ROWS or as many as there are left.
 */
void codec_add(const struct parity_codec *c, unsigned first_row, unsigned n_rows, uint8_t *const *data,
	       uint8_t *const *parity);

/* One piece of parity, from the k of data. */
void codec_make(const struct parity_codec *c, unsigned piece, uint8_t *const *data, uint8_t *ret);

/* pieces: k of data, m of parity, each whole in memory.  lost: of each a bit for each block, bit 0 the first; what is
 * lost of data is made again.  What is lost of parity stays as it is. */
int codec_restore(const struct parity_codec *c, uint8_t *const *pieces, const uint32_t *lost);
/* Could it?  Reads nothing but `lost`. */
int codec_can_restore(const struct parity_codec *c, const uint32_t *lost);

#endif
