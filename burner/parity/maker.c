/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/parity/maker.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "burner/base/io.h"
#include "burner/parity/codec.h"
#include "burner/parity/crew.h"

/* Rows that were read, while the next ones are being read. */
struct batch {
	uint8_t *data; /* row after row, each of the group's columns */
	unsigned first_row, n_rows;
};

struct maker {
	const struct parity_header *header;
	const struct parity_shape *shape;
	const struct parity_source *source;
	int fd;
	uint64_t sectors, done; /* that are protected; that were read */
	uint8_t *tables;	/* header and first table of the file, mapped */
	size_t tables_bytes;
	struct parity_codec *codec;
	struct crew *crew;
	uint32_t room;			  /* columns of a group */
	uint32_t first_column, n_columns; /* of the group at hand */
	struct batch batches[2], *at_work;
	uint8_t *parity; /* piece after piece, each of the group's columns */
	uint8_t copy[PARITY_COPY_SECTORS * SECTOR_BYTES];
};

static void maker_release(struct maker *m)
{
	if (m->tables)
		munmap(m->tables, m->tables_bytes);
	crew_free(m->crew);
	parity_codec_free(m->codec);
	free(m->batches[0].data);
	free(m->batches[1].data);
	free(m->parity);
}

/* Where the digest of piece `number` of the table stands. */
static uint8_t *digest_slot(const struct maker *m, uint64_t number)
{
	return m->tables + (1 + number / PARITY_BLOCK_DIGESTS) * SECTOR_BYTES +
	       number % PARITY_BLOCK_DIGESTS * SHA256_BYTES;
}

static int maker_init(struct maker *m)
{
	const struct parity_shape *s = m->shape;
	size_t column = (size_t)PARITY_PIECE_BYTES * (2 * CODEC_ROWS + s->parity);
	int r = parity_codec_new(s->rows, s->parity, &m->codec);

	m->room = (uint32_t)min_u64(s->columns, MAKER_BYTES / column ? MAKER_BYTES / column : 1);
	for (unsigned i = 0; i < 2; i++)
		m->batches[i].data = malloc((size_t)m->room * CODEC_ROWS * PARITY_PIECE_BYTES);
	m->parity = malloc((size_t)m->room * s->parity * PARITY_PIECE_BYTES);
	if (r < 0 || !m->batches[0].data || !m->batches[1].data || !m->parity)
		return -ENOMEM;
	r = -posix_fallocate(m->fd, 0, (off_t)m->header->sectors * SECTOR_BYTES);
	if (r < 0)
		return r;
	m->tables_bytes = (size_t)(1 + parity_table_sectors(s)) * SECTOR_BYTES;
	m->tables = mmap(NULL, m->tables_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, m->fd, 0);
	if (m->tables == MAP_FAILED) {
		m->tables = NULL;
		return -errno;
	}
	return crew_new(&m->crew);
}

/* ---- one group of columns ---- */

/* Those of the blocks that stand a second time which are among n that were read. */
static void copy_descriptors(struct maker *m, uint64_t at, const uint8_t *buf, uint64_t n)
{
	uint64_t first = parity_copy_at(m->header);

	for (uint64_t i = max_u64(first, at); i < min_u64(first + PARITY_COPY_SECTORS, at + n); i++)
		memcpy(m->copy + (i - first) * SECTOR_BYTES, buf + (i - at) * SECTOR_BYTES, SECTOR_BYTES);
}

/* Of one row, the pieces in the group's columns. */
static int read_row(struct maker *m, unsigned row, uint8_t *buf)
{
	uint64_t at = ((uint64_t)row * m->shape->columns + m->first_column) * PARITY_PIECE_SECTORS;
	uint64_t all = (uint64_t)m->n_columns * PARITY_PIECE_SECTORS, n = at < m->sectors ? m->sectors - at : 0;
	int r = 0;

	n = min_u64(n, all);
	memset(buf + n * SECTOR_BYTES, 0, (size_t)(all - n) * SECTOR_BYTES);
	if (n)
		r = m->source->read(m->source->context, at, buf, (uint32_t)n);
	copy_descriptors(m, at, buf, n);
	m->done += n;
	if (!r && m->source->pace)
		r = m->source->pace(m->source->context, m->done);
	return r;
}

static int read_batch(struct maker *m, unsigned first_row, struct batch *ret)
{
	int r = 0;

	ret->first_row = first_row;
	ret->n_rows = (unsigned)min_u64(CODEC_ROWS, m->shape->rows - first_row);
	for (unsigned i = 0; i < ret->n_rows && !r; i++)
		r = read_row(m, first_row + i, ret->data + (size_t)i * m->n_columns * PARITY_PIECE_BYTES);
	return r;
}

