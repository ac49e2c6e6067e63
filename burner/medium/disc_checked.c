/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * disc_checked.c - a disc of which nothing is given out before it was compared with its digest
 *
 * What lies in sessions with a digest table is read by whole pieces, and a piece that is not what the table says is
 * -EIO: none of its bytes goes out, unless somebody has a good copy.  Records are believed down the chain from the
 * newest session: one at the place that the newer names which is not that one makes all of its session -EIO.  What has
 * no digests (foreign sessions, those of older versions or without a record, heads, gaps) is given out as it is read.
 *
 * A few pieces that were proven are kept, since who reads on asks for the rest of one that he has a part of.
 *
 * Threads: the list of sessions is shared by readers and exchanged by refresh alone; tables, kept pieces and what was
 * told are under one lock, which is held while a block of a table is read, but not while pieces are read or digested.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/bytes.h"
#include "burner/base/lock.h"
#include "burner/base/own.h"
#include "burner/base/sha256.h"
#include "burner/medium/decorator.h"
#include "cdappendfs/burn.h"
#include "cdappendfs/proof.h"

#define KEPT 16u
#define TOLD 256u     /* pieces that were told; beyond it one may be told again */
#define RUN_PIECES 8u /* whole ones that are read at once */

enum belief { NOT_LOOKED, TABLE, NO_TABLE, EXCHANGED };

struct checked_session {
	struct disc_session session;
	enum belief belief; /* what follows is there with TABLE; under the disc's lock */
	struct commit_record record;
	struct proof *proof;
};

struct kept_piece {
	uint32_t lba, sectors; /* 0: nothing */
	uint64_t used;
	uint8_t *bytes;
};

struct checked_disc {
	struct disc disc;
	struct disc_check_options options;
	struct rwlock list;		  /* guards the list itself */
	struct checked_session *sessions; /* ours, oldest first */
	size_t n;
	struct lock lock;      /* guards: */
	size_t looked;	       /* from there on the sessions' belief is known */
	uint32_t expected_lba; /* the record that the session at `looked` names; 0: none */
	uint8_t expected_sha256[PROOF_DIGEST_BYTES];
	struct kept_piece kept[KEPT];
	uint64_t clock;
	uint32_t told[TOLD];
	uint32_t n_told;
};

static struct checked_disc *to_checked(struct disc *d) { return (struct checked_disc *)(void *)d; }

/* ---- telling ---- */

static void tell(struct checked_disc *c, const struct checked_session *s, uint32_t lba, uint32_t n_sectors,
		 enum disc_damage what)
{
	const struct disc_damaged damaged = {what, s->session.number, lba, n_sectors};
	bool was_told = false;

	lock_take(&c->lock);
	for (uint32_t i = 0; i < min_u64(c->n_told, TOLD); i++)
		was_told |= c->told[i] == lba;
	if (!was_told)
		c->told[c->n_told++ % TOLD] = lba;
	lock_give(&c->lock);
	if (!was_told && c->options.damaged)
		c->options.damaged(c->options.context, &damaged);
}

/* ---- what is believed of the sessions ---- */

/* The next older one. Of a record that names none before it those below are believed for themselves. */
static int look_at_locked(struct checked_disc *c, struct checked_session *s)
{
	lock_assert(&c->lock);
	uint32_t lba = s->session.start_lba + s->session.sectors - 1;
	uint8_t sha256[PROOF_DIGEST_BYTES];
	int r = proof_record(c->disc.inner, &s->session, &s->record, sha256);

	if (r < 0 && r != -EBADMSG)
		return r;
	s->belief = r == 0 && commit_has_table(&s->record) ? TABLE : r == 0 ? NO_TABLE : EXCHANGED;
	if (r == 0 && c->expected_lba == lba && memcmp(c->expected_sha256, sha256, sizeof(sha256)) != 0)
		s->belief = EXCHANGED;
	if (s->belief == TABLE && (r = proof_open(c->disc.inner, &s->record, &s->proof)) < 0) {
		s->belief = NOT_LOOKED;
		return r;
	}
	if (s->belief == TABLE) {
		c->expected_lba = s->record.previous_lba;
		memcpy(c->expected_sha256, s->record.previous_sha256, sizeof(c->expected_sha256));
	} else if (c->expected_lba >= lba) {
		c->expected_lba = 0;
	}
	return 0;
}

static int belief_of(struct checked_disc *c, struct checked_session *s, enum belief *ret)
{
	int r = 0;

	lock_take(&c->lock);
	while (r == 0 && c->sessions + c->looked > s) {
		r = look_at_locked(c, &c->sessions[c->looked - 1]);
		c->looked -= r == 0;
	}
	*ret = s->belief;
	lock_give(&c->lock);
	return r;
}

static int digest_of(struct checked_disc *c, struct checked_session *s, uint32_t piece, uint8_t (*ret)[SHA256_BYTES])
{
	lock_take(&c->lock);
	int r = proof_digests(s->proof, piece, 1, ret);
	lock_give(&c->lock);
	return r;
}

