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
 *
 * Sessions whose descriptors are lost are found by the commit records of newer ones, their area by its second header,
 * which stands below their digest table; then they are looked for again in what was repaired.  At last what needs no
 * parity is made again: descriptors of which the other set is left, tables, records (burner/medium/remake.h), the head.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/grow.h"
#include "burner/base/io.h"
#include "burner/base/own.h"
#include "burner/base/search.h"
#include "burner/format/commit_record.h"
#include "burner/format/volume_descriptor.h"
#include "burner/medium/decorator.h"
#include "burner/medium/internal.h"
#include "burner/medium/remake.h"
#include "burner/parity/reader.h"
#include "burner/session/stream.h"
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
	size_t n_settled; /* so many of them are in order */
	int fd;		  /* -1: nothing is lost */
	uint64_t end;
	struct disc_session *sessions; /* as they are found in it; NULL: as the inner one says */
	size_t n_sessions;
};

struct done_area {
	uint32_t lba, end_lba;
	bool whole; /* all that it protects is known */
};

/* While it is made. */
struct making {
	struct repaired_disc *repaired;
	const struct burn_progress *progress;
	struct parity *parity;
	uint8_t *piece;
	struct done_area *areas;
	size_t n_areas;
	bool any; /* there is something to repair by */
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

	burn_report(p, done, all);
	return burn_is_cancelled(p) ? -ECANCELED : 0;
}

static int open_file(struct repaired_disc *r)
{
	int fd = r->fd >= 0 ? r->fd : unnamed_file_open(large_files_directory());

	if (fd < 0)
		return fd;
	r->fd = fd;
	return 0;
}

