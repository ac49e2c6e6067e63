/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * disc_checked.c - a disc of which nothing is given out before it was compared with its digest
 *
 * What lies in sessions with a digest table is read by whole pieces, and a piece that is not what the table says is
 * -EIO: none of its bytes goes out, unless somebody has a good copy.  So is what other programs wrote and a session of
 * ours has adopted.  Which sessions are believed is the matter of disc_believed.c.  What has no digests (foreign
 * sessions that nobody adopted, those of older versions, heads, gaps) is given out as it is read.
 *
 * A few pieces that were proven are kept, since who reads on asks for the rest of one that he has a part of.
 *
 * Threads: the list of sessions is shared by readers and exchanged by refresh alone; what is known of them, tables,
 * kept pieces and what was told are under one lock, which is held while a record or a block of a table is read, but
 * not while pieces are read or digested.  What is known once does not change before the next refresh.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/own.h"
#include "burner/base/sha256.h"
#include "burner/format/geometry.h"
#include "burner/medium/checked.h"
#include "burner/medium/decorator.h"
#include "cdappendfs/proof.h"

#define RUN_PIECES 8u /* whole ones that are read at once */

static struct checked_disc *to_checked(struct disc *d) { return (struct checked_disc *)(void *)d; }

/* ---- pieces ---- */

static struct checked_piece piece_of(struct checked_session *s, uint32_t piece)
{
	return (struct checked_piece){s->start_lba + piece * s->record.piece_sectors,
				      commit_piece_sectors(&s->record, piece), s->number, s};
}

/* bytes: as they were read, or not when that failed (error). */
static int prove(struct checked_disc *c, const struct checked_piece *p, uint8_t *bytes, int error)
{
	size_t n = (size_t)p->sectors * SECTOR_BYTES;
	uint8_t expected[SHA256_BYTES];
	int r = checked_digest(c, p, expected);

	if (disc_is_damage(r)) {
		checked_tell(c, p->number, p->lba, p->sectors, DISC_DAMAGE_TABLE);
		return -EIO;
	}
	if (r == 0)
		r = error ? error : sha256_compare(bytes, n, expected);
	if (disc_is_damage(r) && c->options.repair &&
	    c->options.repair(c->options.context, c->disc.inner, p->lba, p->sectors, bytes) == 0 &&
	    sha256_compare(bytes, n, expected) == 0) {
		checked_tell(c, p->number, p->lba, p->sectors, DISC_DAMAGE_REPAIRED);
		return 0;
	}
	if (!disc_is_damage(r))
		return r;
	checked_tell(c, p->number, p->lba, p->sectors, r == -EIO ? DISC_DAMAGE_UNREADABLE : DISC_DAMAGE_ALTERED);
	return -EIO;
}

