/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * adopt.c - sessions of other programs are adopted: what has no digest so far is found, and read once for it
 *
 * A table names whole pieces, counted from the first block of each range.  A range is a session, or what of it is not
 * known: pieces that could not be read before, and are asked for again.
 */
#include "burner/adopt.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/own.h"
#include "burner/format/adoption.h"
#include "burner/format/digest_table.h"
#include "burner/format/geometry.h"
#include "burner/older.h"
#include "burner/pipe.h"
#include "burner/session/stream.h"
#include "cdappendfs/adopted.h"

static_assert(BURN_ADOPT_MAX == ADOPTION_RANGES_MAX, "burn.h does without the format");

#define UNIT_SECTORS ADOPTION_PIECE_SECTORS
#define SLOT_PIECES (PIPE_PIECE_SECTORS / UNIT_SECTORS)

/* ---- what there is ---- */

int burn_listing_read(struct disc *d, struct burn_listing *ret)
{
	uint64_t lowest = UINT32_MAX;
	int r = disc_state(d, &ret->state);

	ret->sessions = NULL;
	ret->before = NULL;
	ret->n = 0;
	if (!r)
		r = disc_sessions(d, &ret->sessions, &ret->n);
	if (r)
		return r;
	ret->before = malloc((ret->n + 1) * sizeof(*ret->before));
	if (!ret->before)
		return -ENOMEM;
	for (size_t i = ret->n; i-- > 0; lowest = min_u64(lowest, ret->sessions[i].start_lba))
		ret->before[i] = (uint32_t)lowest;
	return 0;
}

void burn_listing_release(struct burn_listing *l)
{
	free(TAKE_PTR(l->sessions));
	free(TAKE_PTR(l->before));
}

static uint32_t floor_of(const struct burn_listing *l) { return l->state.overwritable ? FIRST_SESSION_LBA : 0; }

struct burn_range burn_blocks_of(const struct burn_listing *l, size_t i)
{
	const struct disc_session *s = &l->sessions[i];
	uint64_t from = max_u64(s->start_lba, floor_of(l)),
		 to = min_u64(s->start_lba + (uint64_t)s->sectors, min_u64(l->state.next_lba, l->before[i]));

	if (!i && l->state.overwritable && !session_says_ours(s))
		from = floor_of(l);
	return (struct burn_range){(uint32_t)from, to > from ? (uint32_t)(to - from) : 0};
}

/* Its pieces of which there is a digest. */
static int add_known(struct adopted *a, const struct adopted_run *run, struct burn_ranges *ret)
{
	uint8_t digest[PROOF_DIGEST_BYTES];
	uint32_t lba, sectors = 0;
	int r = 0;

	for (uint64_t at = run->lba; at < (uint64_t)run->lba + run->sectors && !r; at += sectors) {
		r = adopted_digest(a, (uint32_t)at, digest, &lba, &sectors);
		r = r == -ENODATA ? 0 : r ? r : burn_ranges_add(ret, lba, sectors);
	}
	return r;
}

int burn_adopted_find(struct disc *d, const struct burn_listing *l, struct burn_ranges *ret)
{
	_cleanup_(adopted_freep) struct adopted *a = NULL;
	struct commit_record record;
	struct adopted_run run;
	uint32_t at = 0;
	int r = adopted_new(d, floor_of(l), &a);

	/* One that says that it is ours has a record. */
	for (size_t n = l->n; n-- > 0 && !r;) {
		if (l->sessions[n].broken || !session_says_ours(&l->sessions[n]))
			continue;
		r = proof_own_record(d, &l->sessions[n], &record, NULL);
		if (!r)
			r = adopted_add(a, &record);
	}
	while (!r && adopted_next(a, at, &run)) {
		r = add_known(a, &run, ret);
		at = run.lba + run.sectors;
	}
	burn_ranges_settle(ret);
	return r;
}

static int take(struct burn_adoptable *ret, const struct burn_listing *l, const struct burn_ranges *known)
{
	int r = 0;

	for (size_t i = 0; i < l->n && !r; i++) {
		_cleanup_(burn_ranges_release) struct burn_ranges left = {0};
		struct burn_range blocks = burn_blocks_of(l, i);

		if (l->sessions[i].broken || session_says_ours(&l->sessions[i]))
			continue;
		r = burn_ranges_add(&left, blocks.lba, blocks.sectors);
		if (!r)
			r = burn_ranges_subtract(&left, known);
		ret->n_sessions += left.n != 0;
		for (size_t k = 0; k < left.n && !r; k++) {
			if (ret->n == ADOPTION_RANGES_MAX) {
				ret->more = true;
				break;
			}
			ret->ranges[ret->n++] = left.list[k];
			ret->sectors += left.list[k].sectors;
		}
	}
	return r;
}

