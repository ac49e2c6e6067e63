/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * disc_checked.c - a disc of which nothing is given out before it was compared with its digest
 *
 * What lies in sessions with a digest table is read by whole pieces, and a piece that is not what the table says is
 * -EIO: none of its bytes goes out, unless somebody has a good copy.
 *
 * Which sessions there are is what commit records say, from the newest session down: each names the one before by its
 * place and digest, so whatever was put in its place, of whatever length, is -EIO, and so is a session that says that
 * it is ours, whose record is lost.  A record that is right stands for its blocks also where the session is no longer
 * found by its descriptors.  Below a lost record, and one that names none, sessions are believed for themselves, by
 * the list of the disc.  What has no digests (foreign sessions, those of older versions, heads, gaps) is given out as
 * it is read.
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

#include "burner/base/bytes.h"
#include "burner/base/lock.h"
#include "burner/base/own.h"
#include "burner/base/sha256.h"
#include "burner/format/commit_record.h"
#include "burner/format/geometry.h"
#include "burner/medium/decorator.h"
#include "burner/medium/internal.h"
#include "cdappendfs/burn.h"
#include "cdappendfs/proof.h"

#define KEPT 16u
#define TOLD 256u     /* pieces that were told; beyond it one may be told again */
#define RUN_PIECES 8u /* whole ones that are read at once */

enum belief { TABLE, NO_TABLE, EXCHANGED, RECORD_LOST };

/* Blocks of a session of ours. */
struct checked_session {
	uint32_t number, start_lba, end_lba;
	enum belief belief; /* what follows is there with TABLE */
	struct commit_record record;
	struct proof *proof; /* under the disc's lock */
};

struct kept_piece {
	uint32_t lba, sectors; /* 0: nothing */
	uint64_t used;
	uint8_t *bytes;
};

struct checked_disc {
	struct disc disc;
	struct disc_check_options options;
	uint32_t floor_lba;	     /* nothing of ours lies below it */
	struct rwlock list;	     /* guards the list itself: */
	struct disc_session *listed; /* oldest first */
	size_t n_listed;
	struct lock lock;		/* guards: */
	struct checked_session **known; /* newest first; never two of one block */
	size_t n_known;
	uint32_t bottom_lba; /* from there on all are known */
	size_t left;	     /* of the list, those that were not looked at */
	/* the record that the last known one names; 0: none, or that one is lost */
	uint32_t expected_lba;
	uint8_t expected_sha256[PROOF_DIGEST_BYTES];
	struct kept_piece kept[KEPT];
	uint64_t clock;
	uint32_t told[TOLD];
	uint32_t n_told;
};

static struct checked_disc *to_checked(struct disc *d) { return (struct checked_disc *)(void *)d; }

/* ---- telling ---- */

static void tell_locked(struct checked_disc *c, const struct checked_session *s, uint32_t lba, uint32_t n_sectors,
			enum disc_damage what)
{
	const struct disc_damaged damaged = {what, s->number, lba, n_sectors};

	lock_assert(&c->lock);
	for (uint32_t i = 0; i < min_u64(c->n_told, TOLD); i++)
		if (c->told[i] == lba)
			return;
	c->told[c->n_told++ % TOLD] = lba;
	if (c->options.damaged)
		c->options.damaged(c->options.context, &damaged);
}

static void tell(struct checked_disc *c, const struct checked_session *s, uint32_t lba, uint32_t n_sectors,
		 enum disc_damage what)
{
	lock_take(&c->lock);
	tell_locked(c, s, lba, n_sectors, what);
	lock_give(&c->lock);
}

/* ---- what is believed of the sessions ---- */

/* Up to where the list has something else. */
static uint32_t end_of_listed(const struct checked_disc *c, size_t i)
{
	uint64_t end = (uint64_t)c->listed[i].start_lba + c->listed[i].sectors;

	return (uint32_t)min_u64(end, i + 1 < c->n_listed ? c->listed[i + 1].start_lba : UINT32_MAX);
}

