/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * disc_repaired.c - a disc as parity says that it was: what is lost in its sessions is made again
 *
 * All areas are gone through at the beginning (parity_survey()), so altered blocks are known as well as those that
 * cannot be read.  What is lost is then made again at once, column by column, since each of them is read as a whole for
 * any of its pieces, and waits in a file without a name.  What an area says of itself is taken from whichever copy is
 * whole.  What is beyond repair is an error of the blocks: -EIO, it cannot be read, -EBADMSG, it is not what it was.
 *
 * Of areas of several sessions that tell of the same blocks, the one that knows them is asked.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/io.h"
#include "burner/base/own.h"
#include "burner/base/search.h"
#include "burner/medium/decorator.h"
#include "burner/parity/reader.h"
#include "cdappendfs/burn.h"

/* Blocks that are not read as they are; in the order of the disc, and none twice, when they are asked. */
struct lost {
	uint32_t lba, sectors;
	uint64_t pos; /* in the file */
	int error;    /* beyond repair: what reading them is; 0: they are in the file */
};

struct repaired_disc {
	struct disc disc;
	struct lost *lost;
	size_t n_lost, room;
	int fd; /* -1: nothing is lost */
	uint64_t end;
};

/* While it is made. */
struct making {
	struct repaired_disc *repaired;
	const struct burn_progress *progress;
	struct parity *parity;
	uint8_t *piece;
};

static struct repaired_disc *of(struct disc *d) { return (struct repaired_disc *)(void *)d; }

/* ---- making ---- */

static int read_inner(void *context, uint32_t lba, void *buf, uint32_t n_sectors)
{
	return disc_read(context, lba, buf, n_sectors);
}

static int pace(void *context, uint64_t done, uint64_t all)
{
	const struct burn_progress *p = ((const struct making *)context)->progress;

	if (p->report)
		p->report(p->context, done, all);
	return p->cancelled && p->cancelled(p->context) ? -ECANCELED : 0;
}

static int open_file(struct repaired_disc *r)
{
	const char *directory = getenv("TMPDIR");
	int fd = r->fd >= 0 ? r->fd : unnamed_file_open(directory && *directory ? directory : "/var/tmp");

	if (fd < 0)
		return fd;
	r->fd = fd;
	return 0;
}

