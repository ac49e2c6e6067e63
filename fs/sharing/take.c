/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * take.c - files of the manifest get extents of the disc for what is equal there
 */
#include "fs/sharing/internal.h"

#include "burner/base/bytes.h"
#include "fs/sharing/choose.h"

uint64_t share_new_bytes(const struct manifest *m, uint32_t node)
{
	const struct extent *e = share_extents(m, node);
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < m->nodes[node].n_extents; i++)
		bytes += e[i].kind == EXTENT_DISC ? 0 : e[i].length;
	return bytes;
}

/* [from, to) of an extent, or of a run, to the list that begins at `first`. */
static int push_extent(struct share *s, uint32_t first, const struct extent *e, uint64_t from, uint64_t to,
		       const struct equal_run *run)
{
	struct manifest *m = s->m;
	struct extent part = *e, *last;
	int r = bulk_grow(m->bulk, (void **)&m->extents, &s->held->extent_space, m->n_extents, sizeof(part));

	if (r || from == to)
		return r;
	part.offset = from;
	part.length = to - from;
	if (run)
		part = (struct extent){.offset = from,
				       .length = to - from,
				       .pos = run->pos + (from - run->offset),
				       .kind = EXTENT_DISC};
	else if (part.kind != EXTENT_HOLE)
		part.pos += from - e->offset;
	last = m->n_extents > first ? &m->extents[m->n_extents - 1] : NULL;
	if (last && last->kind == part.kind && last->body == part.body &&
	    (part.kind == EXTENT_HOLE || last->pos + last->length == part.pos))
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
	int r = 0;

	for (uint32_t i = 0; i < n->n_extents && !r; i++) {
		struct extent e = s->m->extents[n->first_extent + i];
		uint64_t done = e.offset, end = e.offset + e.length;

		for (; at < runs->n && runs->list[at].offset < end && !r; at++) {
			const struct equal_run *run = &runs->list[at];
			uint64_t from = max_u64(run->offset, e.offset), to = min_u64(run->offset + run->length, end);

			r = push_extent(s, first, &e, done, from, NULL);
			if (!r)
				r = push_extent(s, first, &e, from, to, run);
			done = to;
			if (run->offset + run->length > end)
				break;
		}
		if (!r)
			r = push_extent(s, first, &e, done, end, NULL);
	}
	if (r)
		return r;
	n->first_extent = first;
	n->n_extents = s->m->n_extents - first;
	return 0;
}

int share_remember(struct share *s, uint32_t node)
{
	struct held_manifest *held = s->held;
	const struct manifest_node *n = &s->m->nodes[node];
	int r;

	if (numbers_first(&s->remembered, node) != NUMBERS_NONE)
		return 0;
	r = bulk_grow(s->m->bulk, (void **)&held->remapped, &held->remapped_space, held->n_remapped,
		      sizeof(*held->remapped));
	if (!r)
		r = numbers_add(&s->remembered, node, held->n_remapped);
	if (!r)
		held->remapped[held->n_remapped++] = (struct remapped){node, n->first_extent, n->n_extents};
	return r;
}

void share_as_staged(const struct share *s, uint32_t node)
{
	uint32_t number = numbers_first(&s->remembered, node);

	if (number != NUMBERS_NONE) {
		s->m->nodes[node].first_extent = s->held->remapped[number].first;
		s->m->nodes[node].n_extents = s->held->remapped[number].n;
	}
}

/* The node gets these runs. */
static int take_runs(struct share *s, uint32_t node, const struct equal_runs *runs)
{
	uint64_t left = share_new_bytes(s->m, node);
	int r = share_remember(s, node);

	if (!r)
		r = overlay(s, node, runs);
	if (!r)
		s->held->found_bytes += left - share_new_bytes(s->m, node);
	return r;
}

/* All of the node, also of what was found elsewhere before, or nothing. */
static int take_whole(struct share *s, uint32_t node, const struct extent *old, uint32_t n)
{
	_cleanup_(equal_runs_release) struct equal_runs runs = {.list = NULL};
	struct manifest_node *at = &s->m->nodes[node];
	const struct manifest_node now = *at;
	uint64_t found = s->held->found_bytes, left = share_new_bytes(s->m, node);
	int r;

	share_as_staged(s, node);
	r = compare_node(&s->comparison, node, old, n, true, &runs);
	if (!r && choose_whole(s->m, node, &runs, &s->options->pieces)) {
		r = take_runs(s, node, &runs);
		s->held->found_bytes = found + (r ? 0 : left);
	} else {
		*at = now;
	}
	return r;
}

static int take_parts(struct share *s, uint32_t node, const struct extent *old, uint32_t n, enum want want)
{
	_cleanup_(equal_runs_release) struct equal_runs runs = {.list = NULL};
	int r = compare_node(&s->comparison, node, old, n, false, &runs);
	bool whole = !r && choose_whole(s->m, node, &runs, &s->options->pieces);

	if (!r && !whole) {
		if (want == WANT_PARTS_OF_OTHER)
			choose_not_first_block(&runs);
		r = choose_parts(s->m, node, &runs);
	}
	return r || !runs.n ? r : take_runs(s, node, &runs);
}

static uint64_t bytes_of(const struct extent *e, uint32_t n) { return n ? e[n - 1].offset + e[n - 1].length : 0; }

/* What has not changed stays as it is, in however many sections. */
static int take_unchanged(struct share *s, uint32_t node, const struct extent *old, uint32_t n, bool *ret_taken)
{
	static const struct pieces_rule any = {.share = SHARE_BLOCKS};
	_cleanup_(equal_runs_release) struct equal_runs runs = {.list = NULL};
	int r = compare_node(&s->comparison, node, old, n, true, &runs);

	*ret_taken = !r && choose_whole(s->m, node, &runs, &any);
	if (*ret_taken)
		r = take_runs(s, node, &runs);
	if (!r && *ret_taken)
		s->m->nodes[node].as_burned = true;
	return r;
}

int share_take_former(struct share *s, uint32_t node, const struct extent *old, uint32_t n)
{
	bool parts = choose_may_pay(s->m, node, bytes_of(old, n), &s->options->pieces), taken = false;
	int r = 0;

	if (s->options->pieces.share == SHARE_AUTO && bytes_of(old, n) == s->m->nodes[node].size &&
	    share_new_bytes(s->m, node) == s->m->nodes[node].size)
		r = take_unchanged(s, node, old, n, &taken);
	if (r || taken || !parts || (s->options->drive && !compare_promises(&s->comparison, node, old, n)))
		return r;
	return take_parts(s, node, old, n, WANT_PARTS);
}

void share_settle(struct share *s)
{
	const struct held_manifest *held = s->held;

	for (uint32_t i = 0; i < held->n_remapped; i++) {
		uint32_t node = held->remapped[i].node;
		uint64_t left = share_new_bytes(s->m, node);

		if (s->m->nodes[node].as_burned || choose_pays(s->m, node, &s->options->pieces))
			continue;
		share_as_staged(s, node);
		s->held->found_bytes -= share_new_bytes(s->m, node) - left;
	}
}

int share_take(struct share *s, uint32_t node, const struct extent *old, uint32_t n, enum want want)
{
	return want == WANT_WHOLE ? take_whole(s, node, old, n) : take_parts(s, node, old, n, want);
}