static int add(struct repaired_disc *r, struct lost lost)
{
	if (grow(&r->lost, &r->room, r->n_lost, sizeof(*r->lost)))
		return -ENOMEM;
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
		if (!disc_is_damage(result))
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

static int repair_area(struct making *m, bool *ret_whole)
{
	const struct parity_header *h = parity_header(m->parity);
	struct parity_damage damage;
	int r = parity_survey(m->parity, pace, m, &damage);

	*ret_whole = !r && !damage.n_beyond;
	if (r || (!damage.n_lost && !damage.n_lost_parity && !damage.headers && !damage.tables))
		return r;
	for (uint32_t column = 0; column < h->shape.columns && !r; column++)
		r = restore_column(m, column);
	if (!r)
		r = restore_area(m, h->lba, parity_data_lba(h));
	return r ? r : restore_area(m, parity_table_lba(h, 1), h->lba + h->sectors);
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
	_free_ struct lost *all = NULL;
	size_t n = r->n_lost, n_known = 0;
	uint64_t end = 0; /* of what is beyond repair, so far */
	int result = 0;

	if (n == r->n_settled)
		return 0;
	all = r->lost;
	r->lost = NULL;
	r->n_lost = r->room = 0;
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
	r->n_settled = r->n_lost;
	return result;
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

static int repaired_sessions(struct disc *d, struct disc_session **ret, size_t *ret_n)
{
	const struct repaired_disc *r = of(d);
	const struct session_list list = {.sessions = r->sessions, .n = r->n_sessions};

	return r->sessions ? sessions_copy(&list, ret, ret_n) : disc_sessions(d->inner, ret, ret_n);
}

/* Its inner one stays. */
static void repaired_close(struct disc *d)
{
	struct repaired_disc *r = of(d);

	close_fd(&r->fd);
	free(r->lost);
	free(r->sessions);
	free(r);
}

static const struct disc_ops repaired_disc_ops = {
	.read = repaired_read,
	.state = pass_state,
	.sessions = repaired_sessions,
	.identity = pass_identity,
	.fingerprint = pass_fingerprint,
	.close = repaired_close,
};

/* ---- making: what is repaired ---- */

/* Once. sectors 0: lba is that of one header, which may be no such thing. 1: it is an area, and was not known. */
static int repair_area_at(struct making *m, uint32_t lba, uint32_t sectors)
{
	const struct parity_disc disc = {read_inner, m->repaired->disc.inner};
	struct done_area *grown, area = {.lba = lba, .end_lba = lba + sectors};
	int r;

	for (size_t i = 0; i < m->n_areas; i++)
		if (lba >= m->areas[i].lba && lba < m->areas[i].end_lba)
			return 0;
	r = parity_open_area(&disc, lba, sectors, &m->parity);
	if (disc_is_damage(r))
		return 0; /* an area of which neither header is left is of no use */
	if (r)
		return r;
	area.lba = parity_header(m->parity)->lba;
	area.end_lba = area.lba + parity_header(m->parity)->sectors;
	grown = reallocarray(m->areas, m->n_areas + 1, sizeof(*grown));
	r = grown ? repair_area(m, &area.whole) : -ENOMEM;
	parity_close(TAKE_PTR(m->parity));
	if (grown)
		m->areas = grown;
	if (r)
		return r;
	m->areas[m->n_areas++] = area;
	m->any = true;
	r = settle(m->repaired);
	return r ? r : 1;
}

static int put_made(void *context, uint32_t lba, uint32_t n_sectors, const uint8_t *bytes)
{
	struct making *m = context;

	m->any = true;
	return add_restored(m->repaired, lba, n_sectors, bytes);
}

static struct remaking remaking_of(struct making *m)
{
	return (struct remaking){&m->repaired->disc, put_made, pace, m};
}

/* As they are found in what is repaired so far; in a drive as it says. */
static int list_sessions(struct making *m)
{
	struct repaired_disc *r = m->repaired;
	_cleanup_(session_list_release) struct session_list found = {0};
	struct disc_session *sessions = NULL;
	struct disc_state state;
	uint64_t bytes = 0;
	size_t n = 0;
	int result = disc_state(r->disc.inner, &state);

	if (!result)
		result = disc_image_bytes(r->disc.inner, &bytes);
	if (!result)
		result = disc_sessions(r->disc.inner, &sessions, &n);
	if (result)
		return result;
	if (state.overwritable && bytes)
		result = sessions_scan(&r->disc, bytes / SECTOR_BYTES, &found);
	if (!result && found.n > n) {
		free(sessions);
		sessions = TAKE_PTR(found.sessions);
		n = found.n;
	}
	/* Without a head that leads anywhere the others are as good. */
	if (result && !disc_is_damage(result) && result != -EMEDIUMTYPE) {
		free(sessions);
		return result;
	}
	free(r->sessions);
	r->sessions = sessions;
	r->n_sessions = n;
	return 0;
}

static bool is_listed(const struct repaired_disc *r, uint32_t start_lba)
{
	bool listed = false;

	for (size_t i = 0; i < r->n_sessions; i++)
		listed |= r->sessions[i].start_lba == start_lba;
	return listed;
}

/* Of a session that is known by its record alone: the second header stands above zeros, of which there are few. */
static int repair_by_record(struct making *m, const struct commit_record *record)
{
	const struct remaking again = remaking_of(m);
	uint32_t lba = record->table_lba, n = 0;
	int r = 0;

	while (commit_has_table(record) && lba > record->start_lba && n++ < SESSION_ALIGN_SECTORS && !r)
		r = repair_area_at(m, --lba, 0);
	if (r >= 0)
		r = remake_descriptors(&again, record);
	return r < 0 ? r : settle(m->repaired);
}

/* Down the chain from a session. */
static int repair_below(struct making *m, const struct disc_session *from)
{
	const struct remaking again = remaking_of(m);
	struct commit_record record, before;
	int r = proof_own_record(&m->repaired->disc, from, &record, NULL);

	if (!r)
		r = remake_descriptors(&again, &record);
	if (!r)
		r = settle(m->repaired);
	for (; !r && !(r = proof_previous(&m->repaired->disc, &record, &before)); record = before) {
		if (is_listed(m->repaired, before.start_lba))
			return 0;
		r = repair_by_record(m, &before);
	}
	return disc_is_damage(r) || r == -ENODATA ? 0 : r;
}

/* The sessions that are known now. */
static int repair_sessions(struct making *m)
{
	const struct repaired_disc *repaired = m->repaired;
	int r = 0;

	for (size_t i = 0; i < repaired->n_sessions && r >= 0; i++)
		if (repaired->sessions[i].parity_sectors)
			r = repair_area_at(m, repaired->sessions[i].parity_lba, repaired->sessions[i].parity_sectors);
	for (size_t i = repaired->n_sessions; i-- > 0 && r >= 0;)
		r = repair_below(m, &repaired->sessions[i]);
	return r < 0 ? r : 0;
}

static bool is_proven(const struct making *m, const struct disc_session *s)
{
	for (size_t i = 0; i < m->n_areas; i++)
		if (m->areas[i].lba == s->parity_lba && s->parity_sectors)
			return m->areas[i].whole;
	return false;
}

/* Oldest first: a record names the one before. */
static int remake_proofs(struct making *m)
{
	const struct remaking again = remaking_of(m);
	const struct repaired_disc *repaired = m->repaired;
	int r = 0;

	for (size_t i = 0; i < repaired->n_sessions && !r; i++) {
		r = remake_proof(&again, repaired->sessions, repaired->n_sessions, i,
				 is_proven(m, &repaired->sessions[i]));
		if (!r)
			r = settle(m->repaired);
	}
	return r;
}

/* As the sessions prove it, if it is another one or cannot be read. */
static int remake_head(struct making *m)
{
	struct repaired_disc *r = m->repaired;
	uint8_t head[DISC_HEAD_BYTES], now[DISC_HEAD_BYTES];
	struct disc_state state;
	int result = disc_state(r->disc.inner, &state);

	if (result || !state.overwritable)
		return result;
	result = proof_head(&r->disc, r->sessions, r->n_sessions, head);
	if (result)
		return result == -ENODATA ? 0 : result;
	result = disc_read(&r->disc, DESCRIPTORS_LBA, now, DESCRIPTORS_SECTORS);
	if (!result && memcmp(now, head, sizeof(now)) == 0)
		return 0;
	if (!result || disc_is_damage(result))
		result = proof_head_hides(&r->disc, &r->sessions[r->n_sessions - 1]);
	if (result)
		return result > 0 ? 0 : result;
	result = put_made(m, DESCRIPTORS_LBA, DESCRIPTORS_SECTORS, head);
	return result ? result : settle(r);
}

static int make(struct making *m)
{
	size_t before = SIZE_MAX;
	int r = (m->piece = malloc(PARITY_PIECE_BYTES)) ? list_sessions(m) : -ENOMEM;

	/* With each that was repaired there may be one more. */
	while (!r && m->repaired->n_sessions != before) {
		before = m->repaired->n_sessions;
		r = repair_sessions(m);
		if (!r)
			r = list_sessions(m);
	}
	if (!r)
		r = remake_proofs(m);
	if (!r)
		r = remake_head(m);
	free(m->piece);
	free(m->areas);
	return r;
}

int disc_repaired(struct disc *inner, const struct burn_progress *progress, struct disc **ret, bool *ret_any)
{
	struct making m = {.repaired = calloc(1, sizeof(*m.repaired)), .progress = progress};
	int r;

	if (!m.repaired)
		return -ENOMEM;
	*m.repaired = (struct repaired_disc){.disc = {.ops = &repaired_disc_ops, .inner = inner}, .fd = -1};
	r = make(&m);
	if (r) {
		disc_close(&m.repaired->disc);
		return r;
	}
	*ret_any = m.any;
	*ret = &m.repaired->disc;
	return 0;
}
