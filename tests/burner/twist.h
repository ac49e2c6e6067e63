/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * twist.h - answers that differ from those of this recorder: other drives', those of older standards, wrong ones
 *
 * twist_add reads one line:
 *
 *	cmd=NAME|0xNN [ask=AT:HEX] [when=AT:HEX[/MASK]] [put=AT:HEX[/MASK]]… [add=AT:HEX] [length=N]
 *	[without=0xFEATURE]
 *
 * Of each answer to that command, whose CDB has the bytes HEX from AT on (ask) and which has those of `when` under
 * MASK, the bytes of `put` are changed, those of `add` added to each, only the first N are given (length), a feature
 * descriptor is left out of GET CONFIGURATION (without). Several twists change one answer one after the other.
 *
 * A drive that means no good lies: some answers, but no block of the disc, get wrong bytes at places that follow from a
 * seed.
 */
#ifndef TESTS_BURNER_TWIST_H
#define TESTS_BURNER_TWIST_H

#include <stddef.h>
#include <stdint.h>

enum { TWIST_BYTES = 16, MAX_PUTS = 8, MAX_TWISTS = 16 };

struct twist_bytes {
	size_t at, n;
	uint8_t bytes[TWIST_BYTES], mask[TWIST_BYTES];
};
struct twist {
	uint8_t opcode;
	struct twist_bytes ask, when, add, put[MAX_PUTS];
	int n_puts, length, without; /* -1: not asked for */
};
struct twists {
	struct twist list[MAX_TWISTS];
	int n;
	uint64_t lies; /* 0: none */
};

/* 0 or -EINVAL, -ENOSPC. */
int twist_add(struct twists *twists, const char *line);
/* seed: from 1 */
void twist_lie(struct twists *twists, uint64_t seed);
void twist_clear(struct twists *twists);
/* Of an answer of *length bytes. */
void twist_answer(struct twists *twists, const uint8_t *cdb, uint8_t *data, size_t *length);

#endif
