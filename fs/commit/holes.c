/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/commit/holes.h"

#include <errno.h>
#include <stdlib.h>

#include "cdappendfs/bytes.h"
#include "cdappendfs/own.h"

struct holes { struct burn_hole *list; size_t n, capacity; };

static int add_hole(struct holes *h, const struct burn_hole *hole)
{
	if (h->n == h->capacity) {
		struct burn_hole *grown = reallocarray(h->list, h->capacity * 2 + 64, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		h->list = grown;
		h->capacity = h->capacity * 2 + 64;
	}
	h->list[h->n++] = *hole;
	return 0;
}

/* One hole of the manifest over the extents that the file has after the burn. */
static int add_burned(struct holes *h, uint64_t ino, const struct extent *hole, const struct extent *burned, size_t n)
{
	uint64_t end = hole->offset + hole->length;
	int r = 0;

	for (size_t i = 0; r == 0 && i < n && burned[i].offset < end; i++) {
		uint64_t from = max_u64(burned[i].offset, hole->offset), to = min_u64(burned[i].offset + burned[i].length, end);
		struct burn_hole piece = {ino, from, to - from, burned[i].pos + (from - burned[i].offset)};

		if (from < to && burned[i].kind == EXTENT_DISC)
			r = add_hole(h, &piece);
	}
	return r;
}

static int compare_holes(const void *a, const void *b)
{
	const struct burn_hole *x = a, *y = b;

	if (x->ino != y->ino)
		return x->ino < y->ino ? -1 : 1;
	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

int burned_holes(const struct manifest *m, const struct burn_plan *plan, struct burn_hole **ret, size_t *ret_n)
{
	struct holes h = {0};
	int r = 0;

	for (uint32_t node = 0; r == 0 && node < m->n_nodes; node++) {
		const struct manifest_node *n = &m->nodes[node];
		const struct extent *burned = NULL;
		size_t n_burned = 0;

		for (uint32_t i = 0; r == 0 && i < n->n_extents; i++) {
			const struct extent *e = &m->extents[n->first_extent + i];

			if (e->kind != EXTENT_HOLE)
				continue;
			if (!burned)
				burn_plan_extents(plan, node, &burned, &n_burned);
			r = add_burned(&h, n->ino, e, burned, n_burned);
		}
	}
	if (r < 0) {
		free(h.list);
		return r;
	}
	if (h.n)
		qsort(h.list, h.n, sizeof(*h.list), compare_holes);
	*ret = h.list;
	*ret_n = h.n;
	return 0;
}
