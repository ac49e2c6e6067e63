/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * homes.c - what the walk learned of files that the tree did not know: files with another number of names than the tree
 * thinks (records of others may lie), or whose directory it does not know; the rebase is told
 */
#include "fs/manifest/manifest.h"

#include <sys/stat.h>

#include "fs/manifest/internal.h"

static int compare_homes(const void *a, const void *b)
{
	const struct burn_home *x = a, *y = b;

	return (x->ino > y->ino) - (x->ino < y->ino);
}

static int add_home(struct build *b, uint32_t node, uint64_t was)
{
	struct held_manifest *held = b->held;
	const struct manifest_node *n = &b->m->nodes[node];
	int r = bulk_grow(b->m->bulk, (void **)&held->homes, &b->home_space, held->n_homes, sizeof(*held->homes));

	if (!r)
		held->homes[held->n_homes++] = (struct burn_home){n->ino, was, b->m->nodes[n->parent].ino,
								  (int64_t)n->nlink - b->claims[node]};
	return r;
}

int build_list_homes(struct build *b)
{
	const struct manifest *m = b->m;
	int r = 0;

	for (uint32_t i = 0; !r && i < m->n_nodes; i++) {
		size_t row = S_ISDIR(m->nodes[i].mode) || m->nodes[i].nlink == b->claims[i] ?
				     SIZE_MAX :
				     build_find_row(b, m->nodes[i].ino);

		if (!S_ISDIR(m->nodes[i].mode) && m->nodes[i].nlink != b->claims[i])
			r = add_home(b, i, row == SIZE_MAX ? 0 : b->rows->nodes[row].parent);
		bulk_pace(m->bulk, 1);
	}
	for (uint32_t i = 0; !r && i < b->n_doubts; i++) {
		uint32_t node = b->row_nodes[b->doubts[i]];
		const struct manifest_node *n = &m->nodes[node];
		uint64_t was = b->rows->nodes[b->doubts[i]].parent;

		bulk_pace(m->bulk, BULK_ANYWHERE);
		if (n->nlink == b->claims[node] && was != m->nodes[n->parent].ino && (!was || n->nlink == 1))
			r = add_home(b, node, was);
	}
	if (b->held->n_homes)
		bulk_sort(b->m->bulk, b->held->homes, b->held->n_homes, sizeof(*b->held->homes), compare_homes);
	return r;
}

void manifest_homes(const struct manifest *m, const struct burn_home **ret, size_t *ret_n)
{
	const struct held_manifest *held = (const struct held_manifest *)(const void *)m;

	*ret = held->homes;
	*ret_n = held->n_homes;
}
