/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * layout.c - the plan: every address of a session, decided before its first byte (see internal.h)
 */
#include "burner/session/internal.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "burner/format/digest_table.h"
#include "burner/session/stream.h"
#include "burner/session/system_use.h"

/* ---- checks ---- */

static int check_node(const struct manifest *m, const struct manifest_node *n)
{
	if (n->ino > UINT32_MAX)
		return -EINVAL;
	if (S_ISDIR(n->mode) && (n->first_entry > m->n_entries || n->n_entries > m->n_entries - n->first_entry))
		return -EINVAL;
	if (n->kept && (!m->linked || !S_ISDIR(n->mode) || n->kept > m->n_kept || n->n_entries))
		return -EINVAL;
	if (S_ISLNK(n->mode)) {
		if (!n->target)
			return -EINVAL;
		if (strlen(n->target) > SYSTEM_USE_TARGET_BYTES)
			return -ENAMETOOLONG;
	}
	return 0;
}

static int check_manifest(const struct manifest *m)
{
	if (!m->n_nodes || !S_ISDIR(m->nodes[0].mode) || m->nodes[0].kept || m->n_nodes == NO_INDEX ||
	    m->n_entries == NO_INDEX)
		return -EINVAL;
	for (uint32_t i = 0; i < m->n_nodes; i++) {
		int r = check_node(m, &m->nodes[i]);

		if (r)
			return r;
		bulk_pace(m->bulk, 1);
	}
	for (uint32_t i = 0; i < m->n_digests; i++)
		if (m->digests[i].node >= m->n_nodes)
			return -EINVAL;
	for (uint32_t i = 0; i < m->n_entries; i++) {
		const struct manifest_entry *e = &m->entries[i];
		size_t bytes = strlen(e->name);

		bulk_pace(m->bulk, 1);
		if (!e->node || e->node >= m->n_nodes || !bytes || strchr(e->name, '/') || strcmp(e->name, ".") == 0 ||
		    strcmp(e->name, "..") == 0)
			return -EINVAL;
		if (bytes > 255)
			return -ENAMETOOLONG;
	}
	return 0;
}

/* ---- directories ---- */

/* The sub-directories of directory i behind all others found so far: breadth first, in the order of their records. */
static int add_children(struct burn_plan *p, struct plan_tree *tree, enum tree_kind kind, uint32_t i)
{
	const struct manifest *m = p->manifest;
	struct plan_directory *d = &tree->directories[i];
	const struct manifest_node *node = &m->nodes[d->node];

	for (uint32_t j = 0; j < node->n_entries; j++)
		d->n_entries += kind == TREE_ROCK_RIDGE || p->entries[node->first_entry + j].joliet_bytes;
	bulk_pace(m->bulk, BULK_ANYWHERE + d->n_entries);
	for (uint32_t j = 0; j < d->n_entries; j++) {
		uint32_t entry = tree->order[node->first_entry + j], child = m->entries[entry].node;

		if (!S_ISDIR(m->nodes[child].mode) || m->nodes[child].kept)
			continue;
		if (tree->of_node[child] != NO_INDEX)
			return -EINVAL; /* a second name */
		tree->of_node[child] = tree->n_directories;
		tree->directories[tree->n_directories++] =
			(struct plan_directory){.node = child, .entry = entry, .parent = i};
	}
	return 0;
}

static int number_directories(struct burn_plan *p, enum tree_kind kind)
{
	struct plan_tree *tree = &p->trees[kind];
	uint32_t n = 0;

	for (uint32_t i = 0; i < p->manifest->n_nodes; i++) {
		n += S_ISDIR(p->manifest->nodes[i].mode) && !p->manifest->nodes[i].kept;
		tree->of_node[i] = NO_INDEX;
		bulk_pace(p->manifest->bulk, 1);
	}
	tree->directories = bulk_zalloc(p->manifest->bulk, n, sizeof(*tree->directories));
	if (!tree->directories)
		return -ENOMEM;
	tree->directories[0] = (struct plan_directory){.entry = NO_INDEX};
	tree->of_node[0] = 0;
	tree->n_directories = 1;
	for (uint32_t i = 0; i < tree->n_directories; i++) {
		int r = add_children(p, tree, kind, i);

		if (r)
			return r;
	}
	return tree->n_directories == n ? 0 : -EINVAL; /* else some are not reached */
}

