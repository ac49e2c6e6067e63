/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/manifest/placements.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/bytes.h"
#include "fs/manifest/internal.h"
#include "fs/manifest/packed.h"

/* A list of items of one size. */
struct items {
	struct bulk *bulk;
	void *list;
	size_t n, room, item_bytes;
};

static int add_item(struct items *l, const void *item)
{
	if (l->n == l->room) {
		void *grown = bulk_resize(l->bulk, l->list, l->room * 2 + 64, l->item_bytes);

		if (!grown)
			return -ENOMEM;
		l->list = grown;
		l->room = l->room * 2 + 64;
	}
	memcpy((uint8_t *)l->list + l->n++ * l->item_bytes, item, l->item_bytes);
	return 0;
}

static int add_part(struct items *l, uint64_t ino, const struct extent *e, uint64_t from, uint64_t to,
		    uint64_t disc_pos)
{
	struct burn_hole hole = {ino, from, to - from, disc_pos};
	struct burn_placement data = {e->body, e->pos + (from - e->offset), to - from, disc_pos};

	return add_item(l, e->kind == EXTENT_HOLE ? (const void *)&hole : &data);
}

/* One extent of the tree over those that the file has after the burn. */
static int add_burned(struct items *l, uint64_t ino, const struct extent *e, const struct extent *burned, size_t n)
{
	uint64_t end = e->offset + e->length;
	int r = 0;

	for (size_t i = extent_at(burned, (uint32_t)n, e->offset); r == 0 && i < n && burned[i].offset < end; i++) {
		uint64_t from = max_u64(burned[i].offset, e->offset),
			 to = min_u64(burned[i].offset + burned[i].length, end);

		if (from < to && burned[i].kind == EXTENT_DISC)
			r = add_part(l, ino, e, from, to, burned[i].pos + (from - burned[i].offset));
	}
	return r;
}

/* Extents of that kind among n of the manifest's, which the tree has of the node. */
static int add_extents(struct items *l, const struct manifest *m, const struct burn_plan *plan,
		       const struct remapped *of, enum extent_kind kind)
{
	const struct extent *burned = NULL;
	size_t n_burned = 0;
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < of->n; i++) {
		const struct extent *e = &m->extents[of->first + i];

		if (e->kind != kind)
			continue;
		if (!burned)
			burn_plan_extents(plan, of->node, &burned, &n_burned);
		r = add_burned(l, m->nodes[of->node].ino, e, burned, n_burned);
	}
	return r;
}

int burned_data(const struct manifest *m, const struct burn_plan *plan, struct burn_placement **ret, size_t *ret_n)
{
	const struct held_manifest *held = (const struct held_manifest *)(const void *)m;
	const struct burn_placement *planned = NULL;
	struct items l = {.bulk = m->bulk, .item_bytes = sizeof(*planned)};
	size_t n = 0;
	int r = 0;

	burn_plan_placements(plan, &planned, &n);
	for (size_t i = 0; i < n && r == 0; i++) {
		if (planned[i].body != PACKED_BODY)
			r = add_item(&l, &planned[i]);
		bulk_pace(m->bulk, 1);
	}
	for (uint32_t i = 0; i < held->n_remapped && r == 0; i++)
		r = add_extents(&l, m, plan, &held->remapped[i], EXTENT_STAGE);
	if (r < 0) {
		bulk_free(l.list);
		return r;
	}
	*ret = l.list;
	*ret_n = held->n_remapped ? placements_tidy(m->bulk, l.list, l.n) : l.n;
	return 0;
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
	const struct held_manifest *held = (const struct held_manifest *)(const void *)m;
	struct items l = {.bulk = m->bulk, .item_bytes = sizeof(struct burn_hole)};
	uint32_t next = 0;
	int r = 0;

	for (uint32_t node = 0; r == 0 && node < m->n_nodes; node++) {
		struct remapped of = {node, m->nodes[node].first_extent, m->nodes[node].n_extents};

		if (next < held->n_remapped && held->remapped[next].node == node)
			of = held->remapped[next++];
		r = add_extents(&l, m, plan, &of, EXTENT_HOLE);
		bulk_pace(m->bulk, 1);
	}
	if (r < 0) {
		bulk_free(l.list);
		return r;
	}
	if (l.n)
		bulk_sort(m->bulk, l.list, l.n, sizeof(struct burn_hole), compare_holes);
	*ret = l.list;
	*ret_n = l.n;
	return 0;
}
