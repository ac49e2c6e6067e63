/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/sharing/choose.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "burner/format/bound.h"
#include "burner/format/geometry.h"
#include "burner/format/pieces.h"
#include "burner/base/own.h"

#define RUN_BLOCKS_MIN 4u      /* what a part that stays saves for sure: its records are fewer */
#define FIRST_SECTIONS_MORE 3u /* blocks: a sector more of each tree and of continuation areas */

static uint64_t names_of(const struct manifest *m, uint32_t node)
{
	return m->nodes[node].nlink ? m->nodes[node].nlink : 1;
}

/* What the records of so many sections take beyond those of one, at most. */
static uint64_t record_sectors(uint64_t sections, uint64_t names)
{
	return bound_section_sectors(sections, names) + FIRST_SECTIONS_MORE;
}

bool choose_whole(const struct manifest *m, uint32_t node, const struct equal_runs *runs,
		  const struct pieces_rule *rule)
{
	uint64_t size = m->nodes[node].size;

	if (runs->bytes != size || runs->n + size / SECTION_MAX_BYTES > BOUND_SECTIONS)
		return false;
	return runs->n == 1 || (sectors_of(size) >= record_sectors(runs->n, names_of(m, node)) &&
				pieces_pay(rule, size, size, runs->n, names_of(m, node)));
}

static bool goes_on(const struct extent *last, const struct extent *e)
{
	return last->kind == EXTENT_DISC && e->kind == EXTENT_DISC && last->pos + last->length == e->pos;
}

/* That the file has now: what is written between two parts that stay is one, or more when it is long. */
static uint64_t count_sections(const struct manifest *m, uint32_t node)
{
	const struct manifest_node *n = &m->nodes[node];
	const struct extent *e = m->extents + n->first_extent;
	uint64_t sections = 0;
	bool fresh = false;

	for (uint32_t i = 0; i < n->n_extents; i++) {
		bool stays = e[i].kind == EXTENT_DISC;

		sections += (stays || !fresh) && !(i && goes_on(&e[i - 1], &e[i]));
		fresh = !stays;
	}
	return sections + n->size / SECTION_MAX_BYTES;
}

bool choose_pays(const struct manifest *m, uint32_t node, const struct pieces_rule *rule)
{
	const struct manifest_node *n = &m->nodes[node];
	uint64_t kept = 0;

	for (uint32_t i = 0; i < n->n_extents; i++) {
		struct extent part;

		if (pieces_keepable(&m->extents[n->first_extent + i], n->size, 0, &part))
			kept += part.length;
	}
	return count_sections(m, node) < 2 ||
	       pieces_pay(rule, n->size, kept, count_sections(m, node), names_of(m, node));
}

bool choose_may_pay(const struct manifest *m, uint32_t node, uint64_t bytes, const struct pieces_rule *rule)
{
	uint64_t size = m->nodes[node].size;

	return pieces_pay(rule, size, min_u64(size, bytes), 2, names_of(m, node));
}

/* Does the run carry on an extent of the disc that the node has beside it? Then it costs no section. */
static bool joins_neighbour(const struct manifest *m, uint32_t node, const struct equal_run *run)
{
	const struct manifest_node *n = &m->nodes[node];
	const struct extent *e = m->extents + n->first_extent;
	uint32_t behind = extent_at(e, n->n_extents, run->offset + run->length);

	if (behind < n->n_extents && e[behind].kind == EXTENT_DISC && e[behind].offset == run->offset + run->length &&
	    e[behind].pos == run->pos + run->length)
		return true;
	if (!run->offset)
		return false;
	e += extent_at(e, n->n_extents, run->offset - 1);
	return e->kind == EXTENT_DISC && e->offset + e->length == run->offset && e->pos + e->length == run->pos;
}

static int compare_lengths(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x > *y ? -1 : *x < *y;
}

/* Keeps those of at least so many bytes, of those that have just as many only the first; and all that cost no
 * section. */
static void keep_longest(const struct manifest *m, uint32_t node, struct equal_runs *runs, uint64_t least,
			 size_t n_least)
{
	size_t kept = 0;

	runs->bytes = 0;
	for (size_t i = 0; i < runs->n; i++) {
		const struct equal_run *run = &runs->list[i];

		if (!joins_neighbour(m, node, run)) {
			if (run->length < least || (run->length == least && !n_least))
				continue;
			n_least -= run->length == least;
		}
		runs->bytes += run->length;
		runs->list[kept++] = *run;
	}
	runs->n = kept;
}

/* No more than there are sections left for: two for each. */
static int keep_most(const struct manifest *m, uint32_t node, struct equal_runs *runs)
{
	uint64_t sections = count_sections(m, node);
	size_t most = sections < BOUND_SECTIONS ? (BOUND_SECTIONS - sections) / 2 : 0, n_least = 1;
	_free_ uint64_t *lengths = NULL;

	if (runs->n <= most)
		return 0;
	if (!most) {
		keep_longest(m, node, runs, UINT64_MAX, 0);
		return 0;
	}
	lengths = calloc(runs->n, sizeof(*lengths));
	if (!lengths)
		return -ENOMEM;
	for (size_t i = 0; i < runs->n; i++)
		lengths[i] = runs->list[i].length;
	qsort(lengths, runs->n, sizeof(*lengths), compare_lengths);
	while (n_least < most && lengths[most - 1 - n_least] == lengths[most - 1])
		n_least++;
	keep_longest(m, node, runs, lengths[most - 1], n_least);
	return 0;
}

int choose_parts(const struct manifest *m, uint32_t node, struct equal_runs *runs)
{
	int r = keep_most(m, node, runs);

	if (!r && runs->bytes / SECTOR_BYTES < record_sectors(2 * runs->n + 1, names_of(m, node)))
		keep_longest(m, node, runs, RUN_BLOCKS_MIN * names_of(m, node) * SECTOR_BYTES, SIZE_MAX);
	return r;
}

void choose_not_first_block(struct equal_runs *runs)
{
	struct equal_run *first = runs->list;
	uint64_t cut;

	if (!runs->n || first->offset)
		return;
	cut = min_u64(first->length, SECTOR_BYTES);
	runs->bytes -= cut;
	*first = (struct equal_run){cut, first->length - cut, first->pos + cut};
	if (!first->length)
		memmove(first, first + 1, --runs->n * sizeof(*first));
}
