/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * stream.h - a planned session as sectors, its commit record, and the head that publishes it
 *
 *	burn_plan_new -> [session_parity: it has parity to be made -> session_give_parity] -> session_stream_new
 *	-> session_stream_read (or _skip) … until session_body() sectors are out -> the digest table and the commit
 *	record (digests.h) -> session_stream_free
 *	verified and to be published on overwritable media: session_published_descriptors(sectors
 *	S+16..S+31 as read from the disc) -> target_publish
 *
 * The stream asks the manifest's callbacks (read_body, read_disc) for file data and touches nothing else; it encodes
 * one directory at a time.  It borrows the plan, as the plan borrows the manifest.  Same plan, same bytes, however
 * the calls are cut. Threads: a stream belongs to one thread; several streams of one plan, one after the other, are
 * fine (the plan is not changed).
 */
#ifndef BURNER_SESSION_STREAM_H
#define BURNER_SESSION_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "burner/format/adoption.h"
#include "burner/format/geometry.h"
#include "burner/format/parity.h"
#include "cdappendfs/burn.h"
#include "burner/base/own.h"

/* First sector of the session. */
uint32_t session_start(const struct burn_plan *p);
/* Sectors of the session, the commit record included (so sector session_start() + session_length() - 1 is the commit
 * record). */
uint32_t session_length(const struct burn_plan *p);
/* Of these, the ones before the digest table, which is followed by the commit record. */
uint32_t session_body(const struct burn_plan *p);

/* The parity area that the session is to have, of all before it; false: none. */
bool session_parity(const struct burn_plan *p, struct parity_header *ret);
/* A file with that area from byte 0 on, which the plan closes: no stream gets so far without it. */
void session_give_parity(struct burn_plan *p, int fd);

/* The adoption table that the session is to have, and the place of its digests, which are zeros so far, in any stream
 * as well; NULL: none. */
const struct adoption *session_adoption(const struct burn_plan *p, uint8_t **ret_digests);

struct session_stream;
/* -ENOMEM. */
int session_stream_new(const struct burn_plan *p, struct session_stream **ret);
void session_stream_free(struct session_stream *s); /* NULL is fine */
DEFINE_FREEP(struct session_stream, session_stream_free)

/*
 * The next n_sectors sectors, sector session_start() first.  The stream has session_body() sectors: digest table and
 * commit record are not in it; asking for more than is left is -ERANGE and reads nothing.  Other errors: -ENOMEM and
 * what the callbacks return (0 or -errno); the stream is of no use after one.  Large pieces (64 sectors and more) are
 * faster than small ones.
 */
int session_stream_read(struct session_stream *s, void *buf, uint32_t n_sectors);
/* Goes over n_sectors, at most session_stream_left(), whatever they hold.  What is file data is not asked for. */
int session_stream_forward(struct session_stream *s, uint64_t n_sectors);
/* Sectors that the stream has still to give, and has given. */
uint32_t session_stream_left(const struct session_stream *s);
uint32_t session_stream_at(const struct session_stream *s);
/*
 * How many of the next sectors are known to be zeros without reading them (holes of sparse files, gaps, the padding
 * at the end); 0: read. May be as large as session_stream_left().  An image may leave a hole there; they count for
 * the digest as any other sector.
 */
uint32_t session_stream_zeros(struct session_stream *s);
/* Go over n_sectors <= session_stream_zeros() sectors as if they had been read; else -ERANGE. */
int session_stream_skip(struct session_stream *s, uint32_t n_sectors);
/*
 * How many sectors to take next, so that no piece of the digest table is taken in parts: zeros to be skipped, or up to
 * the next multiple of `most`, a multiple of such pieces, to be read.  0: there are none left.
 */
uint32_t session_stream_step(struct session_stream *s, uint32_t most, bool *ret_zeros);

/*
 * Contents for LBA 16-31 that make the session at start_lba the newest one: its descriptors with the size of the
 * whole volume (start_lba + the relative size found in them), zeros behind the terminator.  descriptors: sectors
 * start_lba + 16 .. + 31 as read from an overwritable medium.  -EBADMSG: no primary descriptor of ours for that
 * start, no terminator, or a size out of range.
 */
int session_published_descriptors(const uint8_t descriptors[DESCRIPTORS_SECTORS * SECTOR_BYTES], uint32_t start_lba,
				  uint8_t published[DESCRIPTORS_SECTORS * SECTOR_BYTES]);
/* A block of the head that has no data of others: a descriptor, a tag, mkisofs' line about itself, or nothing. */
bool session_head_is_free(const uint8_t sector[SECTOR_BYTES]);
/* On a disc that does not begin at LBA 32 others keep live data behind their descriptors there: the head to publish
 * instead of `head`, over `now` which is on the disc (LBA 16-31).  Repeating it on its own result changes nothing. */
void session_merge_published(const uint8_t now[DESCRIPTORS_SECTORS * SECTOR_BYTES],
			     uint8_t published[DESCRIPTORS_SECTORS * SECTOR_BYTES]);

#endif
