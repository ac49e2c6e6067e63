/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * adopted.c - the adoption tables of a disc, as one
 *
 * Of a table its ranges are in memory, as far as they hold, and one proven piece of its session: the digests of 128
 * MiB, which a reader that goes on needs next.
 */
#include "cdappendfs/adopted.h"

#include <assert.h>
#include <stdlib.h>

#include "burner/base/grow.h"
#include "burner/base/own.h"
#include "burner/base/search.h"
#include "burner/format/adoption.h"
#include "burner/format/commit_record.h"

static_assert(ADOPTED_PIECE_SECTORS == ADOPTION_PIECE_SECTORS, "adopted.h does without the format");

/* A table. */
struct source {
	struct commit_record record;
	struct proof *proof;
	uint32_t piece; /* of its session, that is in bytes; UINT32_MAX: none */
	uint8_t *bytes;
};

struct run {
	uint32_t lba, sectors;
	uint32_t first; /* number of its first piece in its table */
	struct source *source;
};

struct adopted {
	struct disc *disc;
	uint32_t floor_lba;
	struct source **sources;
	size_t n_sources;
	struct run *runs; /* ascending, apart */
	size_t n_runs, room;
};

static uint64_t end_of(const struct run *r) { return (uint64_t)r->lba + r->sectors; }

int adopted_new(struct disc *d, uint32_t floor_lba, struct adopted **ret)
{
	struct adopted *a = calloc(1, sizeof(*a));

	if (!a)
		return -ENOMEM;
	a->disc = d;
	a->floor_lba = floor_lba;
	*ret = a;
	return 0;
}

static void source_free(struct source *s)
{
	if (!s)
		return;
	proof_free(s->proof);
	free(s->bytes);
	free(s);
}
DEFINE_FREEP(struct source, source_free)

void adopted_free(struct adopted *a)
{
	for (size_t i = 0; i < a->n_sources; i++)
		source_free(a->sources[i]);
	free(a->sources);
	free(a->runs);
	free(a);
}

/* ---- tables ---- */

static int source_new(struct disc *d, const struct commit_record *record, struct source **ret)
{
	_cleanup_(source_freep) struct source *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->record = *record;
	s->piece = UINT32_MAX;
	s->bytes = malloc((size_t)record->piece_sectors * SECTOR_BYTES);
	r = s->bytes ? proof_open(d, record, &s->proof) : -ENOMEM;
	if (!r)
		*ret = TAKE_PTR(s);
	return r;
}

/* A block of the session, proven. */
static int block_of(struct source *s, uint32_t lba, const uint8_t **ret)
{
	uint32_t at = lba - s->record.start_lba, piece = at / s->record.piece_sectors;
	int r = 0;

	if (s->piece != piece) {
		s->piece = UINT32_MAX;
		r = proof_read(s->proof, piece, s->bytes);
	}
	if (r)
		return r;
	s->piece = piece;
	*ret = s->bytes + (size_t)(at % s->record.piece_sectors) * SECTOR_BYTES;
	return 0;
}

static int read_header(struct source *s, struct adoption *ret)
{
	const struct commit_record *c = &s->record;
	const struct adoption_range *last;
	const uint8_t *block;
	int r = block_of(s, c->adoption_lba, &block);

	if (!r)
		r = adoption_decode(block, ret);
	if (r)
		return r == -ENODATA ? -EBADMSG : r;
	last = &ret->ranges[ret->n_ranges - 1];
	return ret->lba == c->adoption_lba && ret->sectors == c->adoption_sectors &&
			       memcmp(ret->uuid, c->uuid, sizeof(ret->uuid)) == 0 &&
			       (uint64_t)last->lba + last->sectors <= c->start_lba ?
		       0 :
		       -EBADMSG;
}

/* ---- runs ---- */

static bool ends_before(const void *list, size_t i, const void *lba)
{
	return end_of(&((const struct run *)list)[i]) <= *(const uint64_t *)lba;
}

static int add_run(struct adopted *a, struct run run)
{
	if (grow(&a->runs, &a->room, a->n_runs, sizeof(*a->runs)))
		return -ENOMEM;
	a->runs[a->n_runs++] = run;
	return 0;
}