static int plan_trees(struct burn_plan *p)
{
	_cleanup_(name_scratch_freep) struct name_scratch *scratch = NULL;
	const struct manifest *m = p->manifest;
	int r = name_scratch_new(p, &scratch);

	for (uint32_t i = 0; i < m->n_nodes && !r; i++) {
		if (S_ISDIR(m->nodes[i].mode)) {
			r = names_of_directory(p, scratch, i);
			bulk_pace(m->bulk, m->nodes[i].n_entries);
		}
		bulk_pace(m->bulk, 1);
	}
	for (unsigned kind = 0; kind < p->n_trees && !r; kind++)
		r = number_directories(p, (enum tree_kind)kind);
	return r;
}

/* ---- addresses ---- */

/* -EFBIG: a directory beyond 4 GiB, the length of a record. */
static int place_tree(struct burn_plan *p, enum tree_kind kind, uint64_t *at)
{
	struct plan_tree *tree = &p->trees[kind];

	for (uint32_t i = 0; i < tree->n_directories; i++) {
		struct plan_directory *d = &tree->directories[i];

		directory_measure(p, kind, d);
		if (d->sectors > UINT32_MAX / SECTOR_BYTES)
			return -EFBIG;
		d->lba = (uint32_t)*at;
		*at += (uint64_t)d->sectors + d->area_sectors;
		bulk_pace(p->manifest->bulk, BULK_ANYWHERE + d->n_entries);
	}
	return 0;
}

static int place_tables(struct burn_plan *p, uint64_t *at)
{
	for (unsigned kind = 0; kind < p->n_trees; kind++) {
		struct plan_tree *tree = &p->trees[kind];
		int r = path_table_measure(p, (enum tree_kind)kind);

		if (r)
			return r;
		for (unsigned which = 0; which < 2; which++) {
			tree->table_lba[which] = (uint32_t)*at;
			*at += sectors_of(tree->table_bytes);
		}
	}
	return 0;
}

static int place_links(struct burn_plan *p, uint64_t *at)
{
	int r = links_measure(p);

	p->links.lba = (uint32_t)*at;
	*at += sectors_of(p->links.bytes);
	return r;
}

static int add_data(struct burn_plan *p, uint32_t node, uint32_t run, uint64_t *at)
{
	struct extent *extent = &p->runs[run];

	if (*at + sectors_of(extent->length) > UINT32_MAX)
		return -ENOSPC;
	if (p->n_data == p->data_room) {
		size_t room = p->data_room ? 2 * p->data_room : 1024;
		struct plan_data *data = bulk_resize(p->manifest->bulk, p->data, room, sizeof(*data));

		if (!data)
			return -ENOMEM;
		p->data = data;
		p->data_room = room;
	}
	p->data[p->n_data++] = (struct plan_data){node, run, (uint32_t)*at, (uint32_t)sectors_of(extent->length)};
	extent->kind = EXTENT_DISC;
	extent->pos = *at * SECTOR_BYTES;
	*at += sectors_of(extent->length);
	return 0;
}

/* What is left to write of a node's content (all of it at its first name, nothing at the others). */
static int place_content(struct burn_plan *p, uint32_t node, uint64_t *at)
{
	uint32_t owner = p->files[node].same_as == NO_INDEX ? node : p->files[node].same_as;
	const struct plan_file *f = &p->files[owner];
	int r = 0;

	for (uint32_t i = 0; i < f->n_runs && !r; i++)
		if (p->runs[f->first_run + i].kind == EXTENT_STAGE)
			r = add_data(p, owner, f->first_run + i, at);
	return r;
}