static uint8_t *parity_piece(const struct maker *m, unsigned piece, uint32_t column)
{
	return m->parity + ((size_t)piece * m->n_columns + column) * PARITY_PIECE_BYTES;
}

/* One column of the batch at work: its sums, and its digests. */
static int add_column(void *context, uint32_t column)
{
	const struct maker *m = context;
	const struct batch *b = m->at_work;
	uint8_t *rows[CODEC_ROWS], *parity[PARITY_CODEWORD_MAX];
	int r = 0;

	for (unsigned i = 0; i < b->n_rows && !r; i++) {
		uint64_t piece = (uint64_t)(b->first_row + i) * m->shape->columns + m->first_column + column;

		rows[i] = b->data + ((size_t)i * m->n_columns + column) * PARITY_PIECE_BYTES;
		if (piece < m->shape->pieces)
			r = sha256_of(rows[i], PARITY_PIECE_BYTES, digest_slot(m, piece));
	}
	for (unsigned p = 0; p < m->shape->parity; p++)
		parity[p] = parity_piece(m, p, column);
	if (!r)
		codec_add(m->codec, b->first_row, b->n_rows, rows, parity);
	return r;
}

static int digest_parity(void *context, uint32_t column)
{
	const struct maker *m = context;
	int r = 0;

	for (unsigned p = 0; p < m->shape->parity && !r; p++)
		r = sha256_of(parity_piece(m, p, column), PARITY_PIECE_BYTES,
			      digest_slot(m, m->shape->pieces + (uint64_t)p * m->shape->columns + m->first_column +
						     column));
	return r;
}

static int write_parity(struct maker *m)
{
	uint64_t base = parity_data_lba(m->header) - m->header->lba;
	int r = 0;

	for (unsigned p = 0; p < m->shape->parity && !r; p++) {
		uint64_t piece = (uint64_t)p * m->shape->columns + m->first_column;

		r = pwrite_full(m->fd, parity_piece(m, p, 0), (size_t)m->n_columns * PARITY_PIECE_BYTES,
				(base + piece * PARITY_PIECE_SECTORS) * SECTOR_BYTES, NULL);
	}
	return r;
}

static int make_group(struct maker *m)
{
	unsigned turn = 0;
	int r = m->source->begin(m->source->context);

	memset(m->parity, 0, (size_t)m->n_columns * m->shape->parity * PARITY_PIECE_BYTES);
	for (unsigned row = 0; row < m->shape->rows && !r; row += CODEC_ROWS, turn ^= 1) {
		int working;

		r = read_batch(m, row, &m->batches[turn]);
		working = row ? crew_wait(m->crew) : 0; /* the batch before */
		if (!r)
			r = working;
		if (r)
			return r;
		m->at_work = &m->batches[turn];
		crew_begin(m->crew, add_column, m, m->n_columns);
	}
	if (r)
		return r;
	r = crew_wait(m->crew);
	if (r)
		return r;
	crew_begin(m->crew, digest_parity, m, m->n_columns);
	r = crew_wait(m->crew);
	return r ? r : write_parity(m);
}

/* ---- what stands around it ---- */

static int write_at(const struct maker *m, uint32_t lba, const void *buf, uint64_t n_sectors)
{
	return pwrite_full(m->fd, buf, (size_t)n_sectors * SECTOR_BYTES,
			   (uint64_t)(lba - m->header->lba) * SECTOR_BYTES, NULL);
}

static int write_tables(struct maker *m)
{
	const struct parity_header *h = m->header;
	uint64_t n = parity_table_sectors(m->shape);
	int r = 0;

	for (uint64_t i = 0; i < n && !r; i++)
		r = parity_digests_seal(h->uuid, (uint32_t)i, m->tables + (1 + i) * SECTOR_BYTES);
	if (!r)
		r = parity_header_encode(h, m->tables);
	if (!r)
		r = write_at(m, parity_table_lba(h, 1), m->tables + SECTOR_BYTES, n);
	if (!r)
		r = write_at(m, parity_copy_lba(h), m->copy, PARITY_COPY_SECTORS);
	return r ? r : write_at(m, parity_header_lba(h, 1), m->tables, 1);
}

int parity_make(const struct parity_header *header, const struct parity_source *source, int fd)
{
	_cleanup_(maker_release) struct maker m = {.header = header,
						   .shape = &header->shape,
						   .source = source,
						   .fd = fd,
						   .sectors = parity_protected_sectors(header)};
	int r = maker_init(&m);

	for (uint32_t column = 0; column < m.shape->columns && !r; column += m.room) {
		m.first_column = column;
		m.n_columns = (uint32_t)min_u64(m.room, m.shape->columns - column);
		r = make_group(&m);
	}
	return r ? r : write_tables(&m);
}
