/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * spread.h - which disc of a set takes what: first fit, pure
 *
 *	spread_init -> spread_place for each thing, in order -> spread_release
 *
 * Each goes onto the first disc on which it still has room, and another disc is begun when there is none.  So the
 * order says where things lie, nothing else does; and what was placed on the discs behind the first one would lie just
 * so if these alone were there: who fills one disc after another, each with what is left, gets the same set.
 *
 * Bytes.  Threads: none of its own.
 */
#ifndef FS_TREE_SPREAD_H
#define FS_TREE_SPREAD_H

#include <stddef.h>
#include <stdint.h>

struct spread {
	uint64_t other; /* room of each disc but the first */
	uint64_t *left; /* of the discs so far */
	size_t n, capacity;
};

/* first: room that the first disc has.  -ENOMEM */
int spread_init(struct spread *s, uint64_t first, uint64_t other);
/* *ret_disc: from 0.  -EFBIG: no disc has so much room, however many there are; -ENOMEM.  Then nothing was placed. */
int spread_place(struct spread *s, uint64_t bytes, uint32_t *ret_disc);
void spread_release(struct spread *s);

#endif
