/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * older.h - ranges of blocks, and what of them is left out of a parity area to be made
 *
 * Threads: one.  -ENOMEM.
 */
#ifndef BURNER_OLDER_H
#define BURNER_OLDER_H

#include "burner/base/own.h"
#include "cdappendfs/burn.h"

/* Behind the others, or one with the last, if it begins where that ends.  No blocks are none. */
int burn_ranges_add(struct burn_ranges *r, uint32_t lba, uint64_t sectors);
/* Ascending, apart, none twice; the others are so. */
void burn_ranges_settle(struct burn_ranges *r);
/* Both are settled. */
int burn_ranges_subtract(struct burn_ranges *r, const struct burn_ranges *what);
static inline bool burn_ranges_meet(const struct burn_ranges *r, uint64_t from, uint64_t to)
{
	bool meet = false;

	for (size_t i = 0; i < r->n && !meet; i++)
		meet = r->list[i].lba < to && r->list[i].lba + (uint64_t)r->list[i].sectors > from;
	return meet;
}

/* What is damaged (any order; settled then), and no more ranges than one area can name.  1: there was any of it. */
int older_leave_out(struct burn_older *o, struct burn_ranges *damaged);

#endif
