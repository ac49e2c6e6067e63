/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * burn.c - one commit on a medium: write, publish (verify.c: reading it back)
 *
 * The body of the session goes through a pipe (pipe.h): the caller's thread fills pieces from the stream, hence mostly
 * from the stage, others make their digests, one hands them to the target.  The digest table and the commit record are
 * made and written when everything before them has been digested.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/own.h"
#include "burner/format/geometry.h"
#include "burner/pipe.h"
#include "burner/session/digests.h"
#include "burner/session/stream.h"
#include "cdappendfs/burn.h"

#define PUBLISH_TRIES 2u	 /* that are read back as something else, or cannot be read */
#define ZEROS_SECTORS_MAX 32768u /* longer runs of zeros are cut, for progress and cancellation */

/* ---- write ---- */

struct body {
	struct session_stream *stream;
	struct session_digests *digests;
};

static int fill_from_stream(void *context, struct pipe_piece *piece)
{
	struct session_stream *stream = ((struct body *)context)->stream;

	piece->at = session_stream_at(stream);
	/* Behind zeros of any length the pieces begin at whole ones again. */
	piece->n_sectors = session_stream_step(stream, PIPE_PIECE_SECTORS, &piece->zeros);
	if (piece->zeros) {
		piece->n_sectors = (uint32_t)min_u64(piece->n_sectors, ZEROS_SECTORS_MAX);
		return session_stream_skip(stream, piece->n_sectors);
	}
	return piece->n_sectors ? session_stream_read(stream, piece->buf, piece->n_sectors) : 0;
}

static int digest_piece(void *context, const struct pipe_piece *piece)
{
	return session_digests_add(((struct body *)context)->digests, piece->at, piece->zeros ? NULL : piece->buf,
				   piece->n_sectors);
}

int burn_rehearse(const struct burn_plan *p)
{
	_cleanup_(session_stream_freep) struct session_stream *stream = NULL;
	_free_ uint8_t *buf = malloc((size_t)PIPE_PIECE_SECTORS * SECTOR_BYTES);
	struct pipe_piece piece = {.buf = buf};
	struct body body = {0};
	int r = buf ? session_stream_new(p, &stream) : -ENOMEM;

	body.stream = stream;
	while (r == 0) {
		r = fill_from_stream(&body, &piece);
		if (piece.n_sectors == 0)
			break;
	}
	return r;
}

/* All that the stream has. */
static int write_body(struct burn_plan *plan, struct target *t, const struct burn_progress *progress,
		      struct session_digests *digests)
{
	_cleanup_(session_stream_freep) struct session_stream *stream = NULL;
	struct body body = {.digests = digests};
	struct pipe_options options = {.fill = fill_from_stream,
				       .digest = digest_piece,
				       .context = &body,
				       .target = t,
				       .start_lba = session_start(plan),
				       .all_sectors = session_length(plan),
				       .progress = progress};
	int r = session_stream_new(plan, &stream);

	body.stream = stream;
	return r < 0 ? r : pipe_run(&options);
}

static int write_end(struct burn_plan *plan, struct target *t, struct session_digests *digests)
{
	uint32_t lba = session_start(plan) + session_body(plan), left, n, accepted;
	uint8_t record[SECTOR_BYTES];
	const uint8_t *table;
	int r = session_digests_end(digests, &table, &left, record);

	for (; left > 0 && r == 0; lba += n, left -= n, table += (size_t)n * SECTOR_BYTES) {
		n = (uint32_t)min_u64(left, PIPE_PIECE_SECTORS);
		r = target_write(t, lba, table, n, &accepted);
	}
	return r < 0 ? r : target_write(t, lba, record, 1, &accepted);
}

static int write_session(struct burn_plan *plan, struct target *t, const struct burn_progress *progress)
{
	_cleanup_(session_digests_freep) struct session_digests *digests = NULL;
	int r = session_digests_new(plan, &digests);

	if (r == 0)
		r = target_reserve(t, session_start(plan), session_length(plan));
	if (r == 0)
		r = write_body(plan, t, progress, digests);
	if (r == 0)
		r = write_end(plan, t, digests);
	return r < 0 ? r : target_sync(t);
}

int burn_write(struct burn_plan *p, struct target *t, const struct burn_progress *progress)
{
	int r;

	burn_report(progress, 0, session_length(p));
	r = write_session(p, t, progress);
	if (r < 0)
		target_abort(t); /* the first error is the one that matters */
	else
		burn_report(progress, session_length(p), session_length(p));
	return r;
}

/* ---- publish ---- */

/* Did the disc begin at LBA 32, with nothing below but a head?  Of one whose head leads nowhere only a first session
 * says so. */
static int descriptors_are_free(struct disc *d, uint32_t start_lba, bool *ret)
{
	_free_ struct disc_session *sessions = NULL;
	size_t n = 0;
	int r = disc_sessions(d, &sessions, &n);

	if (r == 0)
		*ret = (n ? sessions[0].start_lba : start_lba) == FIRST_SESSION_LBA;
	return r;
}

/* What was published is what is there. */
static int compare_published(struct disc *d, const uint8_t published[DESCRIPTORS_SECTORS * SECTOR_BYTES])
{
	uint8_t now[DESCRIPTORS_SECTORS * SECTOR_BYTES];
	int r = disc_read(d, DESCRIPTORS_LBA, now, DESCRIPTORS_SECTORS);

	return r ? r : memcmp(now, published, sizeof(now)) == 0 ? 0 : -EBADMSG;
}

/* Nothing else says where the newest session is. */
static int publish_head(struct disc *d, struct target *t, const uint8_t published[DESCRIPTORS_SECTORS * SECTOR_BYTES])
{
	int r = target_publish(t, published), is = r ? r : compare_published(d, published);

	for (unsigned tries = 1; !r && disc_is_damage(is) && tries < PUBLISH_TRIES; tries++) {
		r = target_publish(t, published);
		is = r ? r : compare_published(d, published);
	}
	return is;
}

int burn_publish(struct disc *d, struct target *t, uint32_t start_lba)
{
	uint8_t descriptors[DESCRIPTORS_SECTORS * SECTOR_BYTES], published[DESCRIPTORS_SECTORS * SECTOR_BYTES];
	struct disc_state state;
	bool is_free = true;
	int r = disc_state(d, &state);

	if (r < 0 || !state.overwritable)
		return r;
	r = burn_head(d, start_lba, published);
	if (r == 0)
		r = descriptors_are_free(d, start_lba, &is_free);
	if (r == 0 && !is_free) {
		r = disc_read(d, DESCRIPTORS_LBA, descriptors, DESCRIPTORS_SECTORS);
		if (r == 0)
			session_merge_published(descriptors, published);
	}
	return r < 0 ? r : publish_head(d, t, published);
}
