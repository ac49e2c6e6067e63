/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * disc_repaired.c - a disc as parity says that it was: what is lost in its sessions is made again
 *
 * All areas are gone through at the beginning (parity_survey()), so altered blocks are known as well as those that
 * cannot be read.  What is lost is then made again at once, column by column, since each of them is read as a whole for
 * any of its pieces, and waits in a file without a name.  What an area says of itself is taken from whichever copy is
 * whole.
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

#define BEYOND_REPAIR UINT64_MAX

/* Blocks that are not read as they are, in the order of the disc. */
struct lost {
	uint32_t lba, sectors;
	uint64_t pos; /* in the file, or BEYOND_REPAIR */
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

/* Blocks from lba on, as they were; buf NULL: nobody knows. */
static int add_lost(struct repaired_disc *r, uint32_t lba, uint32_t sectors, const uint8_t *buf)
{
	size_t bytes = (size_t)sectors * SECTOR_BYTES;
	int result = buf ? open_file(r) : 0;

	if (r->n_lost == r->room && !result) {
		size_t room = r->room ? 2 * r->room : 64;
		struct lost *lost = reallocarray(r->lost, room, sizeof(*lost));

		if (!lost)
			return -ENOMEM;
		r->lost = lost;
		r->room = room;
	}
	if (!result && buf)
		result = pwrite_full(r->fd, buf, bytes, r->end, NULL);
	if (result)
		return result;
	r->lost[r->n_lost++] = (struct lost){lba, sectors, buf ? r->end : BEYOND_REPAIR};
	r->end += buf ? bytes : 0;
	return 0;
}

/* A piece of data may lie in several ranges. */
static int restore_piece(struct making *m, uint32_t number)
{
	const struct parity_header *h = parity_header(m->parity);
	bool is_data = number < h->shape.pieces;
	uint32_t all = is_data ? parity_piece_sectors(m->parity, number) : PARITY_PIECE_SECTORS, n;
	int r = parity_restore(m->parity, number, m->piece), known = r == 0;

	r = r == -EBADMSG ? 0 : r;
	for (uint32_t done = 0; done < all && !r; done += n) {
		uint32_t lba = parity_data_lba(h) + (number - h->shape.pieces) * PARITY_PIECE_SECTORS;

		n = all;
		if (is_data)
			lba = parity_lba_of(h, (uint64_t)number * PARITY_PIECE_SECTORS + done, &n);
		n = n < all - done ? n : all - done;
		r = add_lost(m->repaired, lba, n, known ? m->piece + (size_t)done * SECTOR_BYTES : NULL);
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

/* Headers, tables and the copy of the descriptors. */
static int restore_area(struct making *m, uint32_t from, uint32_t to)
{
	uint8_t block[SECTOR_BYTES];
	int r = 0;

	for (uint32_t lba = from; lba < to && !r; lba++) {
		r = parity_restore_block(m->parity, lba, block);
		if (!r || r == -EBADMSG)
			r = add_lost(m->repaired, lba, 1, r ? NULL : block);
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
	int r = parity_open(&disc, s->parity_lba, &m->parity);

	if (r == -EBADMSG && s->parity_sectors <= UINT32_MAX - s->parity_lba)
		r = parity_open(&disc, s->parity_lba + s->parity_sectors - 1, &m->parity);
	return r;
}

static int by_lba(const void *a, const void *b)
{
	const struct lost *x = a, *y = b;

	return (x->lba > y->lba) - (x->lba < y->lba);
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

		r = opened == 0 ? repair_area(m) : opened == -EBADMSG ? 0 : opened;
		*ret_any |= opened == 0;
		parity_close(TAKE_PTR(m->parity));
	}
	free(m->piece);
	if (!r && repaired->n_lost)
		qsort(repaired->lost, repaired->n_lost, sizeof(*repaired->lost), by_lba);
	return r;
}

/* ---- reading ---- */

static bool ends_before(const void *list, size_t i, const void *lba)
{
	const struct lost *l = (const struct lost *)list + i;

	return l->lba + (uint64_t)l->sectors <= *(const uint32_t *)lba;
}

/* The first that ends behind that block. */
static const struct lost *next_lost(const struct repaired_disc *r, uint32_t lba)
{
	size_t i = search_first(r->lost, r->n_lost, &lba, ends_before);

	return i < r->n_lost ? &r->lost[i] : NULL;
}

static int read_lost(const struct repaired_disc *r, const struct lost *l, uint32_t lba, void *buf, uint32_t n_sectors)
{
	if (l->pos == BEYOND_REPAIR)
		return -EIO;
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
