/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * remake.h - what a session of ours says of itself, made again from the rest of it
 *
 * Descriptors stand twice on overwritable media, and the commit record proves them; the digest table is a function of
 * the session's blocks, and the record of both.  What is made is handed to put() only if something proves it: so it may
 * be that nothing is.
 *
 * Threads: one.  Errors: -ENOMEM; what put() and pace() say; what reading says, but for -EIO and -EBADMSG.
 */
#ifndef BURNER_MEDIUM_REMAKE_H
#define BURNER_MEDIUM_REMAKE_H

#include <stdbool.h>

#include "cdappendfs/disc.h"
#include "cdappendfs/proof.h"

struct remaking {
	struct disc *disc; /* as far as it is known, to be read from outside of put() alone */
	int (*put)(void *context, uint32_t lba, uint32_t n_sectors, const uint8_t *bytes);
	/* may be NULL; not 0: give up with that */
	int (*pace)(void *context, uint64_t done_sectors, uint64_t all_sectors);
	void *context;
};

/* The descriptors at S+8 by those at S+16, or the other way round, if the first piece is not what the record says. */
int remake_descriptors(const struct remaking *m, const struct commit_record *record);

/*
 * Table and record of the session at `at` of the list (oldest first).  A table is right if the record says so.  A
 * record is right if that of a newer session says so; the newest one if `proven`: all blocks before its table are, by
 * parity.
 */
int remake_proof(const struct remaking *m, const struct disc_session *sessions, size_t n, size_t at, bool proven);

#endif