/* Depth first in the order of the Rock Ridge records, without recursion. */
static int place_data(struct burn_plan *p, uint64_t *at)
{
	const struct plan_tree *tree = &p->trees[TREE_ROCK_RIDGE];
	_bulk_ uint32_t *next = bulk_zalloc(p->manifest->bulk, tree->n_directories, sizeof(*next));
	uint32_t i = 0;

	if (!next)
		return -ENOMEM;
	for (;;) {
		const struct plan_directory *d = &tree->directories[i];
		uint32_t node;
		int r;

		if (next[i] == d->n_entries) {
			if (!i)
				return 0;
			i = d->parent;
			continue;
		}
		bulk_pace(p->manifest->bulk, 1);
		node = p->manifest->entries[tree->order[p->manifest->nodes[d->node].first_entry + next[i]++]].node;
		if (p->manifest->nodes[node].kept)
			continue;
		if (S_ISDIR(p->manifest->nodes[node].mode)) {
			bulk_pace(p->manifest->bulk, BULK_ANYWHERE);
			i = tree->of_node[node];
			continue;
		}
		r = place_content(p, node, at);
		if (r)
			return r;
	}
}

static int place_contents(struct burn_plan *p, uint64_t *at)
{
	int r = contents_measure(p);

	p->contents.lba = (uint32_t)*at;
	*at += sectors_of(p->contents.bytes);
	return r;
}

/* The array and the tag behind it. */
static void place_sums(struct burn_plan *p, uint64_t *at)
{
	if (!p->sums.n)
		return;
	p->sums.array_lba = (uint32_t)*at;
	*at += checksums_sectors(p->sums.n - 2);
	p->sums.tag_lba[TAG_SESSION] = (uint32_t)(*at)++;
}

static uint64_t kept_sectors(const struct burn_plan *p)
{
	uint64_t sectors = 0;

	for (uint32_t i = 0; i < p->manifest->n_nodes; i++) {
		const struct plan_file *f = &p->files[i];

		for (uint32_t j = 0; f->same_as == NO_INDEX && j < f->n_runs; j++)
			if (p->runs[f->first_run + j].kind == EXTENT_DISC)
				sectors += sectors_of(p->runs[f->first_run + j].length);
		bulk_pace(p->manifest->bulk, 1);
	}
	return sectors;
}

/* What the whole tree would take. In linked sessions that is an upper bound: directories that were removed are not
 * known here. */
static uint64_t whole_tree_sectors(const struct burn_plan *p)
{
	const struct manifest *m = p->manifest;
	uint64_t stays, replaced = sectors_of(m->links_bytes);

	if (!m->linked)
		return p->cost.tree_sectors;
	for (uint32_t i = 0; i < p->trees[TREE_ROCK_RIDGE].n_directories; i++)
		replaced += m->nodes[p->trees[TREE_ROCK_RIDGE].directories[i].node].size;
	for (unsigned kind = 0; kind < p->n_trees; kind++)
		replaced += 2 * sectors_of(m->tables[kind].bytes);
	stays = m->base_tree_sectors - min_u64(replaced, m->base_tree_sectors);
	return stays + p->cost.tree_sectors;
}

static int place_all(struct burn_plan *p)
{
	const struct burn_options *o = &p->options;
	uint64_t at = (uint64_t)o->start_lba + SESSION_DESCRIPTORS + descriptor_sectors(p), digests;
	uint32_t unit = o->align_end_sectors ? o->align_end_sectors : 1;
	int r = 0;

	p->sums.tag_lba[TAG_DESCRIPTORS] = (uint32_t)at;
	at += p->sums.n != 0;
	if (p->foreign_descriptors)
		at = (uint64_t)o->start_lba + SESSION_SAVED_DESCRIPTORS + DESCRIPTORS_SECTORS;
	p->tree_lba = (uint32_t)at;
	r = place_tables(p, &at);
	if (!r)
		r = place_links(p, &at);
	for (unsigned kind = 0; kind < p->n_trees && !r; kind++)
		r = place_tree(p, (enum tree_kind)kind, &at);
	if (r)
		return r;
	p->sums.tag_lba[TAG_TREE] = (uint32_t)at;
	at += p->sums.n != 0;
	if (at >= UINT32_MAX)
		return -ENOSPC;
	p->data_lba = (uint32_t)at;
	p->cost.tree_sectors = p->data_lba - p->tree_lba;
	p->whole_tree_sectors = whole_tree_sectors(p);
	p->cost.shared_sectors = kept_sectors(p);
	p->cost.files_in_pieces = content_files_in_pieces(p);
	r = place_data(p, &at);
	if (r)
		return r;
	p->cost.data_sectors = at - p->data_lba;
	r = place_contents(p, &at);
	place_sums(p, &at);
	if (!r)
		r = adoption_place(p, &at);
	if (!r)
		r = parity_place(p, &at);
	if (r)
		return r;
	p->cost.append_sectors = digest_table_place(at - o->start_lba, unit, &digests);
	if (o->start_lba + p->cost.append_sectors > UINT32_MAX)
		return -ENOSPC;
	p->end_lba = o->start_lba + (uint32_t)p->cost.append_sectors;
	p->digests_lba = p->end_lba - 1 - (uint32_t)digests;
	return 0;
}

