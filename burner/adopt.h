/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * adopt.h - inside burner: blocks of other programs' sessions that our sessions know
 *
 * Threads: one.  -ENOMEM, what reading says.
 */
#ifndef BURNER_ADOPT_H
#define BURNER_ADOPT_H

#include "cdappendfs/burn.h"

/* The sessions of a disc, the oldest first, and what else says which blocks each of them has. */
struct burn_listing {
	struct disc_session *sessions;
	uint32_t *before; /* of each, the lowest block at which a newer one begins; UINT32_MAX: none does */
	size_t n;
	struct disc_state state;
};
/* Also on failure to be released. */
int burn_listing_read(struct disc *d, struct burn_listing *ret);
void burn_listing_release(struct burn_listing *l);

/* What blocks of a session count, one behind the other: none that a newer session begins with, that is behind all of
 * them, or that is written with each session; of the oldest one of an overwritable medium, when it is another
 * program's, also those below it: of a session whose head was written over. */
struct burn_range burn_blocks_of(const struct burn_listing *l, size_t i);
/* Those of which some session of ours has a digest; settled.  -EBADMSG, -EIO: one cannot be asked. */
int burn_adopted_find(struct disc *d, const struct burn_listing *l, struct burn_ranges *ret);

#endif
