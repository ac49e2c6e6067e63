/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * disc_healing.c - a disc whose unreadable blocks are made again by the parity of its sessions
 *
 * Blocks that are read as they are cost nothing.  A piece is made again from the others of its column, which are read
 * for it all over the session: one at a time, however many ask.  What else of the column was lost is kept, up to
 * KEPT_MAX pieces: whoever reads on will ask for it.  So memory is bounded: these, and one column, whose it may be.
 *
 * Which sessions have parity is known from the last look at the disc (opening, refresh); their areas are opened when
 * they are needed.  Headers that are damaged stay so; those that cannot be read are tried again, ever more seldom.
 *
 * Where a session has parity the disc has no file descriptor: an error of what is below goes by whoever reads that.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/idset.h"
#include "burner/base/lock.h"
#include "burner/base/own.h"
#include "burner/medium/decorator.h"
#include "burner/parity/reader.h"
#include "cdappendfs/burn.h"

#define KEPT_MAX 512u	  /* pieces: 32 MiB */
#define TRIES_APART 1024u /* at most so many requests are answered before headers are tried again */

struct area {
	uint32_t lba, sectors;
	struct parity *parity; /* NULL: not opened so far */
	int error;	       /* of opening it */
	uint32_t apart, left;  /* requests between two tries; until the next one */
};

/* Was made again. */
struct kept_piece {
	const struct parity *parity; /* NULL: nothing */
	uint32_t number;
	bool given; /* somebody has had it, or a part */
	uint8_t *bytes;
};

struct healing_disc {
	struct disc disc;
	struct disc_healed healed;
	struct lock lock;
	/* Under the lock: */
	struct area *areas; /* the newest session's first */
	size_t n_areas;
	struct parity *at_hand; /* the only one that has a column */
	struct kept_piece kept[KEPT_MAX];
	struct idset told; /* pieces, by the block at which they begin / PARITY_PIECE_SECTORS: they come in runs */
};

static struct healing_disc *of(struct disc *d) { return (struct healing_disc *)(void *)d; }

/* ---- areas ---- */

static void drop_areas_locked(struct healing_disc *h)
{
	for (unsigned i = 0; i < KEPT_MAX; i++) {
		free(h->kept[i].bytes);
		h->kept[i] = (struct kept_piece){.parity = NULL};
	}
	for (size_t i = 0; i < h->n_areas; i++)
		parity_close(h->areas[i].parity);
	h->at_hand = NULL;
	free(h->areas);
	h->areas = NULL;
	h->n_areas = 0;
}

static int look(struct healing_disc *h)
{
	_free_ struct disc_session *sessions = NULL;
	size_t n = 0;
	int r = disc_sessions(h->disc.inner, &sessions, &n);
	struct area *areas = r ? NULL : calloc(n + 1, sizeof(*areas));

	if (r || !areas)
		return r ? r : -ENOMEM;
	lock_take(&h->lock);
	drop_areas_locked(h);
	h->areas = areas;
	while (n-- > 0)
		if (sessions[n].parity_sectors)
			areas[h->n_areas++] =
				(struct area){.lba = sessions[n].parity_lba, .sectors = sessions[n].parity_sectors};
	lock_give(&h->lock);
	return 0;
}

static int read_inner(void *context, uint32_t lba, void *buf, uint32_t n_sectors)
{
	return disc_read(context, lba, buf, n_sectors);
}

/* By one of its two headers. */
static void open_area_locked(struct healing_disc *h, struct area *a)
{
	const struct parity_disc disc = {read_inner, h->disc.inner};

	if (a->parity || a->error == -EBADMSG || (a->left && a->left--))
		return;
	a->error = parity_open_area(&disc, a->lba, a->sectors, &a->parity);
	if (a->error == -EIO)
		a->left = a->apart = (uint32_t)min_u64(TRIES_APART, 2 * (uint64_t)a->apart + 1);
}

