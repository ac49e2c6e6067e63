/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * survey.c - all of a parity area and of what it protects is read: what is lost, and what of that is beyond repair
 */
#include "burner/parity/crew.h"
#include "burner/parity/internal.h"

#include <stdlib.h>
#include <string.h>

#define RUN_PIECES 16u /* that are read at once */

/* Pieces that follow each other, read and hashed at once. */
struct run {
	uint8_t *buf;
	uint32_t first, n;
	uint32_t lost[RUN_PIECES];
	uint8_t digests[RUN_PIECES][SHA256_BYTES];
};

struct survey {
	struct parity *parity;
	struct parity_damage *damage;
	struct crew *crew;
	struct run runs[2], *hashed;
};

static void survey_release(struct survey *s)
{
	crew_free(s->crew);
	free(s->runs[0].buf);
	free(s->runs[1].buf);
}

static int hash_piece(void *context, uint32_t i)
{
	struct run *run = ((struct survey *)context)->hashed;

	return run->lost[i] ? 0 :
			      sha256_of(run->buf + (size_t)i * PARITY_PIECE_BYTES, PARITY_PIECE_BYTES, run->digests[i]);
}

/* At once if they lie together and can be read, else piece by piece. */
static int read_run(struct parity *p, struct run *run)
{
	const struct parity_shape *s = &p->header.shape;
	bool is_data = run->first < s->pieces;
	uint32_t sectors = run->n * PARITY_PIECE_SECTORS, following = sectors, lba;
	int r = -EIO;

	memset(run->lost, 0, sizeof(run->lost));
	lba = is_data ? parity_lba_of(&p->header, (uint64_t)run->first * PARITY_PIECE_SECTORS, &following) :
			parity_data_lba(&p->header) + (run->first - s->pieces) * PARITY_PIECE_SECTORS;
	if (following >= sectors)
		r = p->disc.read(p->disc.context, lba, run->buf, sectors);
	for (uint32_t i = 0; is_loss(r) && i < run->n; i++) {
		int one =
			parity_read_blocks(p, run->first + i, run->buf + (size_t)i * PARITY_PIECE_BYTES, &run->lost[i]);

		if (one < 0)
			return one;
		r = i + 1 == run->n ? 0 : r;
	}
	return r;
}

/* What was hashed is compared. */
static int judge_run(struct survey *s, const struct run *run)
{
	struct parity *p = s->parity;

	for (uint32_t i = 0; i < run->n; i++) {
		uint32_t number = run->first + i, in_block = number % PARITY_BLOCK_DIGESTS;
		int r = parity_fetch_digests(p, number / PARITY_BLOCK_DIGESTS);

		if (r < 0 && r != -EBADMSG)
			return r;
		s->damage->digestless += r < 0;
		p->survey[number] = run->lost[i];
		if (!r && !run->lost[i] &&
		    memcmp(p->digests + (size_t)in_block * SHA256_BYTES, run->digests[i], SHA256_BYTES) != 0)
			p->survey[number] = ALL_LOST;
		if (p->survey[number])
			*(number < p->header.shape.pieces ? &s->damage->n_lost : &s->damage->n_lost_parity) += 1;
	}
	return 0;
}

static int finish_run(struct survey *s, const struct run *run)
{
	int r = crew_wait(s->crew);

	return r ? r : judge_run(s, run);
}

/* Pieces [from, to): one run is hashed while the next is read. */
static int survey_pieces(struct survey *s, uint32_t from, uint32_t to,
			 int (*pace)(void *context, uint64_t done, uint64_t all), void *context)
{
	struct run *before = NULL, *run = &s->runs[0];
	int r = 0;

	for (; from < to && !r; from += run->n, before = run, run = run == s->runs ? s->runs + 1 : s->runs) {
		int finished;

		run->first = from;
		run->n = (uint32_t)min_u64(RUN_PIECES, to - from);
		r = pace ? pace(context, (uint64_t)from * PARITY_PIECE_SECTORS,
				(uint64_t)s->parity->n_pieces * PARITY_PIECE_SECTORS) :
			   0;
		if (!r)
			r = read_run(s->parity, run);
		finished = before ? finish_run(s, before) : 0;
		if (!r)
			r = finished;
		if (r)
			return r;
		s->hashed = run;
		crew_begin(s->crew, hash_piece, s, run->n);
	}
	return before && !r ? finish_run(s, before) : r;
}