/* ---- what a rebase needs ---- */

/* The staged parts of one written run; with list NULL they are only counted. */
static size_t staged_parts(const struct burn_plan *p, const struct plan_data *d, struct burn_placement *list)
{
	const struct manifest_node *node = &p->manifest->nodes[d->node];
	const struct extent *run = &p->runs[d->run], *e = p->manifest->extents + node->first_extent,
			    *end = e + node->n_extents;
	size_t n = 0;

	bulk_pace(p->manifest->bulk, 4); /* near each other in one directory */
	for (e += extent_at(e, node->n_extents, run->offset); e < end && e->offset < run->offset + run->length; e++) {
		uint64_t from = max_u64(e->offset, run->offset),
			 to = min_u64(e->offset + e->length, run->offset + run->length);

		if (e->kind != EXTENT_STAGE)
			continue;
		if (list)
			list[n] = (struct burn_placement){e->body, e->pos + (from - e->offset), to - from,
							  run->pos + (from - run->offset)};
		n++;
	}
	return n;
}

static int list_placements(struct burn_plan *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n_data; i++)
		n += staged_parts(p, &p->data[i], NULL);
	p->placements = bulk_zalloc(p->manifest->bulk, n + 1, sizeof(*p->placements));
	if (!p->placements)
		return -ENOMEM;
	n = 0;
	for (size_t i = 0; i < p->n_data; i++)
		n += staged_parts(p, &p->data[i], p->placements + n);
	p->n_placements = placements_tidy(p->manifest->bulk, p->placements, n);
	return 0;
}

static int compare_directories(const void *a, const void *b)
{
	const struct burn_directory *x = a, *y = b;

	return x->ino < y->ino ? -1 : x->ino > y->ino;
}

static int list_directories(struct burn_plan *p)
{
	const struct plan_tree *tree = &p->trees[TREE_ROCK_RIDGE];

	p->directories = bulk_zalloc(p->manifest->bulk, tree->n_directories, sizeof(*p->directories));
	if (!p->directories)
		return -ENOMEM;
	for (uint32_t i = 0; i < tree->n_directories; i++) {
		const struct plan_directory *d = &tree->directories[i];

		p->directories[i] =
			(struct burn_directory){p->manifest->nodes[d->node].ino, d->lba, d->sectors * SECTOR_BYTES,
						d->sectors + d->area_sectors +
							plan_place_of(p, TREE_JOLIET, d->node).bytes / SECTOR_BYTES};
	}
	bulk_sort(p->manifest->bulk, p->directories, tree->n_directories, sizeof(*p->directories), compare_directories);
	return 0;
}

/* ---- the plan ---- */

/* NULL stays that. */
static int copy_of(const uint8_t *bytes, uint32_t n_sectors, uint8_t **ret)
{
	size_t n = (size_t)n_sectors * SECTOR_BYTES;

	*ret = bytes ? malloc(n) : NULL;
	if (*ret)
		memcpy(*ret, bytes, n);
	return bytes && !*ret ? -ENOMEM : 0;
}