int burn_adopt_find(struct disc *d, struct burn_adoptable *ret)
{
	_cleanup_(burn_listing_release) struct burn_listing listing;
	_cleanup_(burn_ranges_release) struct burn_ranges known = {0};
	int r = burn_listing_read(d, &listing);

	*ret = (struct burn_adoptable){.n = 0};
	if (!r)
		r = burn_adopted_find(d, &listing, &known);
	return r ? r : take(ret, &listing, &known);
}

/* ---- reading it ---- */

struct adopting {
	struct disc *disc;
	const struct adoption *adoption;
	uint8_t *digests;
	uint32_t range, at;	      /* the next to be read: its range, sectors from the beginning of it */
	uint32_t first;		      /* number of the range's first piece */
	uint32_t in_slot[PIPE_SLOTS]; /* number of the first piece */
	bool lost[PIPE_SLOTS][SLOT_PIECES];
	struct burn_ranges unread;
	const struct burn_progress *progress;
};

/* Piece by piece. */
static int read_apart(struct adopting *a, uint32_t lba, uint8_t *buf, uint32_t n_sectors, bool *lost)
{
	int r = 0;

	for (uint32_t n; n_sectors && !r; n_sectors -= n, lba += n, buf += (size_t)n * SECTOR_BYTES, lost++) {
		n = (uint32_t)min_u64(n_sectors, UNIT_SECTORS);
		r = burn_is_cancelled(a->progress) ? -ECANCELED : disc_read(a->disc, lba, buf, n);
		if (!disc_is_damage(r))
			continue;
		*lost = true;
		r = burn_ranges_add(&a->unread, lba, n);
	}
	return r;
}

static int fill(void *context, struct pipe_piece *piece)
{
	struct adopting *a = context;
	const struct adoption_range *range = &a->adoption->ranges[a->range];
	int r;

	piece->n_sectors = 0;
	if (a->range == a->adoption->n_ranges)
		return 0;
	piece->n_sectors = (uint32_t)min_u64(range->sectors - a->at, PIPE_PIECE_SECTORS);
	piece->zeros = false;
	a->in_slot[piece->slot] = a->first + a->at / UNIT_SECTORS;
	memset(a->lost[piece->slot], 0, sizeof(a->lost[piece->slot]));
	r = disc_read(a->disc, range->lba + a->at, piece->buf, piece->n_sectors);
	if (disc_is_damage(r))
		r = read_apart(a, range->lba + a->at, piece->buf, piece->n_sectors, a->lost[piece->slot]);
	a->at += piece->n_sectors;
	if (a->at == range->sectors) {
		a->first += adoption_range_pieces(range);
		a->range++;
		a->at = 0;
	}
	return r;
}

static int digest(void *context, const struct pipe_piece *piece)
{
	const struct adopting *a = context;
	const uint8_t *from = piece->buf;
	uint8_t *to = a->digests + (size_t)a->in_slot[piece->slot] * SHA256_BYTES;
	int r = 0;

	for (uint32_t i = 0, n, left = piece->n_sectors; left && !r; left -= n, i++, to += SHA256_BYTES) {
		n = (uint32_t)min_u64(left, UNIT_SECTORS);
		if (!a->lost[piece->slot][i])
			r = digest_of_piece(from, n, to);
		from += (size_t)n * SECTOR_BYTES;
	}
	return r;
}

int burn_adopt(struct burn_plan *p, struct disc *d, const struct burn_progress *progress,
	       struct burn_ranges *ret_unread)
{
	struct adopting a = {.disc = d, .progress = progress};
	struct pipe_options options = {.fill = fill, .digest = digest, .context = &a, .progress = progress};
	int r = 0;

	*ret_unread = (struct burn_ranges){.n = 0};
	a.adoption = session_adoption(p, &a.digests);
	if (!a.adoption)
		return 0;
	memset(a.digests, 0, (size_t)(a.adoption->sectors - 1) * SECTOR_BYTES);
	for (uint32_t i = 0; i < a.adoption->n_ranges; i++)
		options.all_sectors += a.adoption->ranges[i].sectors;
	r = pipe_run(&options);
	if (r)
		burn_ranges_release(&a.unread);
	else
		*ret_unread = a.unread;
	return r;
}
