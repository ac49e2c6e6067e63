/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * check.h - a disk after a power cut is mounted again: is everything there that was promised?
 */
#ifndef TESTS_POWER_CHECK_H
#define TESTS_POWER_CHECK_H

#include <stdio.h>

#include "tests/power/disk.h"
#include "tests/power/script.h"

/* A recorded run and what it should have left. */
struct run {
	char root[40]; /* holds image and stage */
	bool by_identity;
	struct script script;
	struct expect *expect;	/* script.n + 1 */
	size_t sessions_before; /* of the base */
	char final[48];		/* the image as the script left it: sessions never change */
};

/* How far the script was at a cut. */
/* durable: the tree promised (expect[]); begun: steps; in_step: the last has not ended */
struct moment {
	size_t durable, begun;
	bool in_step;
};
void check_moment(const struct disk *d, const struct run *run, size_t at, struct moment *ret);

/* others: xorriso reads it too */
enum check_extra { CHECK_PLAIN = 0, CHECK_OTHERS = 1, CHECK_SESSIONS = 2, CHECK_EXTEND = 4 };
/* In a process of its own; true when nothing is lost.  Says what is wrong. */
bool check_state(const struct run *run, const struct moment *m, unsigned extra);

#endif
