/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/parity/reader.h"

#include <assert.h>
#include <string.h>

#include "burner/parity/internal.h"

#define NO_COLUMN UINT32_MAX
#define DOUBTED_MAX 64u /* pieces of a column whose digests are lost, each of which is left out alone */

/* ---- opening ---- */

int parity_read_header(const struct parity_disc *disc, uint32_t lba, struct parity_header *ret)
{
	uint8_t sector[SECTOR_BYTES];
	int r = disc->read(disc->context, lba, sector, 1);

	if (!r)
		r = parity_header_decode(sector, ret);
	if (r == -ENODATA || (!r && lba != parity_header_lba(ret, 0) && lba != parity_header_lba(ret, 1)))
		r = -EBADMSG;
	return r;
}

int parity_open(const struct parity_disc *disc, uint32_t lba, struct parity **ret)
{
	_cleanup_(parity_closep) struct parity *p = calloc(1, sizeof(*p));
	int r = p ? parity_read_header(disc, lba, &p->header) : -ENOMEM;

	if (r < 0)
		return r;
	p->disc = *disc;
	p->digests_number = UINT32_MAX;
	p->column_number = NO_COLUMN;
	p->protected_sectors = parity_protected_sectors(&p->header);
	p->n_pieces = p->header.shape.pieces + p->header.shape.parity * p->header.shape.columns;
	r = parity_codec_new(p->header.shape.rows, p->header.shape.parity, &p->codec);
	if (!r)
		*ret = TAKE_PTR(p);
	return r;
}

int parity_open_area(const struct parity_disc *disc, uint32_t lba, uint32_t sectors, struct parity **ret)
{
	int first = parity_open(disc, lba, ret), second;

	if (!is_loss(first) || !sectors || sectors > UINT32_MAX - lba)
		return first;
	second = parity_open(disc, lba + sectors - 1, ret);
	return second == -EBADMSG ? first : second;
}

void parity_close(struct parity *p)
{
	if (!p)
		return;
	parity_codec_free(p->codec);
	free(p->column);
	free(p->survey);
	free(p);
}

const struct parity_header *parity_header(const struct parity *p) { return &p->header; }

uint32_t parity_piece_sectors(const struct parity *p, uint32_t number)
{
	return (uint32_t)min_u64(p->protected_sectors - (uint64_t)number * PARITY_PIECE_SECTORS, PARITY_PIECE_SECTORS);
}

/* ---- pieces and digests ---- */

int parity_fetch_digests(struct parity *p, uint32_t number)
{
	int r = p->digests_number == number ? 0 : -EBADMSG;

	for (unsigned which = 0; which < 2 && is_loss(r); which++) {
		p->digests_number = UINT32_MAX;
		r = p->disc.read(p->disc.context, parity_table_lba(&p->header, which) + number, p->digests, 1);
		if (!r)
			r = parity_digests_check(p->header.uuid, number, p->digests);
	}
	if (!r)
		p->digests_number = number;
	return is_loss(r) ? -EBADMSG : r;
}

/* 1: it has that digest, 0: not; -EBADMSG: its digest is lost. */
static int is_right(struct parity *p, uint32_t number, const uint8_t piece[PARITY_PIECE_BYTES])
{
	uint8_t digest[SHA256_BYTES];
	int r = parity_fetch_digests(p, number / PARITY_BLOCK_DIGESTS);

	if (!r)
		r = sha256_of(piece, PARITY_PIECE_BYTES, digest);
	if (r)
		return r;
	return !memcmp(digest, p->digests + (size_t)(number % PARITY_BLOCK_DIGESTS) * SHA256_BYTES, sizeof(digest));
}

/* Blocks one by one: those that cannot be read are bits of *ret_lost, from bit `first` on. */
static int read_singly(struct parity *p, uint32_t lba, uint8_t *buf, uint32_t n_sectors, unsigned first,
		       uint32_t *ret_lost)
{
	for (uint32_t i = 0; i < n_sectors; i++) {
		int r = p->disc.read(p->disc.context, lba + i, buf + (size_t)i * SECTOR_BYTES, 1);

		if (is_loss(r)) {
			memset(buf + (size_t)i * SECTOR_BYTES, 0, SECTOR_BYTES);
			*ret_lost |= 1u << (first + i);
		} else if (r < 0) {
			return r;
		}
	}
	return 0;
}