/* ---- pieces ---- */

/* bytes: as they were read, or not when that failed (error). */
static int prove(struct checked_disc *c, struct checked_session *s, uint32_t piece, uint8_t *bytes, int error)
{
	uint32_t lba = s->session.start_lba + piece * s->record.piece_sectors,
		 n = commit_piece_sectors(&s->record, piece);
	uint8_t expected[1][SHA256_BYTES];
	int r = digest_of(c, s, piece, expected);

	if (r == -EBADMSG || r == -EIO) {
		tell(c, s, lba, n, DISC_DAMAGE_TABLE);
		return -EIO;
	}
	if (r == 0)
		r = error ? error : sha256_compare(bytes, (size_t)n * SECTOR_BYTES, expected[0]);
	if ((r == -EBADMSG || r == -EIO) && c->options.repair &&
	    c->options.repair(c->options.context, c->disc.inner, &s->record, piece, bytes) == 0 &&
	    sha256_compare(bytes, (size_t)n * SECTOR_BYTES, expected[0]) == 0) {
		tell(c, s, lba, n, DISC_DAMAGE_REPAIRED);
		return 0;
	}
	if (r != -EBADMSG && r != -EIO)
		return r;
	tell(c, s, lba, n, r == -EIO ? DISC_DAMAGE_UNREADABLE : DISC_DAMAGE_ALTERED);
	return -EIO;
}

static bool take_kept(struct checked_disc *c, uint32_t piece_lba, uint32_t offset, uint8_t *buf, uint32_t n)
{
	bool found = false;

	lock_take(&c->lock);
	for (unsigned i = 0; i < KEPT && !found; i++) {
		struct kept_piece *k = &c->kept[i];

		if (!k->sectors || k->lba != piece_lba)
			continue;
		memcpy(buf, k->bytes + (size_t)offset * SECTOR_BYTES, (size_t)n * SECTOR_BYTES);
		k->used = ++c->clock;
		found = true;
	}
	lock_give(&c->lock);
	return found;
}

/* bytes are given away. */
static void keep(struct checked_disc *c, uint32_t lba, uint32_t n_sectors, uint8_t *bytes)
{
	struct kept_piece *oldest = &c->kept[0];

	lock_take(&c->lock);
	for (unsigned i = 0; i < KEPT; i++)
		if (c->kept[i].used < oldest->used)
			oldest = &c->kept[i];
	uint8_t *before = oldest->bytes;
	*oldest = (struct kept_piece){lba, n_sectors, ++c->clock, bytes};
	lock_give(&c->lock);
	free(before);
}

/* A part of a piece. */
static int read_part(struct checked_disc *c, struct checked_session *s, uint32_t piece, uint32_t offset, uint8_t *buf,
		     uint32_t n)
{
	uint32_t lba = s->session.start_lba + piece * s->record.piece_sectors,
		 sectors = commit_piece_sectors(&s->record, piece);
	_free_ uint8_t *bytes = NULL;
	int r;

	if (take_kept(c, lba, offset, buf, n))
		return 0;
	bytes = malloc((size_t)sectors * SECTOR_BYTES);
	if (!bytes)
		return -ENOMEM;
	r = disc_read(c->disc.inner, lba, bytes, sectors);
	if (r == 0 || r == -EIO)
		r = prove(c, s, piece, bytes, r);
	if (r < 0)
		return r;
	memcpy(buf, bytes + (size_t)offset * SECTOR_BYTES, (size_t)n * SECTOR_BYTES);
	keep(c, lba, sectors, TAKE_PTR(bytes));
	return 0;
}

/* Whole pieces. */
static int read_run(struct checked_disc *c, struct checked_session *s, uint32_t piece, uint8_t *buf, uint32_t n)
{
	uint32_t first = s->session.start_lba + piece * s->record.piece_sectors, lba = first;
	int all = disc_read(c->disc.inner, first, buf, n), r = all == -EIO ? 0 : all;

	for (uint32_t sectors; n > 0 && r == 0; n -= sectors, lba += sectors, piece++) {
		uint8_t *at = buf + (size_t)(lba - first) * SECTOR_BYTES;
		int error = 0;

		sectors = commit_piece_sectors(&s->record, piece);
		if (all < 0)
			error = disc_read(c->disc.inner, lba, at, sectors);
		r = error == 0 || error == -EIO ? prove(c, s, piece, at, error) : error;
	}
	return r;
}

/* Some of n blocks of the pieces of a session. */
static int read_proven(struct checked_disc *c, struct checked_session *s, uint32_t lba, uint8_t *buf, uint32_t n,
		       uint32_t *ret_done)
{
	uint32_t each = s->record.piece_sectors, at = lba - s->session.start_lba, piece = at / each, offset = at % each,
		 sectors = commit_piece_sectors(&s->record, piece);

	if (offset || n < sectors) {
		*ret_done = (uint32_t)min_u64(n, sectors - offset);
		return read_part(c, s, piece, offset, buf, *ret_done);
	}
	*ret_done = (uint32_t)min_u64(n, RUN_PIECES * each);
	/* The last piece of a session ends where its table begins. */
	if (lba + *ret_done < s->record.table_lba)
		*ret_done -= *ret_done % each;
	return read_run(c, s, piece, buf, *ret_done);
}

