/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/parity/codec.h"

#include <assert.h>
#include <errno.h>
#include <isa-l/erasure_code.h>
#include <string.h>

#include "burner/format/parity.h"

/* So much of each piece at once: what it is made of and what is made stay in the processor's cache. */
#define STRIP_BYTES 2048u
#define SOME_PARITY 16u /* pieces of parity at once, for the same reason */
/* That ISA-L needs for each coefficient, or less: what is in its tables, and where, is different from one processor and
 * version to the other, so that of a table all is used or nothing. */
#define TABLE_BYTES 32u

struct parity_codec {
	unsigned k, m;
	uint8_t *coefficients; /* m x k */
	/* of each CODEC_ROWS rows and, of these, each SOME_PARITY pieces of parity one table, as ISA-L wants it */
	uint8_t **tables;
	unsigned n_rows_of_tables, n_tables_of_rows;
};

static_assert(PARITY_PIECE_SECTORS == 32 && SECTOR_BYTES == STRIP_BYTES, "a bit for each block of a piece");

static uint8_t coefficient(unsigned k, unsigned p, unsigned j) { return gf_inv((uint8_t)((k + p) ^ j)); }

static unsigned rows_from(const struct parity_codec *c, unsigned first_row)
{
	return c->k - first_row < CODEC_ROWS ? c->k - first_row : CODEC_ROWS;
}

static unsigned parity_from(const struct parity_codec *c, unsigned first)
{
	return c->m - first < SOME_PARITY ? c->m - first : SOME_PARITY;
}

/* For parity pieces [from, from + n) of the rows from first_row on. */
static void make_table(const struct parity_codec *c, unsigned first_row, unsigned from, unsigned n, uint8_t *ret)
{
	uint8_t matrix[SOME_PARITY * CODEC_ROWS];
	unsigned n_rows = rows_from(c, first_row);

	for (unsigned p = 0; p < n; p++)
		memcpy(matrix + (size_t)p * n_rows, c->coefficients + (size_t)(from + p) * c->k + first_row, n_rows);
	ec_init_tables((int)n_rows, (int)n, matrix, ret);
}

static uint8_t **table_at(const struct parity_codec *c, unsigned first_row, unsigned from)
{
	return &c->tables[(size_t)(first_row / CODEC_ROWS) * c->n_tables_of_rows + from / SOME_PARITY];
}

static int make_tables(struct parity_codec *c)
{
	for (unsigned row = 0; row < c->k; row += CODEC_ROWS) {
		for (unsigned p = 0; p < c->m; p += SOME_PARITY) {
			uint8_t *table = malloc((size_t)TABLE_BYTES * rows_from(c, row) * parity_from(c, p));

			if (!table)
				return -ENOMEM;
			*table_at(c, row, p) = table;
			make_table(c, row, p, parity_from(c, p), table);
		}
	}
	return 0;
}

int parity_codec_new(unsigned k, unsigned m, struct parity_codec **ret)
{
	_cleanup_(parity_codec_freep) struct parity_codec *c = calloc(1, sizeof(*c));
	int r;

	assert(k > 0 && m > 0 && k + m <= PARITY_CODEWORD_MAX);
	if (!c)
		return -ENOMEM;
	c->k = k;
	c->m = m;
	c->n_rows_of_tables = (k + CODEC_ROWS - 1) / CODEC_ROWS;
	c->n_tables_of_rows = (m + SOME_PARITY - 1) / SOME_PARITY;
	c->coefficients = malloc((size_t)m * k);
	c->tables = calloc((size_t)c->n_rows_of_tables * c->n_tables_of_rows, sizeof(*c->tables));
	if (!c->coefficients || !c->tables)
		return -ENOMEM;
	for (unsigned p = 0; p < m; p++)
		for (unsigned j = 0; j < k; j++)
			c->coefficients[(size_t)p * k + j] = coefficient(k, p, j);
	r = make_tables(c);
	if (!r)
		*ret = TAKE_PTR(c);
	return r;
}

void parity_codec_free(struct parity_codec *c)
{
	if (!c)
		return;
	for (unsigned i = 0; c->tables && i < c->n_rows_of_tables * c->n_tables_of_rows; i++)
		free(c->tables[i]);
	free(c->tables);
	free(c->coefficients);
	free(c);
}

/* ---- making ---- */

static void add_bytes(uint8_t *restrict to, const uint8_t *restrict from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] ^= from[i];
}

/* n pieces of parity, at most SOME_PARITY, one strip after the other. */
static void add_some(uint8_t *table, unsigned n_rows, uint8_t *const *data, uint8_t *const *parity, unsigned n)
{
	uint8_t sums[SOME_PARITY * STRIP_BYTES], *to[SOME_PARITY], *rows[CODEC_ROWS];

	for (unsigned p = 0; p < n; p++)
		to[p] = sums + (size_t)p * STRIP_BYTES;
	for (size_t at = 0; at < PARITY_PIECE_BYTES; at += STRIP_BYTES) {
		for (unsigned i = 0; i < n_rows; i++)
			rows[i] = data[i] + at;
		ec_encode_data(STRIP_BYTES, (int)n_rows, (int)n, table, rows, to);
		for (unsigned p = 0; p < n; p++)
			add_bytes(parity[p] + at, to[p], STRIP_BYTES);
	}
}

void codec_add(const struct parity_codec *c, unsigned first_row, unsigned n_rows, uint8_t *const *data,
	       uint8_t *const *parity)
{
	assert(first_row % CODEC_ROWS == 0 && first_row < c->k && n_rows == rows_from(c, first_row));
	for (unsigned p = 0; p < c->m; p += SOME_PARITY)
		add_some(*table_at(c, first_row, p), n_rows, data, parity + p, parity_from(c, p));
}