/* The next older one; record NULL: it has none that is believed.  It is told at once that it is not. */
static int add_known_locked(struct checked_disc *c, struct checked_session session, const struct commit_record *record)
{
	struct checked_session **grown = reallocarray(c->known, c->n_known + 1, sizeof(*grown));
	struct checked_session *s;

	lock_assert(&c->lock);
	if (!grown)
		return -ENOMEM;
	c->known = grown;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	*s = session;
	s->end_lba = (uint32_t)min_u64(s->end_lba, c->bottom_lba);
	if (record) {
		s->record = *record;
		s->belief = commit_has_table(record) ? TABLE : NO_TABLE;
	}
	if (s->belief == TABLE && proof_open(c->disc.inner, &s->record, &s->proof) < 0) {
		free(s);
		return -ENOMEM;
	}
	c->known[c->n_known++] = s;
	c->bottom_lba = s->start_lba;
	if (!record)
		tell_locked(c, s, s->start_lba, s->end_lba - s->start_lba,
			    s->belief == EXCHANGED ? DISC_DAMAGE_CHAIN : DISC_DAMAGE_RECORD);
	return 0;
}

/* Where the next older one is to be; NULL: nothing says so. */
static void expect_locked(struct checked_disc *c, const struct commit_record *record)
{
	lock_assert(&c->lock);
	c->expected_lba = record && commit_has_table(record) ? record->previous_lba : 0;
	if (c->expected_lba)
		memcpy(c->expected_sha256, record->previous_sha256, sizeof(c->expected_sha256));
}

static struct checked_session blocks_of_listed(const struct checked_disc *c, size_t i, enum belief belief)
{
	return (struct checked_session){.number = c->listed[i].number,
					.start_lba = c->listed[i].start_lba,
					.end_lba = end_of_listed(c, i),
					.belief = belief};
}

/* Believed for itself. */
static int take_listed_locked(struct checked_disc *c, size_t i)
{
	struct commit_record record;
	int r = proof_own_record(c->disc.inner, &c->listed[i], &record, NULL);

	if (r < 0 && !disc_is_damage(r))
		return r;
	const struct commit_record *believed = r < 0 ? NULL : &record;

	r = add_known_locked(c, blocks_of_listed(c, i, RECORD_LOST), believed);
	if (r == 0)
		expect_locked(c, believed);
	return r;
}

/* Sessions of ours above the record that the newer one names, which knows nothing of them. */
static int pass_over_locked(struct checked_disc *c, uint32_t expected_lba)
{
	int r = 0;

	for (; c->left > 0 && c->listed[c->left - 1].start_lba > expected_lba && !r; c->left -= r == 0) {
		const struct disc_session *s = &c->listed[c->left - 1];
		struct commit_record record;

		if (s->broken || !session_says_ours(s) || s->start_lba >= c->bottom_lba)
			continue;
		r = proof_own_record(c->disc.inner, s, &record, NULL);
		if (r == 0 || disc_is_damage(r))
			r = add_known_locked(c, blocks_of_listed(c, c->left - 1, r ? RECORD_LOST : EXCHANGED), NULL);
	}
	return r;
}

/* The record that is named is another one or none (sector), or cannot be read (NULL): which blocks are of no use. */
static int lose_locked(struct checked_disc *c, uint32_t expected_lba, const uint8_t *sector)
{
	struct checked_session lost = {.number = c->known[c->n_known - 1]->number - 1,
				       .start_lba = (uint32_t)min_u64(FIRST_SESSION_LBA, c->bottom_lba),
				       .end_lba = expected_lba + 1,
				       .belief = RECORD_LOST};
	struct commit_record other;
	int r = sector ? commit_record_decode(sector, &other) : -ENODATA;

	if (r == -ENOMEM)
		return r;
	if (r == 0 && other.start_lba + (uint64_t)other.sectors == expected_lba + UINT64_C(1))
		lost.belief = EXCHANGED;
	if (c->left > 0) { /* it begins at that place or below */
		size_t i = c->left - 1;
		struct checked_session there = blocks_of_listed(c, i, lost.belief);
		bool ours = session_says_ours(&c->listed[i]);

		r = ours ? proof_own_record(c->disc.inner, &c->listed[i], &other, NULL) : -EBADMSG;
		if (r < 0 && !disc_is_damage(r))
			return r;
		if (ours || there.end_lba > expected_lba) {
			there.end_lba = (uint32_t)max_u64(there.end_lba, lost.end_lba);
			lost = there;
			if (sector && (r == 0 || !ours))
				lost.belief = EXCHANGED;
		} else {
			lost.start_lba = there.end_lba;
		}
	}
	r = add_known_locked(c, lost, NULL);
	if (r == 0)
		expect_locked(c, NULL);
	return r;
}

/* 1: the record that the newer one names; 0: another or none (*ret_there), or it cannot be read. */
static int expected_record(struct checked_disc *c, uint8_t sector[SECTOR_BYTES], bool *ret_there,
			   struct commit_record *ret)
{
	int r = proof_record_at(c->disc.inner, c->expected_lba, c->expected_sha256, sector, ret);

