/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * older.c - which blocks of a disc no parity protects
 *
 * A session has parity if it has an area of its own that can be opened, or as far as that of a newer one names it.  All
 * others are to be protected from their first block to their last one, tables and records too; those of other programs
 * besides, since an area has digests of its own: what they are now is what can be made again.  On overwritable media
 * nothing below block 32 is, which is written with each session.
 *
 * An area that cannot be opened protects nothing.
 */
#include "burner/older.h"

#include <errno.h>
#include <stdlib.h>

#include "burner/adopt.h"
#include "burner/base/grow.h"
#include "burner/base/search.h"
#include "burner/parity/reader.h"

#define OLDER_MAX (PARITY_RANGES_MAX - 1) /* the last one is the session's own */

/* ---- ranges ---- */

static uint64_t end_of(const struct burn_range *r) { return r->lba + (uint64_t)r->sectors; }

int burn_ranges_add(struct burn_ranges *r, uint32_t lba, uint64_t sectors)
{
	struct burn_range *last = r->n ? &r->list[r->n - 1] : NULL;

	if (last && end_of(last) == lba) {
		last->sectors += (uint32_t)sectors;
		return 0;
	}
	if (!sectors)
		return 0;
	if (grow(&r->list, &r->room, r->n, sizeof(*r->list)))
		return -ENOMEM;
	r->list[r->n++] = (struct burn_range){lba, (uint32_t)sectors};
	return 0;
}

static int by_lba(const void *a, const void *b)
{
	const struct burn_range *x = a, *y = b;

	return (x->lba > y->lba) - (x->lba < y->lba);
}

void burn_ranges_settle(struct burn_ranges *r)
{
	size_t to = 0;

	if (r->n)
		qsort(r->list, r->n, sizeof(*r->list), by_lba);
	for (size_t i = 0; i < r->n; i++) {
		struct burn_range *last = to ? &r->list[to - 1] : NULL;

		if (last && end_of(last) >= r->list[i].lba)
			last->sectors = (uint32_t)(max_u64(end_of(last), end_of(&r->list[i])) - last->lba);
		else
			r->list[to++] = r->list[i];
	}
	r->n = to;
}

void burn_ranges_release(struct burn_ranges *r)
{
	free(r->list);
	*r = (struct burn_ranges){.n = 0};
}

static bool ends_before(const void *list, size_t i, const void *lba)
{
	return end_of(&((const struct burn_range *)list)[i]) <= *(const uint32_t *)lba;
}

int burn_ranges_subtract(struct burn_ranges *r, const struct burn_ranges *what)
{
	struct burn_ranges left = {0};
	size_t j = r->n ? search_first(what->list, what->n, &r->list[0].lba, ends_before) : 0;
	int result = 0;

	for (size_t i = 0; i < r->n && !result; i++) {
		uint64_t at = r->list[i].lba, end = end_of(&r->list[i]);

		while (j < what->n && end_of(&what->list[j]) <= at)
			j++;
		for (size_t k = j; k < what->n && what->list[k].lba < end && !result; k++) {
			if (what->list[k].lba > at)
				result = burn_ranges_add(&left, (uint32_t)at, what->list[k].lba - at);
			at = min_u64(end, end_of(&what->list[k]));
		}
		if (!result)
			result = burn_ranges_add(&left, (uint32_t)at, end - at);
	}
	if (result) {
		burn_ranges_release(&left);
		return result;
	}
	burn_ranges_release(r);
	*r = left;
	return 0;
}

static int append(struct burn_ranges *r, const struct burn_ranges *more)
{
	int result = 0;

	for (size_t i = 0; i < more->n && !result; i++)
		result = burn_ranges_add(r, more->list[i].lba, more->list[i].sectors);
	burn_ranges_settle(r);
	return result;
}

static void cut(struct burn_older *o)
{
	o->more |= o->ranges.n > OLDER_MAX;
	o->ranges.n = o->ranges.n > OLDER_MAX ? OLDER_MAX : o->ranges.n;
}

