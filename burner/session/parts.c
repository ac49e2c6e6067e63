/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * parts.c - which parts of a planned session lie on some of its blocks
 */
#include <sys/stat.h>

#include "burner/session/internal.h"

struct asked {
	struct burn_range in;
	void (*each)(void *context, enum session_part what, uint32_t node);
	void *context;
};

static bool lies_there(const struct asked *a, uint64_t lba, uint64_t sectors)
{
	return sectors && lba < (uint64_t)a->in.lba + a->in.sectors && lba + sectors > a->in.lba;
}

static void part(const struct asked *a, enum session_part what, uint64_t lba, uint64_t sectors)
{
	if (lies_there(a, lba, sectors))
		a->each(a->context, what, BURN_NO_NODE);
}

static void directories(const struct burn_plan *p, enum tree_kind kind, const struct asked *a)
{
	const struct plan_tree *tree = &p->trees[kind];

	for (uint32_t i = 0; i < tree->n_directories; i++) {
		const struct plan_directory *d = &tree->directories[i];

		if (lies_there(a, d->lba, d->sectors))
			a->each(a->context, kind == TREE_JOLIET ? PART_JOLIET_DIRECTORY : PART_DIRECTORY, d->node);
		else if (lies_there(a, (uint64_t)d->lba + d->sectors, d->area_sectors))
			a->each(a->context, PART_AREAS, d->node);
	}
}

static void files(const struct burn_plan *p, const struct asked *a)
{
	const struct manifest *m = p->manifest;

	for (uint32_t i = 0; i < m->n_nodes; i++) {
		const struct extent *e;
		size_t n;

		if (m->nodes[i].kept || !S_ISREG(m->nodes[i].mode))
			continue;
		burn_plan_extents(p, i, &e, &n);
		while (n && !lies_there(a, e->pos / SECTOR_BYTES, sectors_of(e->length))) {
			e++;
			n--;
		}
		if (n)
			a->each(a->context, PART_FILE, i);
	}
}

static void volume(const struct burn_plan *p, const struct asked *a)
{
	uint64_t start = p->options.start_lba;

	part(a, PART_DESCRIPTORS, start + SESSION_DESCRIPTORS, descriptor_sectors(p));
	if (p->options.overwritable)
		part(a, PART_ABSOLUTE_DESCRIPTORS, start + SESSION_ABSOLUTE_DESCRIPTORS, descriptor_sectors(p));
	part(a, PART_MESSAGE, start + SESSION_MESSAGE, p->options.message[0] != 0);
	part(a, PART_SAVED_HEAD, start + SESSION_SAVED_DESCRIPTORS, p->foreign_descriptors ? DESCRIPTORS_SECTORS : 0);
}

static void path_tables(const struct burn_plan *p, const struct asked *a)
{
	static const enum session_part parts[N_TREES][2] = {{PART_PATH_TABLE_L, PART_PATH_TABLE_M},
							    {PART_JOLIET_TABLE_L, PART_JOLIET_TABLE_M}};

	for (unsigned kind = 0; kind < p->n_trees; kind++)
		for (unsigned which = 0; which < 2; which++)
			part(a, parts[kind][which], p->trees[kind].table_lba[which],
			     sectors_of(p->trees[kind].table_bytes));
}

/* The array, and what libisofs puts behind descriptors, directories and data. */
static bool has_sums(const struct burn_plan *p, const struct asked *a)
{
	bool found = p->sums.n && lies_there(a, p->sums.array_lba, checksums_sectors(p->sums.n - 2));

	for (unsigned i = TAG_DESCRIPTORS; i <= TAG_SESSION; i++)
		found |= lies_there(a, p->sums.tag_lba[i], p->sums.n != 0);
	return found;
}

void burn_plan_parts(const struct burn_plan *p, struct burn_range in,
		     void (*each)(void *context, enum session_part what, uint32_t node), void *context)
{
	const struct asked a = {in, each, context};

	directories(p, TREE_ROCK_RIDGE, &a);
	files(p, &a);
	if (p->n_trees > TREE_JOLIET)
		directories(p, TREE_JOLIET, &a);
	volume(p, &a);
	path_tables(p, &a);
	part(&a, PART_LINKS, p->links.lba, sectors_of(p->links.bytes));
	part(&a, PART_CONTENTS, p->contents.lba, sectors_of(p->contents.bytes));
	if (has_sums(p, &a))
		each(context, PART_SUMS, BURN_NO_NODE);
	part(&a, PART_ADOPTION, p->adoption.lba, p->adoption.sectors);
	part(&a, PART_PARITY, p->parity.lba, p->parity.sectors);
	part(&a, PART_DIGESTS, p->digests_lba, p->end_lba - 1 - p->digests_lba);
	part(&a, PART_RECORD, p->end_lba - 1, 1);
}