int parity_read_blocks(struct parity *p, uint32_t number, uint8_t piece[PARITY_PIECE_BYTES], uint32_t *ret_lost)
{
	bool is_data = number < p->header.shape.pieces;
	uint32_t all = is_data ? parity_piece_sectors(p, number) : PARITY_PIECE_SECTORS, n;

	*ret_lost = 0;
	memset(piece + (size_t)all * SECTOR_BYTES, 0, (size_t)(PARITY_PIECE_SECTORS - all) * SECTOR_BYTES);
	for (uint32_t done = 0; done < all; done += n) {
		uint8_t *to = piece + (size_t)done * SECTOR_BYTES;
		uint32_t lba;
		int r;

		n = all;
		lba = is_data ? parity_lba_of(&p->header, (uint64_t)number * PARITY_PIECE_SECTORS + done, &n) :
				parity_data_lba(&p->header) + (number - p->header.shape.pieces) * PARITY_PIECE_SECTORS +
					done;
		n = (uint32_t)min_u64(n, all - done);
		r = p->disc.read(p->disc.context, lba, to, n);
		if (is_loss(r))
			r = read_singly(p, lba, to, n, done, ret_lost);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The same, and all of it is lost if it can be read but is not what it was. *ret_unknown: its digest is lost. */
static int read_piece(struct parity *p, uint32_t number, uint8_t piece[PARITY_PIECE_BYTES], uint32_t *ret_lost,
		      bool *ret_unknown)
{
	int r = parity_read_blocks(p, number, piece, ret_lost);

	*ret_unknown = false;
	if (r < 0 || *ret_lost)
		return r;
	r = is_right(p, number, piece);
	*ret_unknown = r == -EBADMSG;
	if (r == 0)
		*ret_lost = ALL_LOST;
	return r < 0 && r != -EBADMSG ? r : 0;
}

/* ---- a column ---- */

static int column_room(struct parity *p)
{
	unsigned n = p->header.shape.rows + p->header.shape.parity;

	if (p->column)
		return 0;
	p->column = malloc((size_t)n * PARITY_PIECE_BYTES);
	for (unsigned i = 0; p->column && i < n; i++)
		p->pieces[i] = p->column + (size_t)i * PARITY_PIECE_BYTES;
	return p->column ? 0 : -ENOMEM;
}

void parity_forget(struct parity *p)
{
	free(TAKE_PTR(p->column));
	p->column_number = NO_COLUMN;
}

static bool is_there(const struct parity *p, unsigned i, uint32_t column)
{
	return i >= p->header.shape.rows || data_number(p, i, column) < p->header.shape.pieces;
}

static uint32_t number_of(const struct parity *p, unsigned i, uint32_t column)
{
	const struct parity_shape *s = &p->header.shape;

	return i < s->rows ? data_number(p, i, column) : parity_number(p, i - s->rows, column);
}

/* One of k + m; of data that are not there zeros. */
static int read_one(struct parity *p, uint32_t column, unsigned i)
{
	p->lost[i] = 0;
	p->unknown[i] = false;
	if (is_there(p, i, column))
		return read_piece(p, number_of(p, i, column), p->pieces[i], &p->lost[i], &p->unknown[i]);
	memset(p->pieces[i], 0, PARITY_PIECE_BYTES);
	return 0;
}

static int read_rows(struct parity *p, uint32_t column)
{
	int r = 0;

	for (unsigned row = 0; row < p->header.shape.rows && !r; row++)
		r = read_one(p, column, row);
	for (unsigned i = 0; i < p->header.shape.parity; i++) {
		p->lost[p->header.shape.rows + i] = ALL_LOST;
		p->unknown[p->header.shape.rows + i] = false;
	}
	return r;
}

/* What is done with a piece while a column is restored. */
enum use { AS_IT_IS, READ, LEFT_OUT };

/* Parity, no more of it than is needed: on a disc each piece is a seek.  That of which nothing is known comes last. */
static int read_parity(struct parity *p, uint32_t column, enum use use[PARITY_CODEWORD_MAX])
{
	unsigned from = p->header.shape.rows, to = from + p->header.shape.parity;
	int r = 0;

	for (unsigned i = from; i < to && !r && codec_can_restore(p->codec, p->lost) < 0; i++) {
		if (use[i] != AS_IT_IS)
			continue;
		r = read_one(p, column, i);
		use[i] = READ;
		if (p->unknown[i])
			p->lost[i] = ALL_LOST;
	}
	for (unsigned i = from; i < to && !r && codec_can_restore(p->codec, p->lost) < 0; i++)
		if (use[i] == READ && p->unknown[i])
			p->lost[i] = 0;
	return r;
}

/* Of the column at hand. 1, 0, or what is_right() says. */
static int take(struct parity *p, uint32_t number, uint8_t buf[PARITY_PIECE_BYTES])
{
	const struct parity_shape *s = &p->header.shape;

	if (number < s->pieces)
		memcpy(buf, p->pieces[number / s->columns], PARITY_PIECE_BYTES);
	else
		codec_make(p->codec, (number - s->pieces) / s->columns, p->pieces, buf);
	return is_right(p, number, buf);
}

/* With what is believed now. 1: the piece is right; 0: not; -EBADMSG: too much is lost, or its digest is. */
static int attempt(struct parity *p, uint32_t column, uint32_t number, enum use use[PARITY_CODEWORD_MAX], uint8_t *buf)
{
	int r = read_parity(p, column, use);

	if (!r)
		r = codec_restore(p->codec, p->pieces, p->lost);
	return r ? r : take(p, number, buf);
}

/* What can be read of a piece that cannot be read as a whole may be wrong as well. Is there any? */
static bool distrust_parts(struct parity *p)
{
	const struct parity_shape *s = &p->header.shape;
	bool changed = false;

	for (unsigned i = 0; i < s->rows + s->parity; i++)
		if (p->lost[i] && p->lost[i] != ALL_LOST) {
			p->lost[i] = ALL_LOST;
			changed = true;
		}
	return changed;
}

static void leave_out(struct parity *p, unsigned i, enum use use[PARITY_CODEWORD_MAX])
{
	p->lost[i] = ALL_LOST;
	use[i] = LEFT_OUT;
}

/* Those whose digests are lost: each alone, then all of them. */
static int leave_out_unknown(struct parity *p, uint32_t column, uint32_t number, enum use use[PARITY_CODEWORD_MAX],
			     uint8_t *buf)
{
	unsigned n = p->header.shape.rows + p->header.shape.parity, n_doubted = 0;
	int r = 0;

	for (unsigned i = 0; i < n && n_doubted < DOUBTED_MAX && !r; i++) {
		if (!p->unknown[i] || p->lost[i])
			continue;
		n_doubted++;
		leave_out(p, i, use);
		r = attempt(p, column, number, use, buf);
		if (r && r != 1 && r != -EBADMSG)
			return r;
		r = r == 1 ? 1 : read_one(p, column, i);
		use[i] = READ;
	}
	if (r || !n_doubted)
		return r;
	for (unsigned i = 0; i < n; i++)
		if (p->unknown[i])
			leave_out(p, i, use);
	return attempt(p, column, number, use, buf);
}

/* With those whose digests are lost, then without. */
static int attempt_all(struct parity *p, uint32_t column, uint32_t number, enum use use[PARITY_CODEWORD_MAX],
		       uint8_t *buf)
{
	int r = attempt(p, column, number, use, buf);

	return r ? r : leave_out_unknown(p, column, number, use, buf);
}

/* They were left out. */
static int take_in_unknown(struct parity *p, uint32_t column, enum use use[PARITY_CODEWORD_MAX])
{
	int r = 0;

	for (unsigned i = 0; i < p->header.shape.rows + p->header.shape.parity && !r; i++) {
		if (!p->unknown[i])
			continue;
		r = read_one(p, column, i);
		use[i] = READ;
	}
	return r;
}

/* Of the column that is read: until the piece is right, as -EBADMSG if it is with nothing.  To distrust what was read
 * of pieces in part comes last: it may be too much to lose. */
static int restore_any_way(struct parity *p, uint32_t column, uint32_t number, uint8_t *buf)
{
	enum use use[PARITY_CODEWORD_MAX] = {AS_IT_IS};
	int r = attempt_all(p, column, number, use, buf);

	if ((!r || r == -EBADMSG) && distrust_parts(p)) {
		r = take_in_unknown(p, column, use);
		if (!r)
			r = attempt_all(p, column, number, use, buf);
	}
	return r == 1 ? 0 : r ? r : -EBADMSG;
}

static uint32_t column_of(const struct parity *p, uint32_t number)
{
	const struct parity_shape *s = &p->header.shape;

	return (number < s->pieces ? number : number - s->pieces) % s->columns;
}

/* Whatever else of its column is lost. */
static bool is_whole(const struct parity *p, uint32_t number)
{
	return number < p->header.shape.pieces && !p->lost[number / p->header.shape.columns];
}

/* Is its digest lost? */
static bool is_unproven(struct parity *p, uint32_t number)
{
	return parity_fetch_digests(p, number / PARITY_BLOCK_DIGESTS) == -EBADMSG;
}

static int restore_column(struct parity *p, uint32_t number, uint8_t buf[PARITY_PIECE_BYTES])
{
	uint32_t column = column_of(p, number);
	int r = column_room(p);

	p->column_number = NO_COLUMN;
	if (!r)
		r = read_rows(p, column);
	if (!r)
		r = restore_any_way(p, column, number, buf);
	if (r && r != -EBADMSG)
		return r;
	p->column_number = column;
	/* Made again, and only not to be proven: that says nothing of its other pieces. */
	p->column_error = r && is_unproven(p, number) && codec_can_restore(p->codec, p->lost) == 0 ? 0 : r;
	return r && is_whole(p, number) ? take(p, number, buf) == 1 ? 0 : r : r;
}

int parity_restore(struct parity *p, uint32_t number, uint8_t buf[PARITY_PIECE_BYTES])
{
	int r;

	if (p->column_number != column_of(p, number))
		return restore_column(p, number, buf);
	if (p->column_error && !is_whole(p, number))
		return p->column_error;
	r = take(p, number, buf);
	/* What was right for one of its pieces need not be for another. */
	return r == 1 ? 0 : r == 0 ? restore_column(p, number, buf) : r;
}

uint32_t parity_next_lost(const struct parity *p, uint32_t from)
{
	const struct parity_shape *s = &p->header.shape;

	if (p->column_number == NO_COLUMN || p->column_error)
		return UINT32_MAX;
	for (unsigned row = (from + s->columns - 1 - p->column_number) / s->columns; row < s->rows; row++)
		if (p->lost[row] && data_number(p, row, p->column_number) < s->pieces)
			return data_number(p, row, p->column_number);
	return UINT32_MAX;
}

uint32_t parity_pieces(const struct parity *p) { return p->n_pieces; }

bool parity_piece_at(const struct parity *p, uint32_t lba, uint32_t *ret_number, uint32_t *ret_inside)
{
	uint32_t data = parity_data_lba(&p->header), end = parity_table_lba(&p->header, 1);
	uint64_t at;

	if (lba >= data && lba < end)
		at = (uint64_t)p->header.shape.pieces * PARITY_PIECE_SECTORS + (lba - data);
	else if (!parity_place_of(&p->header, lba, &at))
		return false;
	*ret_number = (uint32_t)(at / PARITY_PIECE_SECTORS);
	*ret_inside = at % PARITY_PIECE_SECTORS;
	return true;
}

/* Block `at` of the copy of the descriptors: from where they stand, or from the piece in which they do. */
static int restore_copy(struct parity *p, uint32_t at, uint8_t buf[SECTOR_BYTES])
{
	_free_ uint8_t *piece = malloc(PARITY_PIECE_BYTES);
	uint64_t of = parity_copy_at(&p->header) + at;
	int r = of >= p->protected_sectors ? -ENOENT :
		piece			   ? parity_restore(p, (uint32_t)(of / PARITY_PIECE_SECTORS), piece) :
					     -ENOMEM;

	if (!r)
		memcpy(buf, piece + (size_t)(of % PARITY_PIECE_SECTORS) * SECTOR_BYTES, SECTOR_BYTES);
	return r;
}

int parity_restore_block(struct parity *p, uint32_t lba, uint8_t buf[SECTOR_BYTES])
{
	const struct parity_header *h = &p->header;
	uint32_t n = (uint32_t)parity_table_sectors(&h->shape);

	for (unsigned which = 0; which < 2; which++) {
		uint32_t table = parity_table_lba(h, which);

		if (lba == parity_header_lba(h, which))
			return parity_header_encode(h, buf);
		if (lba >= table && lba - table < n) {
			int r = parity_fetch_digests(p, lba - table);

			if (!r)
				memcpy(buf, p->digests, SECTOR_BYTES);
			return r;
		}
	}
	if (lba < parity_copy_lba(h) || lba - parity_copy_lba(h) >= PARITY_COPY_SECTORS)
		return -ENOENT;
	return restore_copy(p, lba - parity_copy_lba(h), buf);
}