	*ret_there = r == 0 || r == -EBADMSG;
	return disc_is_damage(r) || r == -ENODATA ? 0 : r ? r : 1;
}

static int follow_locked(struct checked_disc *c)
{
	uint32_t lba = c->expected_lba;
	uint8_t sector[SECTOR_BYTES];
	struct commit_record record;
	bool is_there;
	int right = expected_record(c, sector, &is_there, &record), r = right < 0 ? right : pass_over_locked(c, lba);

	if (r < 0)
		return r;
	if (!right)
		return lose_locked(c, lba, is_there ? sector : NULL);
	r = add_known_locked(
		c, (struct checked_session){.number = record.number, .start_lba = record.start_lba, .end_lba = lba + 1},
		&record);
	if (r == 0)
		expect_locked(c, &record);
	return r;
}

static int step_locked(struct checked_disc *c)
{
	lock_assert(&c->lock);
	if (c->expected_lba)
		return follow_locked(c);
	for (; c->left > 0; c->left--) {
		const struct disc_session *s = &c->listed[c->left - 1];

		if (!s->broken && session_says_ours(s) && s->start_lba < c->bottom_lba)
			return take_listed_locked(c, c->left - 1);
	}
	c->bottom_lba = 0;
	return 0;
}

/* The session that the block lies in, or NULL; *ret_next: how far that holds. */
static int session_at(struct checked_disc *c, uint32_t lba, struct checked_session **ret, uint32_t *ret_next)
{
	size_t low = 0, high;
	int r = 0;

	*ret = NULL;
	*ret_next = c->floor_lba;
	if (lba < c->floor_lba)
		return 0;
	lock_take(&c->lock);
	while (c->bottom_lba > lba && r == 0)
		r = step_locked(c);
	for (high = c->n_known; low < high;) {
		size_t middle = low + (high - low) / 2;

		if (c->known[middle]->start_lba > lba)
			low = middle + 1;
		else
			high = middle;
	}
	*ret_next = low > 0 ? c->known[low - 1]->start_lba : UINT32_MAX;
	if (r == 0 && low < c->n_known && c->known[low]->end_lba > lba) {
		*ret = c->known[low];
		*ret_next = (*ret)->end_lba;
	}
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
	uint32_t lba = s->start_lba + piece * s->record.piece_sectors, n = commit_piece_sectors(&s->record, piece);
	uint8_t expected[1][SHA256_BYTES];
	int r = digest_of(c, s, piece, expected);

	if (disc_is_damage(r)) {
		tell(c, s, lba, n, DISC_DAMAGE_TABLE);
		return -EIO;
	}
	if (r == 0)
		r = error ? error : sha256_compare(bytes, (size_t)n * SECTOR_BYTES, expected[0]);
	if (disc_is_damage(r) && c->options.repair &&
	    c->options.repair(c->options.context, c->disc.inner, &s->record, piece, bytes) == 0 &&
	    sha256_compare(bytes, (size_t)n * SECTOR_BYTES, expected[0]) == 0) {
		tell(c, s, lba, n, DISC_DAMAGE_REPAIRED);
		return 0;
	}
	if (!disc_is_damage(r))
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
	uint32_t lba = s->start_lba + piece * s->record.piece_sectors,
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
	uint32_t first = s->start_lba + piece * s->record.piece_sectors, lba = first;
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
	uint32_t each = s->record.piece_sectors, at = lba - s->start_lba, piece = at / each, offset = at % each,
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

static int read_some(struct checked_disc *c, uint32_t lba, uint8_t *buf, uint32_t n, uint32_t *ret_done)
{
	struct checked_session *s;
	uint32_t next;
	int r = session_at(c, lba, &s, &next);

	*ret_done = (uint32_t)min_u64(n, next - lba);
	if (r < 0)
		return r;
	if (s && (s->belief == EXCHANGED || s->belief == RECORD_LOST))
		return -EIO;
	if (s && s->belief == TABLE && lba < s->record.table_lba)
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

static void forget_known_locked(struct checked_disc *c)
{
	for (size_t i = 0; i < c->n_known; i++) {
		proof_free(c->known[i]->proof);
		free(c->known[i]);
	}
	free(c->known);
	c->known = NULL;
	c->n_known = 0;
	c->expected_lba = 0;
	c->bottom_lba = UINT32_MAX;
	c->left = c->n_listed;
	for (unsigned i = 0; i < KEPT; i++)
		c->kept[i].sectors = 0;
}

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
	forget_known_locked(c);
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
	forget_known_locked(c);
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
