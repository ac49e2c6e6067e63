/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sums.c - the MD5 sums of a planned session, before its burn: two threads read and sum at once
 */
#include <errno.h>

#include "burner/base/own.h"
#include "burner/pipe.h"
#include "burner/session/sums.h"
#include "cdappendfs/burn.h"

struct summing {
	struct session_sums *sums;
	struct session_stream *stream;
	const struct burn_progress *progress;
	uint64_t rest; /* sectors that are read besides */
	uint64_t all;
};

static int pace(void *context, uint64_t bytes)
{
	const struct summing *s = context;

	burn_report(s->progress, bytes / SECTOR_BYTES, s->all);
	return burn_is_cancelled(s->progress) ? -ECANCELED : 0;
}

static int fill(void *context, struct pipe_piece *piece)
{
	struct summing *s = context;
	int r;

	piece->zeros = false;
	piece->at = session_stream_at(s->stream);
	piece->n_sectors = (uint32_t)min_u64(session_sums_end_at(s->sums) - piece->at, PIPE_PIECE_SECTORS);
	if (!piece->n_sectors)
		return 0;
	r = session_stream_read(s->stream, piece->buf, piece->n_sectors);
	return r ? r : session_sums_session(s->sums, piece->buf, piece->n_sectors);
}

static int sum_files(void *context, const struct pipe_piece *piece)
{
	return session_sums_files(((struct summing *)context)->sums, piece->at, piece->buf, piece->n_sectors);
}

int burn_sum(struct burn_plan *plan, const struct burn_progress *progress)
{
	_cleanup_(session_sums_freep) struct session_sums *sums = NULL;
	_cleanup_(session_stream_freep) struct session_stream *stream = NULL;
	struct summing s = {.progress = progress};
	struct pipe_options options = {
		.fill = fill, .digest = sum_files, .one_digester = true, .context = &s, .progress = progress};
	int r = session_sums_new(plan, &sums);

	if (r || !sums)
		return r;
	s.sums = sums;
	options.all_sectors = session_sums_end_at(sums);
	s.all = sectors_of(session_sums_rest_bytes(sums));
	r = session_sums_rest(sums, pace, &s);
	if (!r)
		r = session_stream_new(plan, &stream);
	s.stream = stream;
	if (!r)
		r = session_sums_tree(sums, stream);
	if (!r)
		r = pipe_run(&options);
	return r ? r : session_sums_end(sums);
}
