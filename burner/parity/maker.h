/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * maker.h - makes the parity area of blocks that can be read as often as one likes
 *
 * Memory is bounded (MAKER_BYTES), whatever the length: as many columns at once as fit.  For each such group what is
 * protected is gone through once, in ascending order, and of it the group's part is read: so all is read once, a small
 * session in its order.  The area goes to a file, since its pieces come in another order than they lie on the disc.
 */
#ifndef BURNER_PARITY_MAKER_H
#define BURNER_PARITY_MAKER_H

#include "burner/format/parity.h"

#define MAKER_BYTES (96u << 20)

struct parity_source {
	/* From the first block again. */
	int (*begin)(void *context);
	/* Blocks from number `at` of what is protected on; ascending since begin(). */
	int (*read)(void *context, uint64_t at, void *buf, uint32_t n_sectors);
	/* So many blocks were read of all; not 0: give up with that. NULL: nobody asks. */
	int (*pace)(void *context, uint64_t done);
	void *context;
};

/*
 * The area that `header` describes, from byte 0 of the file on; its room is allocated first: -ENOSPC.  Threads: one for
 * each processor, as long as the call; the source is the caller's.  -ENOMEM, what the source says, what writing says.
 */
int parity_make(const struct parity_header *header, const struct parity_source *source, int fd);

#endif
