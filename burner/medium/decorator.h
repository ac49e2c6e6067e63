/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * decorator.h - what decorators of a disc or a target have in common
 *
 * A decorator is a disc or target whose `inner` is the next one; it owns it.  A decorator of a target has
 * publish_sector only when the inner one has, so that target_publish() orders the writes of the head in one place,
 * above all decorators.
 */
#ifndef BURNER_MEDIUM_DECORATOR_H
#define BURNER_MEDIUM_DECORATOR_H

#include <time.h>

#include "burner/base/bytes.h"
#include "burner/format/geometry.h"
#include "cdappendfs/disc.h"
#include "cdappendfs/target.h"

#define SLICE_NS 20000000 /* the longest sleep in one go, and about the longest write */

/* Operations of a disc that change nothing. */
int pass_read_medium(struct disc *d, uint32_t lba, void *buf, uint32_t n_sectors);
uint32_t pass_zeros(struct disc *d, uint32_t lba, uint32_t n_sectors);
int pass_state(struct disc *d, struct disc_state *ret);
int pass_sessions(struct disc *d, struct disc_session **ret, size_t *ret_n);
int pass_identity(struct disc *d, struct disc_identity *ret);
int pass_fingerprint(struct disc *d, struct disc_fingerprint *ret);
int pass_refresh(struct disc *d);
int pass_forgive(struct disc *d, uint32_t session_lba);

/* Operations of a target that change nothing. */
int pass_reserve(struct target *t, uint32_t start_lba, uint64_t sectors);
int pass_sync(struct target *t);
int pass_publish_sector(struct target *t, uint32_t lba, const uint8_t sector[SECTOR_BYTES]);
int pass_publish(struct target *t, const uint8_t published[16 * SECTOR_BYTES]);
int pass_abort(struct target *t);
const char *pass_words(struct target *t);
void pass_free(struct target *t); /* the inner one, then what malloc gave for t */

/* Of CLOCK_MONOTONIC. */
void sleep_until(const struct timespec *due);
void add_ns(struct timespec *t, uint64_t ns);

#endif
