/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * protect.c - the parity of a planned session (burner/parity/maker.c) from its stream
 *
 * The stream knows one direction only, and the maker goes through it once for each group of columns: each time it is
 * a new stream, which goes over what lies between.
 */
#include <errno.h>

#include "burner/base/io.h"
#include "burner/base/own.h"
#include "burner/parity/maker.h"
#include "burner/session/stream.h"

struct protection {
	const struct burn_plan *plan;
	const struct burn_progress *progress;
	struct session_stream *stream;
	uint64_t all;
};

static int begin(void *context)
{
	struct protection *p = context;

	session_stream_free(TAKE_PTR(p->stream));
	return session_stream_new(p->plan, &p->stream);
}

static int read_at(void *context, uint64_t at, void *buf, uint32_t n_sectors)
{
	struct protection *p = context;
	int r = session_stream_forward(p->stream, at - session_stream_at(p->stream));

	return r ? r : session_stream_read(p->stream, buf, n_sectors);
}

static int pace(void *context, uint64_t done)
{
	struct protection *p = context;
	const struct burn_progress *progress = p->progress;

	if (progress && progress->report)
		progress->report(progress->context, done, p->all);
	return progress && progress->cancelled && progress->cancelled(progress->context) ? -ECANCELED : 0;
}

int burn_protect(struct burn_plan *plan, const char *directory, const struct burn_progress *progress)
{
	struct protection p = {.plan = plan, .progress = progress};
	const struct parity_source source = {.begin = begin, .read = read_at, .pace = pace, .context = &p};
	struct parity_header header;
	int fd, r;

	if (!session_parity(plan, &header))
		return 0;
	p.all = parity_protected_sectors(&header);
	fd = unnamed_file_open(directory);
	if (fd < 0)
		return fd;
	r = parity_make(&header, &source, fd);
	session_stream_free(p.stream);
	if (r)
		close(fd);
	else
		session_give_parity(plan, fd);
	return r;
}
