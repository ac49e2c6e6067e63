/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * take.c - files of the manifest get extents of the disc for what is equal there
 */
#include "fs/commit/sharing.h"

#include "cdappendfs/bytes.h"
#include "fs/commit/choose.h"

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

int share_remember(struct share *s, uint32_t node)
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
	int result = share_remember(s, node);

	if (!result)
		result = overlay(s, node, runs);
	if (!result)
		s->held->found_bytes += left - share_new_bytes(s->m, node);
	return result;
}

/* All of the node, also of what was found elsewhere before, or nothing. */
static int take_whole(struct share *s, uint32_t node, const struct extent *old, uint32_t n)
{
	_cleanup_(equal_runs_release) struct equal_runs runs = {.list = NULL};
	struct manifest_node *at = &s->m->nodes[node];
	const struct manifest_node now = *at;
	uint64_t found = s->held->found_bytes, left = share_new_bytes(s->m, node);
	int result;

	share_as_staged(s, node);
	result = compare_node(&s->comparison, node, old, n, true, &runs);
	if (!result && choose_whole(s->m, node, &runs)) {
		result = take_runs(s, node, &runs);
		s->held->found_bytes = found + (result ? 0 : left);
	} else {
		*at = now;
	}
	return result;
}

static int take_parts(struct share *s, uint32_t node, const struct extent *old, uint32_t n, enum want want)
{
	_cleanup_(equal_runs_release) struct equal_runs runs = {.list = NULL};
	int result = compare_node(&s->comparison, node, old, n, false, &runs);
	bool whole = !result && choose_whole(s->m, node, &runs);

	if (!result && !whole) {
		if (want == WANT_PARTS_OF_OTHER)
			choose_not_first_block(&runs);
		result = choose_parts(s->m, node, &runs);
	}
	return result || !runs.n ? result : take_runs(s, node, &runs);
}

int share_take(struct share *s, uint32_t node, const struct extent *old, uint32_t n, enum want want)
{
	return want == WANT_WHOLE ? take_whole(s, node, old, n) : take_parts(s, node, old, n, want);
}