/* Is block `at` of the copy of the descriptors what stands where they do? */
static int survey_copied(struct parity *p, uint32_t at, struct parity_damage *ret)
{
	uint8_t copy[SECTOR_BYTES], block[SECTOR_BYTES];
	uint64_t of = parity_copy_at(&p->header) + at;
	uint32_t following;
	int r = of < p->protected_sectors ? p->disc.read(p->disc.context, parity_copy_lba(&p->header) + at, copy, 1) :
					    0;

	if (is_loss(r))
		ret->headers = true;
	if (r || of >= p->protected_sectors || p->survey[of / PARITY_PIECE_SECTORS])
		return is_loss(r) ? 0 : r;
	r = p->disc.read(p->disc.context, parity_lba_of(&p->header, of, &following), block, 1);
	ret->headers |= !r && memcmp(copy, block, sizeof(copy)) != 0;
	return is_loss(r) ? 0 : r;
}

/* Both copies of what the area says of itself. */
static int survey_area(struct parity *p, struct parity_damage *ret)
{
	uint64_t n = parity_table_sectors(&p->header.shape);
	struct parity_header header;
	uint8_t block[SECTOR_BYTES];

	for (unsigned which = 0; which < 2; which++) {
		int r = parity_read_header(&p->disc, parity_header_lba(&p->header, which), &header);

		if (r < 0 && !is_loss(r))
			return r;
		ret->headers |= r < 0;
		for (uint64_t i = 0; i < n; i++) {
			r = p->disc.read(p->disc.context, parity_table_lba(&p->header, which) + (uint32_t)i, block, 1);
			if (!r)
				r = parity_digests_check(p->header.uuid, (uint32_t)i, block);
			if (r < 0 && !is_loss(r))
				return r;
			ret->tables |= r < 0;
		}
	}
	return 0;
}

static void column_of_survey(const struct parity *p, uint32_t column, uint32_t lost[PARITY_CODEWORD_MAX])
{
	const struct parity_shape *s = &p->header.shape;

	for (unsigned row = 0; row < s->rows; row++)
		lost[row] = data_number(p, row, column) < s->pieces ? p->survey[data_number(p, row, column)] : 0;
	for (unsigned i = 0; i < s->parity; i++)
		lost[s->rows + i] = p->survey[parity_number(p, i, column)];
}

bool parity_is_lost(const struct parity *p, uint32_t number) { return p->survey[number] != 0; }

bool parity_is_beyond(const struct parity *p, uint32_t number)
{
	uint32_t lost[PARITY_CODEWORD_MAX];

	if (!parity_is_lost(p, number))
		return false;
	if (number >= p->header.shape.pieces)
		number -= p->header.shape.pieces;
	column_of_survey(p, number % p->header.shape.columns, lost);
	return codec_can_restore(p->codec, lost) < 0;
}

int parity_survey(struct parity *p, int (*pace)(void *context, uint64_t done, uint64_t all), void *context,
		  struct parity_damage *ret)
{
	struct parity_damage damage = {0};
	_cleanup_(survey_release) struct survey s = {.parity = p, .damage = &damage};
	uint32_t n_data = p->header.shape.pieces;
	int r = crew_new(&s.crew);

	parity_forget(p);
	free(p->survey);
	p->survey = calloc(p->n_pieces, sizeof(*p->survey));
	for (unsigned i = 0; i < 2; i++)
		s.runs[i].buf = malloc((size_t)RUN_PIECES * PARITY_PIECE_BYTES);
	if (r < 0 || !p->survey || !s.runs[0].buf || !s.runs[1].buf)
		return -ENOMEM;
	r = survey_pieces(&s, 0, n_data, pace, context);
	if (!r)
		r = survey_area(p, &damage);
	for (uint32_t i = 0; i < PARITY_COPY_SECTORS && !r; i++)
		r = survey_copied(p, i, &damage);
	if (!r)
		r = survey_pieces(&s, n_data, p->n_pieces, pace, context);
	for (uint32_t i = 0; i < n_data && !r; i++)
		damage.n_beyond += parity_is_beyond(p, i);
	if (!r)
		*ret = damage;
	return r;
}
