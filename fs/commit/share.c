/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/commit/share.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cdappendfs/search.h"
#include "fs/commit/build.h"
#include "fs/commit/choose.h"
#include "fs/commit/compare.h"
#include "fs/commit/digest.h"

#define CANDIDATES_MAX 65536u	/* extents of the disc that are kept to be compared in order */
#define WHOLE_TRIES_MAX 64u	/* contents of one digest that are compared with a file, … */
#define PARTS_TRIES_MAX 16u	/* … and for parts of them */
#define FORMERS_MAX 16u		/* of one file; it may have many names */
#define SAME_TRIES_MAX 16u	/* staged files of one digest */
#define HEAD_END_SECTORS 32u
#define FOREIGN_FILES_MAX 4096u	/* foreign files of which a digest is made, … */
#define FOREIGN_FILES_DRIVE_MAX 128u	/* … and in a drive */

struct share {
	struct held_manifest *held;
	struct manifest *m;
	const struct share_options *options;
	struct comparison comparison;
	uint8_t *digest_buffer;
	size_t digest_space;
	struct numbers remembered;	/* node -> number in held->remapped */
};

static const struct extent *extents_of(const struct manifest *m, uint32_t node) { return m->extents + m->nodes[node].first_extent; }

/* Bytes that would be written. */
static uint64_t new_bytes(const struct manifest *m, uint32_t node)
{
	const struct extent *e = extents_of(m, node);
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < m->nodes[node].n_extents; i++)
		bytes += e[i].kind == EXTENT_DISC ? 0 : e[i].length;
	return bytes;
}

static bool has_content(const struct manifest *m, uint32_t node)
{
	return S_ISREG(m->nodes[node].mode) && m->nodes[node].n_extents && !zisofs_used(&m->nodes[node].zisofs);
}

/* ---- taking over what is equal ---- */

/* [from, to) of an extent, or of a run, to the list that begins at `first`. */
static int push_extent(struct share *s, uint32_t first, const struct extent *e, uint64_t from, uint64_t to, const struct equal_run *run)
{
	struct manifest *m = s->m;
	struct extent part = *e, *last;
	int result = build_grow(m->bulk, (void **)&m->extents, &s->held->extent_space, m->n_extents, sizeof(part));

	if (result || from == to)
		return result;
	part.offset = from;
	part.length = to - from;
	if (run)
		part = (struct extent){.offset = from, .length = to - from, .pos = run->pos + (from - run->offset), .kind = EXTENT_DISC};
	else if (part.kind != EXTENT_HOLE)
		part.pos += from - e->offset;
	last = m->n_extents > first ? &m->extents[m->n_extents - 1] : NULL;
	if (last && last->kind == part.kind && last->body == part.body && (part.kind == EXTENT_HOLE || last->pos + last->length == part.pos))
		last->length += part.length;
	else
		m->extents[m->n_extents++] = part;
	return 0;
}

/* The node's extents with the runs in them, behind all others. */
static int overlay(struct share *s, uint32_t node, const struct equal_runs *runs)
{
	struct manifest_node *n = &s->m->nodes[node];
	uint32_t first = s->m->n_extents;
	size_t at = 0;
	int result = 0;

	for (uint32_t i = 0; i < n->n_extents && !result; i++) {
		struct extent e = s->m->extents[n->first_extent + i];
		uint64_t done = e.offset, end = e.offset + e.length;

		for (; at < runs->n && runs->list[at].offset < end && !result; at++) {
			const struct equal_run *run = &runs->list[at];
			uint64_t from = max_u64(run->offset, e.offset), to = min_u64(run->offset + run->length, end);

			result = push_extent(s, first, &e, done, from, NULL);
			if (!result)
				result = push_extent(s, first, &e, from, to, run);
			done = to;
			if (run->offset + run->length > end)
				break;
		}
		if (!result)
			result = push_extent(s, first, &e, done, end, NULL);
	}
	if (result)
		return result;
	n->first_extent = first;
	n->n_extents = s->m->n_extents - first;
	return 0;
}

/* Notes what the tree has, before the node gets other extents. */
static int remember(struct share *s, uint32_t node)
{
	struct held_manifest *held = s->held;
	const struct manifest_node *n = &s->m->nodes[node];
	int result;

	if (numbers_first(&s->remembered, node) != NUMBERS_NONE)
		return 0;
	result = build_grow(s->m->bulk, (void **)&held->remapped, &held->remapped_space, held->n_remapped, sizeof(*held->remapped));
	if (!result)
		result = numbers_add(&s->remembered, node, held->n_remapped);
	if (!result)
		held->remapped[held->n_remapped++] = (struct remapped){node, n->first_extent, n->n_extents};
	return result;
}

