/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * digests.h - what a planned session says of its own blocks: the digest table, and the commit record
 *
 *	session_digests_new(plan) -> session_digests_add(sectors of session_stream_read or _skip) … all of them, in any
 *	order -> session_digests_end -> the table's bytes, the record -> session_digests_free
 *
 * Threads: session_digests_add() from several at once, for pieces that do not overlap; all else from one.
 */
#ifndef BURNER_SESSION_DIGESTS_H
#define BURNER_SESSION_DIGESTS_H

#include "burner/base/bytes.h"
#include "burner/base/own.h"
#include "cdappendfs/burn.h"

struct session_digests;
/* It lies where the plan's arrays lie (burner/base/bulk.h), and borrows the plan. -ENOMEM. */
int session_digests_new(const struct burn_plan *p, struct session_digests **ret);
void session_digests_free(struct session_digests *d);
DEFINE_FREEP(struct session_digests, session_digests_free)

/* Sectors from `at` on, as session_stream_step() cuts them; buf NULL: zeros. -ENOMEM. */
int session_digests_add(struct session_digests *d, uint32_t at, const void *buf, uint32_t n_sectors);
/* Makes the rest of the table. ret_record: the last sector of the session. The table, which comes before it, is d's.
 * -ENOMEM. */
int session_digests_end(struct session_digests *d, const uint8_t **ret_table, uint32_t *ret_table_sectors,
			uint8_t ret_record[SECTOR_BYTES]);

#endif
