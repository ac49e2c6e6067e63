/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * protect.c - the parity of a planned session (burner/parity/maker.c) from its stream, and of older blocks
 *
 * The stream knows one direction only, and the maker goes through it once for each group of columns: each time it is
 * a new stream, which goes over what lies between.
 *
 * No parity is made of what is not what was burned: older blocks are read through their digests
 * (burner/medium/disc_checked.c), once, and if some are damaged all is for nothing: the area would be another one
 * without them, so where they are is noted until the end.  What no digest of a piece is of is looked at first: the
 * whole of a session of an older version, the end of a table.  Records prove themselves.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/io.h"
#include "burner/base/own.h"
#include "burner/older.h"
#include "burner/parity/maker.h"
#include "burner/pipe.h"
#include "burner/session/stream.h"
#include "cdappendfs/proof.h"

#define UNIT_SECTORS PROOF_PIECE_SECTORS /* is left out as a whole */

struct protection {
	const struct burn_plan *plan;
	const struct burn_progress *progress;
	const struct parity_header *header;
	struct session_stream *stream;
	uint64_t all;
	struct disc *checked; /* NULL: there are no older blocks */
	struct burn_ranges damaged;
};

static int begin(void *context)
{
	struct protection *p = context;

	session_stream_free(TAKE_PTR(p->stream));
	return session_stream_new(p->plan, &p->stream);
}

/* ---- older blocks ---- */

/* How many blocks from lba on, in a range that begins at from, are up to the next whole unit of it. */
static uint32_t to_next_unit(uint32_t from, uint32_t lba) { return UNIT_SECTORS - (lba - from) % UNIT_SECTORS; }

static uint32_t range_begin(const struct parity_header *h, uint32_t lba)
{
	uint32_t i = 0;

	while (i + 1 < h->n_ranges && lba >= h->ranges[i + 1].lba)
		i++;
	return h->ranges[i].lba;
}

/* Within a range.  What is damaged is noted, with the rest of its unit. */
static int read_older(struct protection *p, uint32_t lba, uint8_t *buf, uint32_t n_sectors)
{
	uint32_t from = range_begin(p->header, lba);
	int r = disc_read(p->checked, lba, buf, n_sectors);

	if (!disc_is_damage(r))
		return r;
	r = 0;
	for (uint32_t n; n_sectors && !r; n_sectors -= n, lba += n, buf += (size_t)n * SECTOR_BYTES) {
		n = (uint32_t)min_u64(n_sectors, to_next_unit(from, lba));
		r = burn_is_cancelled(p->progress) ? -ECANCELED : disc_read(p->checked, lba, buf, n);
		if (!disc_is_damage(r))
			continue;
		memset(buf, 0, (size_t)n * SECTOR_BYTES);
		r = burn_ranges_add(&p->damaged, lba, n);
	}
	return r;
}

/* What its pieces' digests say nothing of. */
static int look_at_session(struct protection *p, struct disc *d, const struct disc_session *s)
{
	_cleanup_(proof_freep) struct proof *proof = NULL;
	struct commit_record record;
	uint32_t from = s->start_lba;
	int r = proof_record(d, s, &record, NULL);

	if (disc_is_damage(r) || r == -ENODATA)
		return 0; /* nothing of it is given out */
	if (!r && commit_has_table(&record)) {
		from = record.table_lba;
		r = proof_open(d, &record, &proof);
		if (!r)
			r = proof_rest(proof);
	} else if (!r && record.kind == COMMIT_DIGEST_ALL) {
		r = burn_verify(d, s->start_lba, s->uuid, p->progress, NULL);
	}
	return disc_is_damage(r) ? burn_ranges_add(&p->damaged, from, s->start_lba + (uint64_t)s->sectors - from) : r;
}

static int look_at_sessions(struct protection *p, struct disc *d, const struct burn_older *older)
{
	_free_ struct disc_session *sessions = NULL;
	size_t n = 0;
	int r = disc_sessions(d, &sessions, &n);

	for (size_t i = 0; i < n && !r; i++) {
		const struct disc_session *s = &sessions[i];

		if (s->ours && !s->broken && s->sectors &&
		    burn_ranges_meet(&older->ranges, s->start_lba, s->start_lba + (uint64_t)s->sectors))
			r = look_at_session(p, d, s);
	}
	return r;
}

static int open_older(struct protection *p, struct disc *d, const struct burn_older *older)
{
	const struct disc_check_options options = {.borrowed = true};

	p->checked = disc_wrap_checked(d, &options);
	return p->checked ? look_at_sessions(p, d, older) : -errno;
}

/* ---- all of it ---- */

static int read_own(struct protection *p, uint32_t lba, uint8_t *buf, uint32_t n_sectors)
{
	int r = session_stream_forward(p->stream, lba - session_start(p->plan) - session_stream_at(p->stream));

	return r ? r : session_stream_read(p->stream, buf, n_sectors);
}

static int read_at(void *context, uint64_t at, void *buf, uint32_t n_sectors)
{
	struct protection *p = context;
	uint8_t *to = buf;
	int r = 0;

	for (uint32_t n; n_sectors && !r; n_sectors -= n, at += n, to += (size_t)n * SECTOR_BYTES) {
		uint32_t lba = parity_lba_of(p->header, at, &n);

		n = (uint32_t)min_u64(n, n_sectors);
		r = lba < session_start(p->plan) ? read_older(p, lba, to, n) : read_own(p, lba, to, n);
	}
	return r;
}

static int pace(void *context, uint64_t done)
{
	struct protection *p = context;

	burn_report(p->progress, done, p->all);
	return burn_is_cancelled(p->progress) ? -ECANCELED : 0;
}

static void protection_release(struct protection *p)
{
	session_stream_free(p->stream);
	disc_close(p->checked);
	burn_ranges_release(&p->damaged);
}

static int make(struct protection *p, struct disc *d, const struct burn_older *older, int fd)
{
	const struct parity_source source = {.begin = begin, .read = read_at, .pace = pace, .context = p};
	int r = older && older->ranges.n ? open_older(p, d, older) : 0;

	p->all = parity_protected_sectors(p->header);
	if (!r)
		r = parity_make(p->header, &source, fd);
	return r;
}

int burn_protect(struct burn_plan *plan, struct disc *d, const char *directory, const struct burn_progress *progress,
		 struct burn_older *older)
{
	struct parity_header header;
	_cleanup_(protection_release) struct protection p = {.plan = plan, .progress = progress, .header = &header};
	_close_ int fd = -1;
	int r;

	if (!session_parity(plan, &header))
		return 0;
	fd = unnamed_file_open(directory);
	if (fd < 0)
		return fd;
	r = make(&p, d, older, fd);
	if (!r && p.damaged.n) {
		r = older_leave_out(older, &p.damaged);
		r = r > 0 ? -EBADMSG : r;
	}
	if (!r)
		session_give_parity(plan, TAKE_FD(fd));
	return r;
}
