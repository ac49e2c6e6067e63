/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * former.c - what files were on the disc before they were written anew: where fs/sharing looks for blocks that did not
 * change
 */
#include "fs/manifest/internal.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "burner/base/own.h"

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

int build_add_former(struct build *b, uint32_t node, const struct extent *extents, uint32_t n)
{
	struct held_manifest *held = b->held;
	struct former former = {n ? extents->pos : 0, node, held->n_former_extents, n};
	int r = 0;

	if (!n || !has_new_content(b->m, node))
		return 0;
	for (uint32_t i = 0; i < n && !r; i++) {
		r = bulk_grow(b->m->bulk, (void **)&held->former_extents, &b->former_extent_space,
			      held->n_former_extents, sizeof(*extents));
		if (!r)
			held->former_extents[held->n_former_extents++] = extents[i];
	}
	if (!r)
		r = bulk_grow(b->m->bulk, (void **)&held->formers, &b->former_space, held->n_formers, sizeof(former));
	if (!r)
		held->formers[held->n_formers++] = former;
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
	if (!S_ISREG(e->mode) || !e->n_extents || zisofs_used(&e->zisofs) || c->extents)
		return;
	*c = (struct covered){TAKE_PTR(e->extents), e->n_extents};
	e->n_extents = 0;
}

void covered_free(struct covered *list, size_t n)
{
	for (size_t i = 0; list && i < n; i++)
		free(list[i].extents);
	free(list);
}