static int add(struct repaired_disc *r, struct lost lost)
{
	if (r->n_lost == r->room) {
		size_t room = r->room ? 2 * r->room : 64;
		struct lost *grown = reallocarray(r->lost, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		r->lost = grown;
		r->room = room;
	}
	r->lost[r->n_lost++] = lost;
	return 0;
}

/* Blocks from lba on, as they were. */
static int add_restored(struct repaired_disc *r, uint32_t lba, uint32_t sectors, const uint8_t *buf)
{
	size_t bytes = (size_t)sectors * SECTOR_BYTES;
	int result = open_file(r);

	if (!result)
		result = pwrite_full(r->fd, buf, bytes, r->end, NULL);
	if (!result)
		result = add(r, (struct lost){lba, sectors, r->end, 0});
	if (!result)
		r->end += bytes;
	return result;
}

/* Nobody knows what they were.  Of those that cannot be read together the others are as they are. */
static int add_beyond(struct repaired_disc *r, uint32_t lba, uint32_t sectors)
{
	uint8_t block[SECTOR_BYTES];
	bool any = false;
	int result = 0;

	for (uint32_t i = 0; i < sectors && !result; i++) {
		result = disc_read(r->disc.inner, lba + i, block, 1);
		if (result != -EIO && result != -EBADMSG)
			continue;
		result = add(r, (struct lost){lba + i, 1, 0, -EIO});
		any = true;
	}
	return result || any ? result : add(r, (struct lost){lba, sectors, 0, -EBADMSG});
}

/* A piece of data may lie in several ranges. */
static int restore_piece(struct making *m, uint32_t number)
{
	const struct parity_header *h = parity_header(m->parity);
	bool is_data = number < h->shape.pieces;
	uint32_t all = is_data ? parity_piece_sectors(m->parity, number) : PARITY_PIECE_SECTORS, n;
	int restored = parity_restore(m->parity, number, m->piece), r = restored == -EBADMSG ? 0 : restored;

	for (uint32_t done = 0; done < all && !r; done += n) {
		uint32_t lba = parity_data_lba(h) + (number - h->shape.pieces) * PARITY_PIECE_SECTORS;

		n = all;
		if (is_data)
			lba = parity_lba_of(h, (uint64_t)number * PARITY_PIECE_SECTORS + done, &n);
		n = n < all - done ? n : all - done;
		r = restored ? add_beyond(m->repaired, lba, n) :
			       add_restored(m->repaired, lba, n, m->piece + (size_t)done * SECTOR_BYTES);
	}
	return r;
}

static int restore_column(struct making *m, uint32_t column)
{
	const struct parity_shape *s = &parity_header(m->parity)->shape;
	int r = 0;

	for (uint32_t i = column; i < s->pieces && !r; i += s->columns)
		if (parity_is_lost(m->parity, i))
			r = restore_piece(m, i);
	for (uint32_t i = s->pieces + column; i < parity_pieces(m->parity) && !r; i += s->columns)
		if (parity_is_lost(m->parity, i))
			r = restore_piece(m, i);
	return r;
}

/* Headers, tables and the copy of the descriptors; of which nobody knows what it was stays as it is. */
static int restore_area(struct making *m, uint32_t from, uint32_t to)
{
	uint8_t block[SECTOR_BYTES];
	int r = 0;

	for (uint32_t lba = from; lba < to && !r; lba++) {
		r = parity_restore_block(m->parity, lba, block);
		r = !r ? add_restored(m->repaired, lba, 1, block) : r == -EBADMSG ? 0 : r;
	}
	return r;
}

static int repair_area(struct making *m)
{
	const struct parity_header *h = parity_header(m->parity);
	struct parity_damage damage;
	int r = parity_survey(m->parity, pace, m, &damage);

	if (r || (!damage.n_lost && !damage.n_lost_parity && !damage.headers && !damage.tables))
		return r;
	for (uint32_t column = 0; column < h->shape.columns && !r; column++)
		r = restore_column(m, column);
	if (!r)
		r = restore_area(m, h->lba, parity_data_lba(h));
	return r ? r : restore_area(m, parity_table_lba(h, 1), h->lba + h->sectors);
}

static int open_area(struct making *m, const struct disc_session *s)
{
	const struct parity_disc disc = {read_inner, m->repaired->disc.inner};

	return parity_open_area(&disc, s->parity_lba, s->parity_sectors, &m->parity);
}

static int by_lba(const void *a, const void *b)
{
	const struct lost *x = a, *y = b;

	return (x->lba > y->lba) - (x->lba < y->lba);
}

/* Those that are known first, then in the order of the disc. */
static int by_worth(const void *a, const void *b)
{
	const struct lost *x = a, *y = b;

	if (!x->error != !y->error)
		return x->error ? 1 : -1;
	return (x->lba > y->lba) - (x->lba < y->lba);
}

static bool ends_before(const void *list, size_t i, const void *lba)
{
	const struct lost *l = (const struct lost *)list + i;

	return l->lba + (uint64_t)l->sectors <= *(const uint32_t *)lba;
}

/* What of a range the first n do not tell of: added behind. */
static int add_rest(struct repaired_disc *r, size_t n, struct lost l)
{
	int result = 0;

	for (uint32_t skip; l.sectors && !result;
	     l.lba += skip, l.sectors -= skip, l.pos += (uint64_t)skip * SECTOR_BYTES) {
		size_t i = search_first(r->lost, n, &l.lba, ends_before);
		struct lost part = l, *next = i < n ? &r->lost[i] : NULL;

		if (next && next->lba <= l.lba) {
			skip = (uint32_t)min_u64(l.sectors, next->lba + (uint64_t)next->sectors - l.lba);
			continue;
		}
		skip = part.sectors = next ? (uint32_t)min_u64(l.sectors, next->lba - l.lba) : l.sectors;
		result = add(r, part);
	}
	return result;
}

/* Two areas may tell of one block: what is known comes before what is not. */
static int settle(struct repaired_disc *r)
{
	_free_ struct lost *all = r->lost;
	size_t n = r->n_lost, n_known = 0;
	uint64_t end = 0; /* of what is beyond repair, so far */
	int result = 0;

	r->lost = NULL;
	r->n_lost = r->room = 0;
	if (n)
		qsort(all, n, sizeof(*all), by_worth);
	for (size_t i = 0; i < n && !result; i++) {
		struct lost l = all[i];

		if (!l.error) {
			result = add_rest(r, r->n_lost, l);
			n_known = r->n_lost;
			continue;
		}
		if (l.lba < end) {
			uint32_t twice = (uint32_t)min_u64(end - l.lba, l.sectors);

			l.lba += twice;
			l.sectors -= twice;
		}
		end = max_u64(end, l.lba + (uint64_t)l.sectors);
		result = add_rest(r, n_known, l);
	}
	if (r->n_lost)
		qsort(r->lost, r->n_lost, sizeof(*r->lost), by_lba);
	return result;
}

/* An area of which neither header is left is of no use. */
static int make(struct making *m, bool *ret_any)
{
	struct repaired_disc *repaired = m->repaired;
	_free_ struct disc_session *sessions = NULL;
	size_t n = 0;
	int r = disc_sessions(repaired->disc.inner, &sessions, &n);

	m->piece = malloc(PARITY_PIECE_BYTES);
	if (!r && !m->piece)
		r = -ENOMEM;
	for (size_t i = 0; i < n && !r; i++) {
		int opened = sessions[i].parity_sectors ? open_area(m, &sessions[i]) : -EBADMSG;

		r = opened == 0 ? repair_area(m) : opened == -EBADMSG || opened == -EIO ? 0 : opened;
		*ret_any |= opened == 0;
		parity_close(TAKE_PTR(m->parity));
	}
	free(m->piece);
	return r ? r : settle(repaired);
}

/* ---- reading ---- */

/* The first that ends behind that block. */
static const struct lost *next_lost(const struct repaired_disc *r, uint32_t lba)
{
	size_t i = search_first(r->lost, r->n_lost, &lba, ends_before);

	return i < r->n_lost ? &r->lost[i] : NULL;
}

static int read_lost(const struct repaired_disc *r, const struct lost *l, uint32_t lba, void *buf, uint32_t n_sectors)
{
	if (l->error)
		return l->error;
	return pread_full(r->fd, buf, (size_t)n_sectors * SECTOR_BYTES,
			  l->pos + (uint64_t)(lba - l->lba) * SECTOR_BYTES, NULL);
}

static int repaired_read(struct disc *d, uint32_t lba, void *buf, uint32_t n_sectors)
{
	struct repaired_disc *r = of(d);
	uint8_t *to = buf;
	int result = 0;

	for (uint32_t n; n_sectors && !result; n_sectors -= n, lba += n, to += (size_t)n * SECTOR_BYTES) {
		const struct lost *l = next_lost(r, lba);

		if (!l || l->lba > lba) {
			n = !l || l->lba - lba > n_sectors ? n_sectors : l->lba - lba;
			result = disc_read(d->inner, lba, to, n);
		} else {
			n = l->lba + l->sectors - lba < n_sectors ? l->lba + l->sectors - lba : n_sectors;
			result = read_lost(r, l, lba, to, n);
		}
	}
	return result;
}

/* Its inner one stays. */
static void repaired_close(struct disc *d)
{
	struct repaired_disc *r = of(d);

	close_fd(&r->fd);
	free(r->lost);
	free(r);
}

static const struct disc_ops repaired_disc_ops = {
	.read = repaired_read,
	.state = pass_state,
	.sessions = pass_sessions,
	.identity = pass_identity,
	.fingerprint = pass_fingerprint,
	.close = repaired_close,
};

int disc_repaired(struct disc *inner, const struct burn_progress *progress, struct disc **ret, bool *ret_any)
{
	struct making m = {.repaired = calloc(1, sizeof(*m.repaired)), .progress = progress};
	bool any = false;
	int r;

	if (!m.repaired)
		return -ENOMEM;
	*m.repaired = (struct repaired_disc){.disc = {.ops = &repaired_disc_ops, .inner = inner}, .fd = -1};
	r = make(&m, &any);
	if (r) {
		disc_close(&m.repaired->disc);
		return r;
	}
	*ret_any = any;
	*ret = &m.repaired->disc;
	return 0;
}