enum want { WANT_PARTS, WANT_PARTS_OF_OTHER, WANT_WHOLE };

/* The node gets what is equal in `old`. */
static int take_equal(struct share *s, uint32_t node, const struct extent *old, uint32_t n, enum want want)
{
	_cleanup_(equal_runs_release) struct equal_runs runs = {.list = NULL};
	int result = compare_node(&s->comparison, node, old, n, want == WANT_WHOLE, &runs);
	bool whole = !result && choose_whole(s->m, node, &runs);

	if (result || (want == WANT_WHOLE && !whole))
		return result;
	if (want == WANT_PARTS_OF_OTHER && !whole)
		choose_not_first_block(&runs);
	if (!whole)
		result = choose_parts(s->m, node, &runs);
	if (result || !runs.n)
		return result;
	result = remember(s, node);
	if (!result)
		result = overlay(s, node, &runs);
	if (!result)
		s->held->found_bytes += runs.bytes;
	return result;
}

/* ---- what the file was before ---- */

static int share_former(struct share *s, const struct former *f)
{
	const struct extent *old = s->held->former_extents + f->first;

	if (!new_bytes(s->m, f->node) || (s->options->drive && !compare_promises(&s->comparison, f->node, old, f->n)))
		return 0;
	return take_equal(s, f->node, old, f->n, WANT_PARTS);
}

/* Names of one file often cover names of one other: it is looked at once. */
static bool same_former(const struct held_manifest *held, const struct former *a, const struct former *b)
{
	return a->node == b->node && a->n == b->n &&
		memcmp(held->former_extents + a->first, held->former_extents + b->first, a->n * sizeof(struct extent)) == 0;
}

static int share_formers(struct share *s)
{
	const struct held_manifest *held = s->held;
	_bulk_ uint8_t *tries = bulk_zalloc(s->m->bulk, s->m->n_nodes, 1);
	int result = 0;

	if (!tries)
		return -ENOMEM;
	for (uint32_t i = 0; i < held->n_formers; i++) {
		s->comparison.all_bytes += tries[held->formers[i].node] ? 0 : new_bytes(s->m, held->formers[i].node);
		tries[held->formers[i].node] = 1;
	}
	memset(tries, 0, s->m->n_nodes);
	for (uint32_t i = 0; i < held->n_formers && !result; i++) {
		const struct former *f = &held->formers[i];

		if ((i && same_former(held, f - 1, f)) || tries[f->node] == FORMERS_MAX)
			continue;
		tries[f->node]++;
		result = share_former(s, f);
	}
	return result;
}

/* ---- other files ---- */

static int add_digest(struct share *s, uint32_t node)
{
	struct manifest *m = s->m;
	int result = build_grow(m->bulk, (void **)&m->digests, &s->digest_space, m->n_digests, sizeof(*m->digests));

	if (result)
		return result;
	m->digests[m->n_digests].node = node;
	result = content_digest(m, node, s->digest_buffer, m->digests[m->n_digests].digest);
	/* What cannot be read shares nothing; the burn says so where it matters. */
	if (result)
		return result == -ENOMEM ? result : 0;
	m->n_digests++;
	return 0;
}

static bool is_cancelled(const struct share *s)
{
	const struct burn_progress *p = s->options->progress;

	return p && p->cancelled && p->cancelled(p->context);
}

/* Is a digest made of the node?  In a drive only when none of it is on the disc. */
static bool is_wanted(const struct share *s, uint32_t node)
{
	uint64_t bytes = has_content(s->m, node) ? new_bytes(s->m, node) : 0;

	return bytes && (!s->options->drive || bytes == s->m->nodes[node].size);
}

static int make_digests(struct share *s)
{
	int result = 0;

	for (uint32_t i = 0; i < s->m->n_nodes && !result; i++) {
		bulk_pace(s->m->bulk, 1);
		if (!is_wanted(s, i))
			continue;
		result = is_cancelled(s) ? -ECANCELED : add_digest(s, i);
	}
	if (s->m->n_digests)
		bulk_sort(s->m->bulk, s->m->digests, s->m->n_digests, sizeof(*s->m->digests), digest_compare);
	return result;
}