/* The pieces of a range of which the first n runs have no block; they are added behind. */
static int add_range(struct adopted *a, size_t n, const struct adoption_range *range, uint32_t first,
		     struct source *source)
{
	uint64_t lo = range->lba, hi = lo + range->sectors, at = lo, to;
	int r = 0;

	if (lo < a->floor_lba)
		at = lo + round_up(a->floor_lba - lo, ADOPTED_PIECE_SECTORS);
	while (at < hi && !r) {
		size_t i = search_first(a->runs, n, &at, ends_before);
		const struct run *next = i < n && a->runs[i].lba < hi ? &a->runs[i] : NULL;
		uint64_t end = next ? end_of(next) : hi;

		to = next ? max_u64(next->lba, at) : hi;
		if (next)
			to -= (to - lo) % ADOPTED_PIECE_SECTORS;
		if (to > at)
			r = add_run(a, (struct run){(uint32_t)at, (uint32_t)(to - at),
						    first + (uint32_t)((at - lo) / ADOPTED_PIECE_SECTORS), source});
		at = lo + round_up(end - lo, ADOPTED_PIECE_SECTORS);
	}
	return r;
}

static int by_lba(const void *a, const void *b)
{
	const struct run *x = a, *y = b;

	return (x->lba > y->lba) - (x->lba < y->lba);
}

int adopted_add(struct adopted *a, const struct commit_record *record)
{
	_cleanup_(source_freep) struct source *s = NULL;
	struct source **grown;
	struct adoption header;
	uint32_t first = 0;
	size_t n = a->n_runs;
	int r;

	if (!commit_has_table(record) || !record->adoption_sectors)
		return 0;
	r = source_new(a->disc, record, &s);
	if (!r)
		r = read_header(s, &header);
	if (r)
		return r;
	grown = reallocarray(a->sources, a->n_sources + 1, sizeof(struct source *));
	if (!grown)
		return -ENOMEM;
	a->sources = grown;
	for (uint32_t i = 0; i < header.n_ranges && !r; i++) {
		r = add_range(a, n, &header.ranges[i], first, s);
		first += adoption_range_pieces(&header.ranges[i]);
	}
	if (r) {
		a->n_runs = n;
		return r;
	}
	a->sources[a->n_sources++] = TAKE_PTR(s);
	if (a->n_runs)
		qsort(a->runs, a->n_runs, sizeof(*a->runs), by_lba);
	return 0;
}

static const struct run *run_from(const struct adopted *a, uint64_t lba)
{
	size_t i = search_first(a->runs, a->n_runs, &lba, ends_before);

	return i < a->n_runs ? &a->runs[i] : NULL;
}

bool adopted_next(const struct adopted *a, uint32_t lba, struct adopted_run *ret)
{
	const struct run *r = run_from(a, lba);

	if (r)
		*ret = (struct adopted_run){r->lba, r->sectors, r->source->record.number};
	return r != NULL;
}

int adopted_digest(struct adopted *a, uint32_t lba, uint8_t ret[PROOF_DIGEST_BYTES], uint32_t *ret_lba,
		   uint32_t *ret_sectors)
{
	static const uint8_t unknown[PROOF_DIGEST_BYTES];
	const struct run *run = run_from(a, lba);
	const uint8_t *block;
	uint32_t inside, number;
	int r;

	if (!run || run->lba > lba)
		return -EINVAL;
	inside = (lba - run->lba) / ADOPTED_PIECE_SECTORS;
	number = run->first + inside;
	*ret_lba = run->lba + inside * ADOPTED_PIECE_SECTORS;
	*ret_sectors = (uint32_t)min_u64(ADOPTED_PIECE_SECTORS, end_of(run) - *ret_lba);
	r = block_of(run->source, run->source->record.adoption_lba + 1 + number / ADOPTION_BLOCK_DIGESTS, &block);
	if (r)
		return r;
	memcpy(ret, block + (size_t)(number % ADOPTION_BLOCK_DIGESTS) * SHA256_BYTES, SHA256_BYTES);
	return memcmp(ret, unknown, SHA256_BYTES) == 0 ? -ENODATA : 0;
}