static int plan_alloc(const struct manifest *m, const struct burn_options *o, struct burn_plan **ret)
{
	_cleanup_(burn_plan_freep) struct burn_plan *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return -ENOMEM;
	p->parity.fd = -1;
	p->manifest = m;
	p->options = *o;
	p->options.foreign_descriptors = p->options.boot_record = NULL; /* the plan has copies */
	p->options.labels = p->options.joliet_labels = NULL;
	p->options.older = p->options.adopt = NULL;
	p->options.volume_id[sizeof(p->options.volume_id) - 1] = 0;
	p->n_trees = o->no_joliet ? 1 : N_TREES;
	p->names.bulk = m->bulk;
	p->entries = bulk_zalloc(m->bulk, (size_t)m->n_entries + 1, sizeof(*p->entries));
	p->files = bulk_zalloc(m->bulk, m->n_nodes, sizeof(*p->files));
	for (unsigned i = 0; i < p->n_trees; i++) {
		p->trees[i].order = bulk_zalloc(m->bulk, (size_t)m->n_entries + 1, sizeof(uint32_t));
		p->trees[i].of_node = bulk_zalloc(m->bulk, m->n_nodes, sizeof(uint32_t));
		if (!p->trees[i].order || !p->trees[i].of_node)
			return -ENOMEM;
	}
	if (!p->entries || !p->files ||
	    copy_of(o->foreign_descriptors, DESCRIPTORS_SECTORS, &p->foreign_descriptors) < 0 ||
	    copy_of(o->boot_record, 1, &p->boot_record) < 0 || copy_of(o->labels, 1, &p->labels) < 0 ||
	    copy_of(o->joliet_labels, 1, &p->joliet_labels) < 0 || parity_plan(p, o) < 0)
		return -ENOMEM;
	r = adoption_plan(p, o);
	if (!r)
		*ret = TAKE_PTR(p);
	return r;
}

int burn_plan_new(const struct manifest *m, const struct burn_options *o, struct burn_plan **ret)
{
	_cleanup_(burn_plan_freep) struct burn_plan *p = NULL;
	int r = check_manifest(m);

	if (!r)
		r = plan_alloc(m, o, &p);
	if (!r)
		r = plan_trees(p);
	if (!r)
		r = content_plan(p);
	if (!r)
		r = sums_plan(p);
	if (!r)
		r = place_all(p);
	if (!r)
		r = list_placements(p);
	if (!r)
		r = list_directories(p);
	if (r)
		return r;
	*ret = TAKE_PTR(p);
	return 0;
}

void burn_plan_free(struct burn_plan *p)
{
	if (!p)
		return;
	for (unsigned i = 0; i < N_TREES; i++) {
		base_table_free(p->trees[i].base);
		bulk_free(p->trees[i].directories);
		bulk_free(p->trees[i].parents_first);
		bulk_free(p->trees[i].order);
		bulk_free(p->trees[i].of_node);
	}
	plan_links_release(&p->links);
	sums_release(&p->sums);
	adoption_release(&p->adoption);
	parity_release(&p->parity);
	arena_release(&p->names);
	bulk_free(p->entries);
	bulk_free(p->files);
	bulk_free(p->runs);
	bulk_free(p->data);
	bulk_free(p->placements);
	bulk_free(p->directories);
	free(p->foreign_descriptors);
	free(p->boot_record);
	free(p->labels);
	free(p->joliet_labels);
	free(p);
}

void burn_plan_cost(const struct burn_plan *p, struct burn_cost *ret) { *ret = p->cost; }

void burn_plan_placements(const struct burn_plan *p, const struct burn_placement **ret, size_t *ret_n)
{
	*ret = p->placements;
	*ret_n = p->n_placements;
}

void burn_plan_directories(const struct burn_plan *p, const struct burn_directory **ret, size_t *ret_n)
{
	*ret = p->directories;
	*ret_n = p->trees[TREE_ROCK_RIDGE].n_directories;
}

void burn_plan_extents(const struct burn_plan *p, uint32_t node, const struct extent **ret, size_t *ret_n)
{
	const struct plan_file *f = plan_content(p, node);

	*ret = f->n_runs ? p->runs + f->first_run : NULL;
	*ret_n = f->n_runs;
}

uint32_t session_start(const struct burn_plan *p) { return p->options.start_lba; }
uint32_t session_length(const struct burn_plan *p) { return p->end_lba - p->options.start_lba; }
uint32_t session_body(const struct burn_plan *p) { return p->digests_lba - p->options.start_lba; }