/* What the tables have of some digests; compared in the order of the disc, which a drive reads in one sweep. */
struct candidate { uint64_t pos; uint32_t digest, first, n; };	/* first, n: in `extents` */
struct candidates {
	struct share *share;
	const struct manifest_digest *digests;
	enum want want;
	uint8_t *tries, tries_max;	/* for each digest, candidates so far */
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

static int take_candidates(struct candidates *c)
{
	int result = 0;

	if (c->n)
		qsort(c->list, c->n, sizeof(*c->list), compare_candidates);
	for (uint32_t i = 0; i < c->n && !result; i++) {
		const struct candidate *at = &c->list[i];
		uint32_t node = c->digests[at->digest].node;

		if (new_bytes(c->share->m, node))
			result = take_equal(c->share, node, c->extents + at->first, at->n, c->want);
	}
	c->n = c->n_extents = 0;
	return result;
}

static int add_candidate(void *context, uint32_t i, const struct content_entry *e, const struct extent *extents)
{
	struct candidates *c = context;
	const struct manifest *m = c->share->m;
	struct candidate candidate = {extents->pos, i, c->n_extents, e->n_runs};
	int result;

	if (e->size != m->nodes[c->digests[i].node].size || !new_bytes(m, c->digests[i].node) || c->tries[i] == c->tries_max)
		return 0;
	c->tries[i]++;
	result = build_grow(m->bulk, (void **)&c->list, &c->space, c->n, sizeof(*c->list));
	for (uint32_t j = 0; j < e->n_runs && !result; j++) {
		result = build_grow(m->bulk, (void **)&c->extents, &c->extent_space, c->n_extents, sizeof(*extents));
		if (!result)
			c->extents[c->n_extents++] = extents[j];
	}
	if (result)
		return result;
	c->list[c->n++] = candidate;
	return c->n_extents < CANDIDATES_MAX ? 0 : take_candidates(c);
}

static int find_candidates(struct candidates *c, struct digest_query *q)
{
	int result;

	q->digests = c->digests;
	q->found = add_candidate;
	q->context = c;
	result = digest_find(c->share->held->disc, q);
	return result ? result : take_candidates(c);
}

/* First those that are equal; of what is left, those that are alike. */
static int share_known(struct share *s)
{
	const struct manifest *m = s->m;
	_bulk_ uint8_t *tries = bulk_zalloc(m->bulk, (size_t)m->n_digests + 1, 1);
	_bulk_ struct manifest_digest *alike = NULL;
	_cleanup_(candidates_release) struct candidates c = {.share = s, .digests = m->digests, .want = WANT_WHOLE, .tries = tries, .tries_max = WHOLE_TRIES_MAX};
	struct digest_query q = {.n = m->n_digests, .disc_sectors = s->comparison.end_pos / SECTOR_BYTES, .progress = s->options->progress};
	int result;

	if (!tries)
		return -ENOMEM;
	if (!q.n)
		return 0;
	result = find_candidates(&c, &q);
	if (result || !(alike = bulk_zalloc(m->bulk, m->n_digests, sizeof(*alike))))
		return result ? result : -ENOMEM;
	q.n = 0;
	for (uint32_t i = 0; i < m->n_digests; i++) {
		if (tries[i] && new_bytes(m, m->digests[i].node))
			alike[q.n++] = m->digests[i];
		bulk_pace(m->bulk, tries[i] ? BULK_ANYWHERE : 1);
	}
	memset(tries, 0, m->n_digests);
	c.digests = alike;
	c.want = WANT_PARTS_OF_OTHER;
	c.tries_max = PARTS_TRIES_MAX;
	return q.n ? find_candidates(&c, &q) : 0;
}

/* ---- files of the tree that no content table knows ---- */

static bool size_before(const void *list, size_t i, const void *key) { return ((const uint64_t *)list)[i] < *(const uint64_t *)key; }

static int compare_numbers(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* What is looked for: of the first n digests those that are still to be written, and their sizes. */
struct foreign {
	const uint64_t *sizes;
	const struct disc_session *sessions;
	size_t n_sizes, n_sessions, n_open;
	uint8_t *tries;			/* for each digest */
	uint32_t n;
};

/* Sizes of files still to be written, ascending; taken in the order of the nodes, which lie so. */
static size_t wanted_sizes(const struct share *s, uint64_t *ret)
{
	const struct manifest *m = s->m;
	size_t n = 0;

	for (uint32_t i = 0; i < m->n_nodes && n < m->n_digests; i++) {
		if (is_wanted(s, i))
			ret[n++] = m->nodes[i].size;
		bulk_pace(m->bulk, 1);
	}
	bulk_sort(m->bulk, ret, n, sizeof(*ret), compare_numbers);
	return n;
}

static bool in_our_session(const struct disc_session *sessions, size_t n, uint64_t pos)
{
	for (size_t i = 0; i < n; i++)
		if (sessions[i].ours && pos / SECTOR_BYTES >= sessions[i].start_lba && pos / SECTOR_BYTES - sessions[i].start_lba < sessions[i].sectors)
			return true;
	return false;
}

static bool digest_before(const void *list, size_t i, const void *key)
{
	return memcmp(((const struct manifest_digest *)list)[i].digest, key, CONTENT_DIGEST_BYTES) < 0;
}

/* Whoever of the first `n` has that digest and is still to be written takes the content of `node`. */
static int offer(struct share *s, struct foreign *f, uint32_t node, const uint8_t digest[CONTENT_DIGEST_BYTES])
{
	const struct manifest *m = s->m;
	int result = 0;

	for (size_t i = search_first(m->digests, f->n, digest, digest_before); i < f->n && !result; i++) {
		uint32_t wanting = m->digests[i].node, n = m->nodes[node].n_extents;
		_free_ struct extent *old = NULL;

		if (memcmp(m->digests[i].digest, digest, CONTENT_DIGEST_BYTES) != 0)
			break;
		if (f->tries[i] == WHOLE_TRIES_MAX || !new_bytes(m, wanting) || m->nodes[wanting].size != m->nodes[node].size)
			continue;
		old = calloc(n, sizeof(*old));	/* the array of extents may move */
		if (!old)
			return -ENOMEM;
		memcpy(old, extents_of(m, node), n * sizeof(*old));
		f->tries[i]++;
		result = take_equal(s, wanting, old, n, WANT_WHOLE);
		f->n_open -= !new_bytes(m, wanting);
	}
	return result;
}

static int look_at_foreign(struct share *s, struct foreign *f)
{
	struct manifest *m = s->m;
	uint32_t left = s->options->drive ? FOREIGN_FILES_DRIVE_MAX : FOREIGN_FILES_MAX;
	int result = 0;

	for (uint32_t i = 0; i < m->n_nodes && left && f->n_open && !result; i++) {
		uint64_t size = m->nodes[i].size;
		size_t at = has_content(m, i) && !new_bytes(m, i) ? search_first(f->sizes, f->n_sizes, &size, size_before) : f->n_sizes;
		uint32_t n = m->n_digests;

		bulk_pace(m->bulk, 1);
		if (at == f->n_sizes || f->sizes[at] != size || in_our_session(f->sessions, f->n_sessions, extents_of(m, i)->pos))
			continue;
		left--;
		result = is_cancelled(s) ? -ECANCELED : add_digest(s, i);
		if (!result && m->n_digests > n)
			result = offer(s, f, i, m->digests[n].digest);
	}
	return result;
}

/* Their digests come behind those of the files to be written. */
static int share_foreign(struct share *s)
{
	uint32_t n = s->m->n_digests;
	_free_ struct disc_session *sessions = NULL;
	_bulk_ uint64_t *sizes = bulk_zalloc(s->m->bulk, (size_t)n + 1, sizeof(*sizes));
	_bulk_ uint8_t *tries = bulk_zalloc(s->m->bulk, (size_t)n + 1, 1);
	struct foreign f = {.n = n, .sizes = sizes, .tries = tries};

	if (!sizes || !tries)
		return -ENOMEM;
	f.n_sizes = wanted_sizes(s, sizes);
	f.n_open = f.n_sizes;
	if (!f.n_sizes || disc_sessions(s->held->disc, &sessions, &f.n_sessions))
		return 0;
	f.sessions = sessions;
	return look_at_foreign(s, &f);
}

#define SECTOR_ENTRIES (SECTOR_BYTES / CONTENTS_ENTRY_BYTES)

/*
 * Digests [from, to) are of files that are on the disc already: as many as there is room for in the table of `from` files, which the bound counts.
 * With the header and the runs in units of an entry.
 */
static void keep_known(struct manifest *m, uint32_t from, uint32_t to)
{
	uint64_t room = round_up(1 + (uint64_t)from, SECTOR_ENTRIES), taken = 1 + (uint64_t)m->n_digests;

	for (uint32_t i = from; i < to; i++) {
		uint32_t pieces = m->nodes[m->digests[i].node].n_extents;
		uint64_t more = 1 + (pieces > 1 ? sectors_of((uint64_t)pieces * CONTENTS_RUN_BYTES * SECTOR_ENTRIES) : 0);

		if (taken + more > room)
			continue;
		taken += more;
		m->digests[m->n_digests++] = m->digests[i];
	}
	if (m->n_digests)
		bulk_sort(m->bulk, m->digests, m->n_digests, sizeof(*m->digests), digest_compare);
}

/* ---- staged twice ---- */

static int take_same(struct share *s, uint32_t owner, uint32_t node)
{
	struct manifest_node *nodes = s->m->nodes;
	int same = nodes[owner].size == nodes[node].size ? compare_nodes(&s->comparison, owner, node) : 0;
	uint64_t bytes = new_bytes(s->m, node);

	if (same <= 0)
		return same;
	same = remember(s, node);
	if (same)
		return same;
	nodes[node].first_extent = nodes[owner].first_extent;
	nodes[node].n_extents = nodes[owner].n_extents;
	s->held->found_bytes += bytes;
	return 1;
}

/* Among those before it with its digest, that are kept. */
static int take_same_of(struct share *s, uint32_t kept, const struct manifest_digest *d)
{
	const struct manifest_digest *digests = s->m->digests;
	int result = 0;

	for (uint32_t i = kept; result == 0 && i && kept - i < SAME_TRIES_MAX; i--) {
		if (memcmp(digests[i - 1].digest, d->digest, CONTENT_DIGEST_BYTES) != 0)
			break;
		result = take_same(s, digests[i - 1].node, d->node);
	}
	return result;
}

/* Leaves one digest of each content that is written: the others lie elsewhere. */
static int share_staged(struct share *s, uint32_t n_wanted)
{
	struct manifest *m = s->m;
	bool some_found = s->held->found_bytes;		/* else all are still to be written */
	uint32_t kept = 0, n_known = m->n_digests;
	int result = 0;

	for (uint32_t i = 0; i < n_wanted && result >= 0; i++) {
		struct manifest_digest d = m->digests[i];

		bulk_pace(m->bulk, some_found ? BULK_ANYWHERE : 1);
		if (some_found && !new_bytes(m, d.node))
			continue;
		result = take_same_of(s, kept, &d);
		if (result == 0)
			m->digests[kept++] = d;
	}
	m->n_digests = kept;
	if (result >= 0)
		keep_known(m, n_wanted, n_known);
	return result < 0 ? result : 0;
}

/* ---- the whole ---- */

static int compare_remapped(const void *a, const void *b)
{
	const struct remapped *x = a, *y = b;

	return x->node < y->node ? -1 : x->node > y->node;
}

/* Where extents of the disc may lie: below the end of the newest session, and not in the head, which is written again. */
static void set_bounds(struct share *s)
{
	struct disc_state state;

	if (disc_state(s->held->disc, &state))
		return;
	s->comparison.first_pos = state.overwritable ? HEAD_END_SECTORS * SECTOR_BYTES : 0;
	s->comparison.end_pos = state.used_sectors * SECTOR_BYTES;
}

/* Digests first: they are made of what is staged as long as nothing of it is found on the disc, where reading may cost seeks. */
static int share_all(struct share *s)
{
	int result = make_digests(s);
	uint32_t n_wanted = s->m->n_digests;

	set_bounds(s);
	if (!result)
		result = share_formers(s);
	if (!result)
		result = share_known(s);
	if (!result)
		result = share_foreign(s);
	return result ? result : share_staged(s, n_wanted);
}

int manifest_share(struct manifest *m, const struct share_options *o)
{
	struct held_manifest *held = (struct held_manifest *)(void *)m;
	_free_ uint8_t *buffer = malloc(2 * (size_t)COMPARE_BYTES + CONTENT_WHOLE_BYTES);
	struct share s = {.held = held, .m = m, .options = o, .comparison = {.held = held, .progress = o->progress}};
	int result = -ENOMEM;

	if (buffer) {
		s.comparison.buffers[0] = buffer;
		s.comparison.buffers[1] = buffer + COMPARE_BYTES;
		s.digest_buffer = buffer + 2 * (size_t)COMPARE_BYTES;
		result = share_all(&s);
	}
	if (result)
		m->n_digests = 0;
	if (held->n_remapped)
		bulk_sort(m->bulk, held->remapped, held->n_remapped, sizeof(*held->remapped), compare_remapped);
	numbers_release(&s.remembered);
	return result;
}

uint64_t manifest_found_bytes(const struct manifest *m) { return ((const struct held_manifest *)(const void *)m)->found_bytes; }