/* Of that very piece: tables may name others that begin at the same block. */
static bool take_kept(struct checked_disc *c, const struct checked_piece *p, uint32_t offset, uint8_t *buf, uint32_t n)
{
	bool found = false;

	lock_take(&c->lock);
	for (unsigned i = 0; i < KEPT && !found; i++) {
		struct kept_piece *k = &c->kept[i];

		if (k->lba != p->lba || k->sectors != p->sectors)
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

/* Some blocks of a piece. */
static int read_part(struct checked_disc *c, const struct checked_piece *p, uint32_t offset, uint8_t *buf, uint32_t n)
{
	_free_ uint8_t *bytes = NULL;
	int r;

	if (take_kept(c, p, offset, buf, n))
		return 0;
	bytes = malloc((size_t)p->sectors * SECTOR_BYTES);
	if (!bytes)
		return -ENOMEM;
	r = disc_read(c->disc.inner, p->lba, bytes, p->sectors);
	if (r == 0 || r == -EIO)
		r = prove(c, p, bytes, r);
	if (r < 0)
		return r;
	memcpy(buf, bytes + (size_t)offset * SECTOR_BYTES, (size_t)n * SECTOR_BYTES);
	keep(c, p->lba, p->sectors, TAKE_PTR(bytes));
	return 0;
}

/* Whole pieces of a session. */
static int read_run(struct checked_disc *c, struct checked_session *s, uint32_t number, uint8_t *buf, uint32_t n)
{
	struct checked_piece p = piece_of(s, number);
	uint32_t first = p.lba;
	int all = disc_read(c->disc.inner, first, buf, n), r = all == -EIO ? 0 : all;

	for (; n > 0 && r == 0; n -= p.sectors, p = piece_of(s, ++number)) {
		uint8_t *at = buf + (size_t)(p.lba - first) * SECTOR_BYTES;
		int error = all < 0 ? disc_read(c->disc.inner, p.lba, at, p.sectors) : 0;

		r = error == 0 || error == -EIO ? prove(c, &p, at, error) : error;
		if (n == p.sectors)
			break;
	}
	return r;
}

/* Some of n blocks of the pieces of a session. */
static int read_proven(struct checked_disc *c, struct checked_session *s, uint32_t lba, uint8_t *buf, uint32_t n,
		       uint32_t *ret_done)
{
	uint32_t each = s->record.piece_sectors, at = lba - s->start_lba, piece = at / each, offset = at % each;
	const struct checked_piece p = piece_of(s, piece);

	if (offset || n < p.sectors) {
		*ret_done = (uint32_t)min_u64(n, p.sectors - offset);
		return read_part(c, &p, offset, buf, *ret_done);
	}
	*ret_done = (uint32_t)min_u64(n, RUN_PIECES * each);
	/* The last piece of a session ends where its table begins. */
	if (lba + *ret_done < s->record.table_lba)
		*ret_done -= *ret_done % each;
	return read_run(c, s, piece, buf, *ret_done);
}

/* ---- reading ---- */

/* Of what lies in no session of ours, up to block next. */
static int read_others(struct checked_disc *c, uint32_t lba, uint32_t next, uint8_t *buf, uint32_t n,
		       uint32_t *ret_done)
{
	struct checked_piece p;
	uint8_t digest[PROOF_DIGEST_BYTES];
	int r = checked_adopted_at(c, lba, &p, &next);

	*ret_done = (uint32_t)min_u64(n, next - lba);
	if (r < 0)
		return r;
	if (r == 0)
		return disc_read(c->disc.inner, lba, buf, *ret_done);
	*ret_done = (uint32_t)min_u64(n, p.lba + p.sectors - lba);
	r = checked_digest(c, &p, digest);
	return r == -ENODATA ? disc_read(c->disc.inner, lba, buf, *ret_done) :
			       read_part(c, &p, lba - p.lba, buf, *ret_done);
}

static int read_some(struct checked_disc *c, uint32_t lba, uint8_t *buf, uint32_t n, uint32_t *ret_done)
{
	struct checked_session *s;
	uint32_t next;
	int r = checked_session_at(c, lba, &s, &next);

	*ret_done = (uint32_t)min_u64(n, next - lba);
	if (r < 0)
		return r;
	if (!s)
		return read_others(c, lba, next, buf, n, ret_done);
	if (s->belief == EXCHANGED || s->belief == RECORD_LOST)
		return -EIO;
	if (s->belief == TABLE && lba < s->record.table_lba)
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

/* What is known of the sessions is looked for again when it is asked for. */
static int take_list(struct checked_disc *c)
{
	struct disc_session *list = NULL;
	struct disc_state state;
	size_t n = 0;
	int r = disc_state(c->disc.inner, &state);

	if (r == 0)
		r = disc_sessions(c->disc.inner, &list, &n);
	if (r < 0)
		return r;
	rwlock_take(&c->list);
	lock_take(&c->lock);
	free(c->listed);
	c->listed = list;
	c->n_listed = n;
	c->floor_lba = state.overwritable ? FIRST_SESSION_LBA : 0;
	checked_forget_locked(c);
	lock_give(&c->lock);
	rwlock_give(&c->list);
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

	lock_take(&c->lock);
	checked_forget_locked(c);
	lock_give(&c->lock);
	free(c->listed);
	if (!c->options.borrowed)
		disc_close(d->inner);
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
		if (!options->borrowed)
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