/* The area that protects the block; *ret_error: there may be one, but it cannot be asked now. */
static struct parity *find_parity_locked(struct healing_disc *h, uint32_t lba, uint64_t *ret_at, int *ret_error)
{
	lock_assert(&h->lock);
	*ret_error = -EIO;
	for (size_t i = 0; i < h->n_areas; i++) {
		struct area *a = &h->areas[i];

		open_area_locked(h, a);
		if (a->parity && parity_place_of(parity_header(a->parity), lba, ret_at))
			return a->parity;
		if (!a->parity && a->error != -EBADMSG)
			*ret_error = a->error;
	}
	return NULL;
}

/* ---- reading ---- */

static void tell_locked(struct healing_disc *h, const struct parity *p, uint32_t number, int error)
{
	uint32_t following, lba = parity_lba_of(parity_header(p), (uint64_t)number * PARITY_PIECE_SECTORS, &following),
			    key = lba / PARITY_PIECE_SECTORS;

	if (!h->healed.tell || idset_has(&h->told, key) || idset_reserve(&h->told, 1) < 0)
		return;
	idset_add(&h->told, key);
	h->healed.tell(h->healed.context, lba, parity_piece_sectors(p, number), error);
}

static struct kept_piece *find_kept_locked(struct healing_disc *h, const struct parity *p, uint32_t number)
{
	for (unsigned i = 0; i < KEPT_MAX; i++)
		if (h->kept[i].parity == p && h->kept[i].number == number)
			return &h->kept[i];
	return NULL;
}

/* In place of one that somebody has had; those that nobody has had are asked for as soon. False: there is no room. */
static bool keep_locked(struct healing_disc *h, const struct parity *p, uint32_t number, const uint8_t *bytes,
			bool given)
{
	struct kept_piece *to = NULL;

	for (unsigned i = 0; i < KEPT_MAX && (!to || to->parity); i++)
		if (!h->kept[i].parity || h->kept[i].given)
			to = &h->kept[i];
	if (to && !to->bytes)
		to->bytes = malloc(PARITY_PIECE_BYTES);
	if (!to || !to->bytes)
		return false;
	memcpy(to->bytes, bytes, PARITY_PIECE_BYTES);
	to->parity = p;
	to->number = number;
	to->given = given;
	return true;
}

static int restore_locked(struct healing_disc *h, struct parity *p, uint32_t number, uint8_t piece[PARITY_PIECE_BYTES])
{
	struct kept_piece *kept = find_kept_locked(h, p, number);
	_free_ uint8_t *other = NULL;
	int r;

	if (kept) {
		memcpy(piece, kept->bytes, PARITY_PIECE_BYTES);
		kept->given = true;
		return 0;
	}
	if (h->at_hand && h->at_hand != p)
		parity_forget(h->at_hand);
	h->at_hand = p;
	r = parity_restore(p, number, piece);
	if (r || !keep_locked(h, p, number, piece, true) || !(other = malloc(PARITY_PIECE_BYTES)))
		return r;
	for (uint32_t i = parity_next_lost(p, 0); i != UINT32_MAX; i = parity_next_lost(p, i + 1))
		if (!find_kept_locked(h, p, i) && parity_restore(p, i, other) == 0 &&
		    !keep_locked(h, p, i, other, false))
			break;
	return 0;
}

/* One or more blocks from lba on, up to the end of their piece: *ret_n. telling: else the caller tells. */
static int heal_some(struct healing_disc *h, uint32_t lba, uint8_t *buf, uint32_t n_sectors, bool telling,
		     uint32_t *ret_n)
{
	_free_ uint8_t *piece = malloc(PARITY_PIECE_BYTES);
	struct parity *p;
	uint32_t inside, following, number;
	uint64_t at;
	int r;

	if (!piece)
		return -ENOMEM;
	lock_take(&h->lock);
	p = find_parity_locked(h, lba, &at, &r);
	if (p) {
		inside = at % PARITY_PIECE_SECTORS;
		number = (uint32_t)(at / PARITY_PIECE_SECTORS);
		(void)parity_lba_of(parity_header(p), at, &following);
		*ret_n = (uint32_t)min_u64(min_u64(n_sectors, PARITY_PIECE_SECTORS - inside), following);
		r = restore_locked(h, p, number, piece);
		if (!r)
			memcpy(buf, piece + (size_t)inside * SECTOR_BYTES, (size_t)*ret_n * SECTOR_BYTES);
		if (telling && (!r || r == -EBADMSG))
			tell_locked(h, p, number, r);
	}
	lock_give(&h->lock);
	return r == -EBADMSG ? -EIO : r;
}