/* ---- reading ---- */

/* The session that the block lies in, or NULL; *ret_next: how far that holds. */
static struct checked_session *session_at(const struct checked_disc *c, uint32_t lba, uint32_t *ret_next)
{
	size_t low = 0, high = c->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (c->sessions[middle].session.start_lba <= lba)
			low = middle + 1;
		else
			high = middle;
	}
	*ret_next = low < c->n ? c->sessions[low].session.start_lba : UINT32_MAX;
	if (low == 0)
		return NULL;
	struct checked_session *s = &c->sessions[low - 1];
	uint64_t end = (uint64_t)s->session.start_lba + s->session.sectors;
	if (lba >= end)
		return NULL;
	*ret_next = (uint32_t)min_u64(*ret_next, end);
	return s;
}

static int read_some(struct checked_disc *c, uint32_t lba, uint8_t *buf, uint32_t n, uint32_t *ret_done)
{
	uint32_t next;
	struct checked_session *s = session_at(c, lba, &next);
	enum belief belief = NO_TABLE;
	int r = s ? belief_of(c, s, &belief) : 0;

	*ret_done = (uint32_t)min_u64(n, next - lba);
	if (r < 0)
		return r;
	if (belief == EXCHANGED) {
		tell(c, s, s->session.start_lba, s->session.sectors, DISC_DAMAGE_CHAIN);
		return -EIO;
	}
	if (belief == TABLE && lba < s->record.table_lba)
		return read_proven(c, s, lba, buf, (uint32_t)min_u64(*ret_done, s->record.table_lba - lba), ret_done);
	return disc_read(c->disc.inner, lba, buf, *ret_done);
}

static int checked_read(struct disc *d, uint32_t lba, void *buf, uint32_t n_sectors)
{
	struct checked_disc *c = to_checked(d);
	uint8_t *to = buf;
	int r = 0;

	rwlock_take_shared(&c->list);
	for (uint32_t n = 0; n_sectors > 0 && r == 0; lba += n, n_sectors -= n, to += (size_t)n * SECTOR_BYTES)
		r = read_some(c, lba, to, n_sectors, &n);
	rwlock_give(&c->list);
	return r;
}

/* ---- the list ---- */

static void forget_list(struct checked_session *sessions, size_t n)
{
	for (size_t i = 0; i < n; i++)
		proof_free(sessions[i].proof);
	free(sessions);
}

/* What is known of the sessions is looked for again when it is asked for. */
static int take_list(struct checked_disc *c)
{
	_free_ struct disc_session *all = NULL;
	struct checked_session *list, *before;
	size_t n_all = 0, n = 0, n_before;
	int r = disc_sessions(c->disc.inner, &all, &n_all);

	if (r < 0)
		return r;
	list = calloc(n_all + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < n_all; i++)
		if (all[i].ours && !all[i].broken)
			list[n++].session = all[i];
	rwlock_take(&c->list);
	before = c->sessions;
	n_before = c->n;
	c->sessions = list;
	c->n = c->looked = n;
	c->expected_lba = 0;
	for (unsigned i = 0; i < KEPT; i++)
		c->kept[i].sectors = 0;
	rwlock_give(&c->list);
	forget_list(before, n_before);
	return 0;
}

static int checked_refresh(struct disc *d)
{
	int r = disc_refresh(d->inner);

	return r < 0 ? r : take_list(to_checked(d));
}

static void checked_close(struct disc *d)
{
	struct checked_disc *c = to_checked(d);

	disc_close(d->inner);
	forget_list(c->sessions, c->n);
	for (unsigned i = 0; i < KEPT; i++)
		free(c->kept[i].bytes);
	lock_release(&c->lock);
	rwlock_release(&c->list);
	free(c);
}

/* It has no file descriptor: splice would go around it. */
static const struct disc_ops checked_disc_ops = {
	.read = checked_read,
	.read_medium = pass_read_medium,
	.state = pass_state,
	.sessions = pass_sessions,
	.identity = pass_identity,
	.fingerprint = pass_fingerprint,
	.refresh = checked_refresh,
	.forgive = pass_forgive,
	.close = checked_close,
};

struct disc *disc_wrap_checked(struct disc *inner, const struct disc_check_options *options)
{
	struct checked_disc *c = calloc(1, sizeof(*c));
	int r;

	if (!c) {
		disc_close(inner);
		errno = ENOMEM;
		return NULL;
	}
	c->disc.ops = &checked_disc_ops;
	c->disc.inner = inner;
	c->options = *options;
	rwlock_init(&c->list, RWLOCK_PLAIN);
	lock_init(&c->lock, LOCK_PLAIN);
	r = take_list(c);
	if (r < 0) {
		checked_close(&c->disc);
		errno = -r;
		return NULL;
	}
	return &c->disc;
}
