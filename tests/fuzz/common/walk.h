/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * walk.h - for the fuzzers: a disc in memory, and everything that can be read of one session of it
 *
 * walk_session() opens the session, lists, looks up and reads, bounded in nodes, entries and bytes, and aborts when
 * an entry breaks what fs/iso promises its callers.  Which files and names are read follows from walk_seed().  One
 * thread.
 */
#ifndef TESTS_FUZZ_WALK_H
#define TESTS_FUZZ_WALK_H

#include <stdint.h>

#include "cdappendfs/disc.h"

struct memory_disc {
	struct disc disc; /* first */
	const uint8_t *data;
	uint32_t sectors;
	uint32_t used_sectors; /* what its state says; 0: not known */
	uint64_t n_reads, bytes_read;
};
/* Borrows data. */
void memory_disc_init(struct memory_disc *m, const uint8_t *data, uint32_t sectors);

void walk_seed(uint64_t seed);
uint64_t walk_below(uint64_t n); /* a random number; 0 for n = 0 */
void walk_session(struct disc *d, uint32_t descriptor_lba);
/* From now on the disc may say another thing each time it is asked: an entry that is read again may be another one. */
void walk_unstable_discs(void);

#endif
