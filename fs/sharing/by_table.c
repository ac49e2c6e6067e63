/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * by_table.c - staged content that a session of ours wrote before, by the content tables of the disc
 */
#include "fs/sharing/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/own.h"
#include "fs/sharing/choose.h"
#include "fs/sharing/table_lookup.h"

#define CANDIDATES_MAX 65536u /* extents of the disc that are kept to be compared in order */

/* What the tables have of some digests; compared in the order of the disc, which a drive reads in one sweep. */
struct candidate {
	uint64_t pos;
	uint32_t digest, first, n; /* first, n: in `extents` */
	bool taken;		   /* another file of the tree has its first block */
};
struct candidates {
	struct share *share;
	const struct manifest_digest *digests;
	enum want want;
	uint8_t *tries, tries_max; /* for each digest, candidates so far */
	struct candidate *list;
	struct extent *extents;
	uint32_t n, n_extents;
	size_t space, extent_space;
};

static void candidates_release(struct candidates *c)
{
	bulk_free(c->list);
	bulk_free(c->extents);
}

static int compare_candidates(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	if (x->pos != y->pos)
		return x->pos < y->pos ? -1 : 1;
	return x->first < y->first ? -1 : x->first > y->first;
}

static bool same_extents(const struct extent *a, uint32_t n, const struct manifest *m, uint32_t node)
{
	const struct extent *b = share_extents(m, node);

	if (m->nodes[node].n_extents != n)
		return false;
	for (uint32_t i = 0; i < n; i++)
		if (a[i].pos != b[i].pos || a[i].length != b[i].length)
			return false;
	return true;
}

/*
 * A file of the tree that begins with the block of a candidate and is another content keeps that block
 * (burner/session/sections.c): who took the candidate would be written whole.  There may be another one.
 */
static int leave_out_taken(struct candidates *c)
{
	const struct manifest *m = c->share->m;
	_cleanup_(numbers_release) struct numbers places = {0};
	int r = 0;

	for (uint32_t i = 0; i < c->n && !r; i++)
		r = numbers_add(&places, c->list[i].pos, i);
	for (uint32_t node = 0; node < m->n_nodes && !r; node++) {
		size_t cursor = 0;
		uint32_t i;

		bulk_pace(m->bulk, 1);
		if (!share_has_content(m, node) || !m->nodes[node].as_burned)
			continue;
		while ((i = numbers_next(&places, share_extents(m, node)->pos, &cursor)) != NUMBERS_NONE)
			if (!same_extents(c->extents + c->list[i].first, c->list[i].n, m, node))
				c->list[i].taken = true;
	}
	return r;
}

static int take_candidates(struct candidates *c)
{
	int r = c->n && c->want == WANT_WHOLE && c->share->options->pieces.share == SHARE_AUTO ? leave_out_taken(c) : 0;

	/* Of alike ones the newest come first, as they were found: what is taken of one leaves less room for sections
	 * of the next. */
	if (c->n && c->want == WANT_WHOLE)
		bulk_sort(c->share->m->bulk, c->list, c->n, sizeof(*c->list), compare_candidates);
	for (uint32_t i = 0; i < c->n && !r; i++) {
		const struct candidate *at = &c->list[i];
		uint32_t node = c->digests[at->digest].node;

		if (!at->taken && share_new_bytes(c->share->m, node))
			r = share_take(c->share, node, c->extents + at->first, at->n, c->want);
	}
	c->n = c->n_extents = 0;
	return r;
}

static int add_candidate(void *context, uint32_t i, const struct content_entry *e, const struct extent *extents)
{
	struct candidates *c = context;
	const struct manifest *m = c->share->m;
	struct candidate candidate = {extents->pos, i, c->n_extents, e->n_runs, false};
	int r;

	if (e->size != m->nodes[c->digests[i].node].size || !share_new_bytes(m, c->digests[i].node) ||
	    c->tries[i] == c->tries_max)
		return 0;
	c->tries[i]++;
	r = bulk_grow(m->bulk, (void **)&c->list, &c->space, c->n, sizeof(*c->list));
	for (uint32_t j = 0; j < e->n_runs && !r; j++) {
		r = bulk_grow(m->bulk, (void **)&c->extents, &c->extent_space, c->n_extents, sizeof(*extents));
		if (!r)
			c->extents[c->n_extents++] = extents[j];
	}
	if (r)
		return r;
	c->list[c->n++] = candidate;
	return c->n_extents < CANDIDATES_MAX ? 0 : take_candidates(c);
}

static int find_candidates(struct candidates *c, struct digest_query *q)
{
	int r;

	q->digests = c->digests;
	q->found = add_candidate;
	q->context = c;
	r = digest_find(c->share->held->disc, q);
	return r ? r : take_candidates(c);
}

int share_known(struct share *s)
{
	const struct manifest *m = s->m;
	_bulk_ uint8_t *tries = bulk_zalloc(m->bulk, (size_t)m->n_digests + 1, 1);
	_bulk_ struct manifest_digest *alike = NULL;
	_cleanup_(candidates_release) struct candidates c = {
		.share = s, .digests = m->digests, .want = WANT_WHOLE, .tries = tries, .tries_max = WHOLE_TRIES_MAX};
	struct digest_query q = {.kind = s->kind,
				 .n = m->n_digests,
				 .disc_sectors = s->comparison.end_pos / SECTOR_BYTES,
				 .progress = s->options->progress};
	int r;

	if (!tries)
		return -ENOMEM;
	if (!q.n)
		return 0;
	r = find_candidates(&c, &q);
	s->other_kinds = q.others;
	if (r || !(alike = bulk_zalloc(m->bulk, m->n_digests, sizeof(*alike))))
		return r ? r : -ENOMEM;
	q.n = 0;
	for (uint32_t i = 0; i < m->n_digests; i++) {
		uint32_t node = m->digests[i].node;

		if (tries[i] && share_new_bytes(m, node) &&
		    choose_may_pay(m, node, m->nodes[node].size, &s->options->pieces))
			alike[q.n++] = m->digests[i];
		bulk_pace(m->bulk, tries[i] ? BULK_ANYWHERE : 1);
	}
	memset(tries, 0, m->n_digests);
	c.digests = alike;
	c.want = WANT_PARTS_OF_OTHER;
	c.tries_max = PARTS_TRIES_MAX;
	return q.n ? find_candidates(&c, &q) : 0;
}
