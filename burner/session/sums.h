/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sums.h - the MD5 sums of a planned session (burner/format/checksums.h), which are known before its first sector
 *
 *	session_sums_new -> session_sums_rest -> session_sums_tree, of a stream that begins -> what that gives next, to
 *	session_sums_session and session_sums_files, up to session_sums_end_at() -> session_sums_end -> _free
 *
 * From then on each stream of the plan has them; before, it has none where they are.  Errors: -EOPNOTSUPP: MD5 is
 * forbidden on this system; -ENOMEM; what the stream and the manifest say.  Threads: session_sums_session() and
 * session_sums_files() may be called by two at once, each by one, in the order of the stream.
 */
#ifndef BURNER_SESSION_SUMS_H
#define BURNER_SESSION_SUMS_H

#include "burner/base/own.h"
#include "burner/session/stream.h"

struct session_sums;
/* *ret NULL: the session is to have none. */
int session_sums_new(struct burn_plan *p, struct session_sums **ret);
void session_sums_free(struct session_sums *s);
DEFINE_FREEP(struct session_sums, session_sums_free)

/* Of files that the session does not write as a whole, and of which no older session has a sum: each of them is read.
 * What cannot be read gets a sum of zeros, which is that of nothing.  pace() is asked before each MiB, with the bytes
 * that were read so far. */
int session_sums_rest(struct session_sums *s, int (*pace)(void *context, uint64_t bytes), void *context);
/* Bytes that it will read. */
uint64_t session_sums_rest_bytes(const struct session_sums *s);
/* Reads descriptors and directories from a new stream. */
int session_sums_tree(struct session_sums *s, struct session_stream *stream);
/* The first sector of the session that is not summed. */
uint32_t session_sums_end_at(const struct session_sums *s);
int session_sums_session(struct session_sums *s, const void *buf, uint32_t n_sectors);
int session_sums_files(struct session_sums *s, uint32_t at, const void *buf, uint32_t n_sectors);
int session_sums_end(struct session_sums *s);

#endif