void codec_make(const struct parity_codec *c, unsigned piece, uint8_t *const *data, uint8_t *ret)
{
	uint8_t table[TABLE_BYTES * CODEC_ROWS];

	memset(ret, 0, PARITY_PIECE_BYTES);
	for (unsigned row = 0; row < c->k; row += CODEC_ROWS) {
		make_table(c, row, piece, 1, table);
		add_some(table, rows_from(c, row), data + row, &ret, 1);
	}
}

/* ---- restoring ---- */

/* What of a column is lost at one place, and what is used instead. */
struct loss {
	unsigned n;			    /* rows of data that are lost */
	unsigned lost[PARITY_CODEWORD_MAX]; /* their numbers */
	unsigned used[PARITY_CODEWORD_MAX]; /* as many parity pieces that are there */
	bool is_lost[PARITY_CODEWORD_MAX];  /* of data */
};

static int find_loss(const struct parity_codec *c, const uint32_t *lost, unsigned block, struct loss *ret)
{
	unsigned n_used = 0;

	memset(ret, 0, sizeof(*ret));
	for (unsigned j = 0; j < c->k; j++) {
		ret->is_lost[j] = lost[j] >> block & 1;
		if (ret->is_lost[j])
			ret->lost[ret->n++] = j;
	}
	for (unsigned p = 0; p < c->m && n_used < ret->n; p++)
		if (!(lost[c->k + p] >> block & 1))
			ret->used[n_used++] = p;
	return n_used < ret->n ? -EBADMSG : 0;
}

static bool same_loss(const struct parity_codec *c, const uint32_t *lost, unsigned a, unsigned b)
{
	for (unsigned i = 0; i < c->k + c->m; i++)
		if ((lost[i] >> a & 1) != (lost[i] >> b & 1))
			return false;
	return true;
}

/*
 * With the parity pieces that are used: parity = L * lost + G * good, so lost = L^-1 * (parity + G * good).  The rows
 * of the result stand for the lost pieces; its columns for the pieces of data, of which the lost ones stand for the
 * parity that is used instead.
 */
static int matrix_of(const struct parity_codec *c, const struct loss *l, uint8_t *ret)
{
	_free_ uint8_t *square = malloc((size_t)l->n * l->n), *inverse = malloc((size_t)l->n * l->n);

	if (!square || !inverse)
		return -ENOMEM;
	for (unsigned i = 0; i < l->n; i++)
		for (unsigned j = 0; j < l->n; j++)
			square[i * l->n + j] = c->coefficients[(size_t)l->used[i] * c->k + l->lost[j]];
	if (gf_invert_matrix(square, inverse, (int)l->n) < 0)
		return -EBADMSG; /* no such matrix has no inverse */
	for (unsigned i = 0; i < l->n; i++) {
		uint8_t *row = ret + (size_t)i * c->k;

		for (unsigned j = 0, nth = 0; j < c->k; j++) {
			row[j] = l->is_lost[j] ? inverse[i * l->n + nth++] : 0;
			for (unsigned q = 0; !l->is_lost[j] && q < l->n; q++)
				row[j] ^= gf_mul(inverse[i * l->n + q], c->coefficients[(size_t)l->used[q] * c->k + j]);
		}
	}
	return 0;
}

/* Blocks [from, to) of all pieces, of which the same are lost. */
static int restore_blocks(const struct parity_codec *c, uint8_t *const *pieces, const struct loss *l, unsigned from,
			  unsigned to)
{
	_free_ uint8_t *matrix = malloc((size_t)l->n * c->k), *tables = malloc((size_t)TABLE_BYTES * l->n * c->k),
		       *sums = malloc((size_t)l->n * STRIP_BYTES);
	uint8_t *in[PARITY_CODEWORD_MAX], *out[PARITY_CODEWORD_MAX];
	int r = matrix && tables && sums ? matrix_of(c, l, matrix) : -ENOMEM;

	if (r < 0)
		return r;
	ec_init_tables((int)c->k, (int)l->n, matrix, tables);
	for (size_t at = (size_t)from * SECTOR_BYTES; at < (size_t)to * SECTOR_BYTES; at += STRIP_BYTES) {
		for (unsigned j = 0, nth = 0; j < c->k; j++)
			in[j] = (l->is_lost[j] ? pieces[c->k + l->used[nth++]] : pieces[j]) + at;
		for (unsigned i = 0; i < l->n; i++)
			out[i] = sums + (size_t)i * STRIP_BYTES;
		ec_encode_data(STRIP_BYTES, (int)c->k, (int)l->n, tables, in, out);
		for (unsigned i = 0; i < l->n; i++)
			memcpy(pieces[l->lost[i]] + at, out[i], STRIP_BYTES);
	}
	return 0;
}

int codec_can_restore(const struct parity_codec *c, const uint32_t *lost)
{
	struct loss l;
	int r = 0;

	for (unsigned block = 0; block < PARITY_PIECE_SECTORS && !r; block++)
		r = find_loss(c, lost, block, &l);
	return r;
}

int codec_restore(const struct parity_codec *c, uint8_t *const *pieces, const uint32_t *lost)
{
	struct loss l;
	int r = codec_can_restore(c, lost);

	for (unsigned from = 0, to; from < PARITY_PIECE_SECTORS && !r; from = to) {
		for (to = from + 1; to < PARITY_PIECE_SECTORS && same_loss(c, lost, from, to); to++)
			;
		r = find_loss(c, lost, from, &l);
		if (!r && l.n)
			r = restore_blocks(c, pieces, &l, from, to);
	}
	return r;
}