static int heal(struct disc *d, uint32_t lba, void *buf, uint32_t n_sectors)
{
	uint8_t *to = buf;
	uint32_t n = 0;
	int r = 0;

	for (uint32_t done = 0; done < n_sectors && !r; done += n)
		r = heal_some(of(d), lba + done, to + (size_t)done * SECTOR_BYTES, n_sectors - done, false, &n);
	return r;
}

static bool has_areas(struct healing_disc *h)
{
	bool has;

	lock_take(&h->lock);
	has = h->n_areas > 0;
	lock_give(&h->lock);
	return has;
}

/* How many of the blocks are in one piece; 1 of those that have no parity. */
static uint32_t part(struct healing_disc *h, uint32_t lba, uint32_t n_sectors)
{
	uint32_t following, n = 1;
	struct parity *p;
	uint64_t at;
	int r;

	lock_take(&h->lock);
	p = find_parity_locked(h, lba, &at, &r);
	if (p) {
		(void)parity_lba_of(parity_header(p), at, &following);
		n = (uint32_t)min_u64(min_u64(n_sectors, following), PARITY_PIECE_SECTORS - at % PARITY_PIECE_SECTORS);
	}
	lock_give(&h->lock);
	return n;
}

/* Pieces that can be read are; the others are made again. */
static int healing_read(struct disc *d, uint32_t lba, void *buf, uint32_t n_sectors)
{
	uint8_t *to = buf;
	int r = disc_read(d->inner, lba, buf, n_sectors);

	if (r != -EIO || !has_areas(of(d)))
		return r;
	r = 0;
	for (uint32_t done = 0, n; done < n_sectors && !r; done += n) {
		uint8_t *at = to + (size_t)done * SECTOR_BYTES;

		n = part(of(d), lba + done, n_sectors - done);
		r = disc_read(d->inner, lba + done, at, n);
		if (r == -EIO)
			r = heal_some(of(d), lba + done, at, n, true, &n);
	}
	return r;
}

static int healing_refresh(struct disc *d)
{
	int r = disc_refresh(d->inner);

	return r ? r : look(of(d));
}

static int healing_fd(struct disc *d) { return has_areas(of(d)) ? -1 : disc_fd(d->inner); }

static void healing_close(struct disc *d)
{
	struct healing_disc *h = of(d);

	lock_take(&h->lock);
	drop_areas_locked(h);
	lock_give(&h->lock);
	idset_release(&h->told);
	lock_release(&h->lock);
	disc_close(d->inner);
	free(h);
}

static const struct disc_ops healing_disc_ops = {
	.read = healing_read,
	.read_medium = pass_read_medium,
	.zeros = pass_zeros,
	.state = pass_state,
	.sessions = pass_sessions,
	.identity = pass_identity,
	.fingerprint = pass_fingerprint,
	.refresh = healing_refresh,
	.forgive = pass_forgive,
	.heal = heal,
	.fd = healing_fd,
	.close = healing_close,
};

struct disc *disc_wrap_healing(struct disc *inner, const struct disc_healed *healed)
{
	struct healing_disc *h = calloc(1, sizeof(*h));
	int r;

	if (!h) {
		disc_close(inner);
		errno = ENOMEM;
		return NULL;
	}
	h->disc = (struct disc){.ops = &healing_disc_ops, .inner = inner};
	h->healed = *healed;
	lock_init(&h->lock, LOCK_PLAIN);
	r = look(h);
	if (r < 0) {
		disc_close(&h->disc);
		errno = -r;
		return NULL;
	}
	return &h->disc;
}
