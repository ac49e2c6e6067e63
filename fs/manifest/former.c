/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * former.c - what files were on the disc before they were written anew: where fs/sharing/share.c looks for blocks
 * that did not change
 */
#include "fs/manifest/internal.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "burner/base/own.h"

bool row_as_burned(const struct stage_node *row)
{
	if (!S_ISREG(row->mode) || row->base_lba)
		return false;
	for (uint32_t i = 0; i < row->n_extents; i++)
		if (row->extents[i].kind != EXTENT_DISC)
			return false;
	return true;
}

static bool has_new_content(const struct manifest *m, uint32_t node)
{
	const struct manifest_node *n = &m->nodes[node];

	if (!S_ISREG(n->mode) || zisofs_used(&n->zisofs))
		return false;
	for (uint32_t i = 0; i < n->n_extents; i++)
		if (m->extents[n->first_extent + i].kind != EXTENT_DISC)
			return true;
	return false;
}

static int add_former_extents(struct build *b, const struct extent *extents, uint32_t n)
{
	struct held_manifest *held = b->held;
	int r = 0;

	for (uint32_t i = 0; i < n && !r; i++) {
		r = bulk_grow(b->m->bulk, (void **)&held->former_extents, &b->former_extent_space,
			      held->n_former_extents, sizeof(*extents));
		if (!r)
			held->former_extents[held->n_former_extents++] = extents[i];
	}
	return r;
}

int build_add_former(struct build *b, uint32_t node, const struct extent *extents, uint32_t n)
{
	struct held_manifest *held = b->held;
	struct former former = {n ? extents->pos : 0, node, held->n_former_extents, n};
	int r;

	if (!n || !has_new_content(b->m, node))
		return 0;
	r = add_former_extents(b, extents, n);
	if (!r)
		r = bulk_grow(b->m->bulk, (void **)&held->formers, &b->former_space, held->n_formers, sizeof(former));
	if (!r)
		held->formers[held->n_formers++] = former;
	return r;
}

/* ---- what did not change ---- */

bool row_is_there(const struct stage_node *row, const struct iso_entry *e)
{
	if (row->n_extents != e->n_extents)
		return false;
	for (uint32_t i = 0; i < e->n_extents; i++)
		if (row->extents[i].pos != e->extents[i].pos || row->extents[i].length != e->extents[i].length)
			return false;
	return true;
}

/* A session may have put all of a file into one place, or brought it together, while the tree kept those it knew. */
int build_note_burned(struct build *b, const struct iso_entry *e)
{
	size_t row = S_ISREG(e->mode) && b->rows && !zisofs_used(&e->zisofs) ? build_find_row(b, e->ino) : SIZE_MAX;
	struct as_burned burned = {(uint32_t)row, b->held->n_former_extents, e->n_extents};
	int r;

	if (row == SIZE_MAX || !row_as_burned(&b->rows->nodes[row]) || b->rows->nodes[row].size != e->size ||
	    row_is_there(&b->rows->nodes[row], e))
		return 0;
	r = add_former_extents(b, e->extents, e->n_extents);
	if (!r)
		r = bulk_grow(b->m->bulk, (void **)&b->as_burned, &b->as_burned_space, b->n_as_burned, sizeof(burned));
	if (!r)
		b->as_burned[b->n_as_burned++] = burned;
	return r;
}

int build_place_burned(struct build *b)
{
	int r = 0;

	for (uint32_t i = 0; i < b->n_as_burned && !r; i++) {
		const struct as_burned *burned = &b->as_burned[i];
		uint32_t node = b->row_nodes[burned->row];

		if (node != NUMBERS_NONE)
			r = build_set_extents(b, node, b->held->former_extents + burned->first, burned->n);
	}
	return r;
}

static int compare_formers(const void *a, const void *b)
{
	const struct former *x = a, *y = b;

	if (x->pos != y->pos)
		return x->pos < y->pos ? -1 : 1;
	if (x->node != y->node)
		return x->node < y->node ? -1 : 1;
	return x->first < y->first ? -1 : x->first > y->first;
}

void build_sort_formers(struct build *b)
{
	if (b->held->n_formers)
		bulk_sort(b->m->bulk, b->held->formers, b->held->n_formers, sizeof(struct former), compare_formers);
}

void covered_take(struct covered *c, struct iso_entry *e)
{
	c->hidden |= e->hidden;
	if (!S_ISREG(e->mode) || !e->n_extents || zisofs_used(&e->zisofs) || c->extents)
		return;
	c->extents = TAKE_PTR(e->extents);
	c->n = e->n_extents;
	e->n_extents = 0;
}

void covered_free(struct covered *list, size_t n)
{
	for (size_t i = 0; list && i < n; i++)
		free(list[i].extents);
	free(list);
}