/* Of how many sessions are they, and how many of them are proven by nothing? */
static int count(struct burn_older *o)
{
	_cleanup_(burn_ranges_release) struct burn_ranges unproven = {0};
	int r = append(&unproven, &o->ranges);

	if (!r)
		r = burn_ranges_subtract(&unproven, &o->proven);
	if (r)
		return r;
	o->n_sessions = 0;
	for (size_t i = 0; i < o->n_blocks; i++)
		o->n_sessions += burn_ranges_meet(&o->ranges, o->sessions[i].lba, end_of(&o->sessions[i]));
	o->unproven_sectors = 0;
	for (size_t i = 0; i < unproven.n; i++)
		o->unproven_sectors += unproven.list[i].sectors;
	return 0;
}

int older_leave_out(struct burn_older *o, struct burn_ranges *damaged)
{
	_cleanup_(burn_ranges_release) struct burn_ranges before = {0};
	int r = append(&before, &o->ranges);

	burn_ranges_settle(damaged);
	if (!r)
		r = burn_ranges_subtract(&o->ranges, damaged);
	if (!r)
		r = burn_ranges_subtract(&before, &o->ranges);
	if (!r)
		r = append(&o->left_out, &before);
	cut(o);
	if (!r)
		r = count(o);
	return r ? r : before.n != 0;
}

/* ---- the disc ---- */

static int read_disc(void *context, uint32_t lba, void *buf, uint32_t n_sectors)
{
	return disc_read(context, lba, buf, n_sectors);
}

/* What the area protects, if it can be opened. */
static int add_protected(struct disc *d, const struct disc_session *s, struct burn_ranges *ret, bool *ret_any)
{
	const struct parity_disc disc = {read_disc, d};
	_cleanup_(parity_closep) struct parity *p = NULL;
	int r = parity_open_area(&disc, s->parity_lba, s->parity_sectors, &p);

	*ret_any = r == 0;
	for (uint32_t i = 0; !r && i < parity_header(p)->n_ranges; i++)
		r = burn_ranges_add(ret, parity_header(p)->ranges[i].lba, parity_header(p)->ranges[i].sectors);
	return disc_is_damage(r) ? 0 : r;
}

/* What each session has, and what of it is proven. */
static int note_sessions(struct burn_older *o, struct disc *d, const struct burn_listing *l)
{
	int r = burn_adopted_find(d, l, &o->proven);

	r = disc_is_damage(r) ? 0 : r; /* then that proves nothing */
	o->sessions = r ? NULL : calloc(l->n + 1, sizeof(*o->sessions));
	if (!o->sessions)
		return r ? r : -ENOMEM;
	for (size_t i = 0; i < l->n && !r; i++) {
		struct burn_range s = burn_blocks_of(l, i);

		if (l->sessions[i].broken)
			continue;
		o->sessions[o->n_blocks++] = s;
		if (l->sessions[i].ours)
			r = burn_ranges_add(&o->proven, s.lba, s.sectors);
	}
	burn_ranges_settle(&o->proven);
	return r;
}

int burn_older_find(struct disc *d, struct burn_older *ret)
{
	_cleanup_(burn_listing_release) struct burn_listing listing;
	_cleanup_(burn_ranges_release) struct burn_ranges known = {0};
	int r = burn_listing_read(d, &listing);

	*ret = (struct burn_older){.n_sessions = 0};
	for (size_t i = 0; i < listing.n && !r; i++) {
		struct burn_range blocks = burn_blocks_of(&listing, i);
		bool has = false;

		if (listing.sessions[i].broken)
			continue;
		if (listing.sessions[i].parity_sectors)
			r = add_protected(d, &listing.sessions[i], &known, &has);
		if (!r && !has)
			r = burn_ranges_add(&ret->ranges, blocks.lba, blocks.sectors);
	}
	burn_ranges_settle(&ret->ranges);
	burn_ranges_settle(&known);
	if (!r)
		r = burn_ranges_subtract(&ret->ranges, &known);
	cut(ret);
	if (!r)
		r = note_sessions(ret, d, &listing);
	return r ? r : count(ret);
}

void burn_older_release(struct burn_older *o)
{
	burn_ranges_release(&o->ranges);
	burn_ranges_release(&o->left_out);
	burn_ranges_release(&o->proven);
	free(TAKE_PTR(o->sessions));
	o->n_blocks = 0;
}
