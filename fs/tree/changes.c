/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is staged, as paths: a walk over the merged tree with a stack of its own.
 *
 * Rows know inode numbers only, so the paths come from the walk; it reads the directories of the base, which is why
 * this is done for a listing and never for a commit.
 */
#include "burner/base/search.h"
#include "fs/tree/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct change {
	char kind;
	char *path;
	uint64_t bytes;
};
struct visit {
	uint64_t ino;
	struct iso_extent dir;
	char *path;
};

struct changes {
	struct tree_frozen frozen;
	struct visit *stack;
	size_t n_stack, stack_capacity;
	struct change *list;
	size_t n_list, list_capacity;
	bool *row_met;			    /* for each row: its directory has been met */
	uint64_t visited, bytes, max_bytes; /* directories of the base: how many, their length */
};

static void changes_release(struct changes *c)
{
	for (size_t i = 0; i < c->n_stack; i++)
		free(c->stack[i].path);
	for (size_t i = 0; i < c->n_list; i++)
		free(c->list[i].path);
	free(c->stack);
	free(c->list);
	free(c->row_met);
	tree_frozen_release(&c->frozen);
}

static int compare_nodes(const void *key, const void *element)
{
	uint64_t a = *(const uint64_t *)key, b = ((const struct stage_node *)element)->ino;

	return a < b ? -1 : a > b;
}

static const struct stage_node *row_of(const struct changes *c, uint64_t ino)
{
	const struct stage_snapshot *s = c->frozen.snapshot;

	return bsearch(&ino, s->nodes, s->n_nodes, sizeof(*s->nodes), compare_nodes);
}

static bool parent_before(const void *list, size_t i, const void *key)
{
	return ((const struct stage_snapshot_name *)list)[i].parent < *(const uint64_t *)key;
}

/* First staged name of a directory. */
static size_t names_of(const struct changes *c, uint64_t parent)
{
	const struct stage_snapshot *s = c->frozen.snapshot;

	return search_first(s->names, s->n_names, &parent, parent_before);
}

static uint64_t staged_bytes(const struct stage_node *row)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; row && i < row->n_extents; i++) {
		if (row->extents[i].kind == EXTENT_STAGE)
			bytes += row->extents[i].length;
	}
	return bytes;
}

static char *join(const char *path, const char *name)
{
	char *joined;

	return asprintf(&joined, "%s%s%s", path, *path ? "/" : "", name) < 0 ? NULL : joined;
}

static int add_change(struct changes *c, char kind, const struct visit *at, const char *name, uint64_t bytes)
{
	if (c->n_list == c->list_capacity) {
		struct change *grown = reallocarray(c->list, c->list_capacity * 2 + 64, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		c->list = grown;
		c->list_capacity = c->list_capacity * 2 + 64;
	}
	char *path = join(at->path, name);
	if (!path)
		return -ENOMEM;
	c->list[c->n_list++] = (struct change){kind, path, bytes};
	return 0;
}

/* A loop, of a damaged journal or disc: a directory with two names, or more directories than a disc has. */
static bool leads_in_circles(struct changes *c, const struct stage_node *row, struct iso_extent dir)
{
	bool *met = row ? &c->row_met[row - c->frozen.snapshot->nodes] : NULL;

	if (met && *met)
		return true;
	if (met)
		*met = true;
	c->bytes += dir.bytes;
	return ++c->visited > (1u << 22) || c->bytes > c->max_bytes;
}

static int push(struct changes *c, const struct visit *at, const char *name, uint64_t ino, struct iso_extent dir)
{
	if (leads_in_circles(c, row_of(c, ino), dir))
		return -EBADMSG;
	if (c->n_stack == c->stack_capacity) {
		struct visit *grown = reallocarray(c->stack, c->stack_capacity * 2 + 64, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		c->stack = grown;
		c->stack_capacity = c->stack_capacity * 2 + 64;
	}
	char *path = at ? join(at->path, name) : strdup("");
	if (!path)
		return -ENOMEM;
	c->stack[c->n_stack++] = (struct visit){ino, dir, path};
	return 0;
}

struct range {
	size_t from, to;
	bool *seen;
}; /* the staged names of a directory; seen: the base has the name */

static bool name_before(const void *list, size_t i, const void *key)
{
	return strcmp(((const struct stage_snapshot_name *)list)[i].name, key) < 0;
}

static size_t find_name(const struct changes *c, const struct range *r, const char *name)
{
	const struct stage_snapshot_name *names = c->frozen.snapshot->names + r->from;
	size_t n = r->to - r->from, i = search_first(names, n, name, name_before);

	return i < n && strcmp(names[i].name, name) == 0 ? r->from + i : SIZE_MAX;
}

static int base_entry(struct changes *c, const struct visit *at, const struct range *range, const struct iso_entry *e)
{
	size_t staged = find_name(c, range, e->name);
	const struct stage_node *row;

	if (staged != SIZE_MAX) {
		range->seen[staged - range->from] = true;
		return 0;
	}
	row = row_of(c, e->ino);
	if (S_ISDIR(e->mode)) {
		struct iso_extent dir = row ? (struct iso_extent){row->base_lba, row->base_bytes} : e->dir;
		bool changed = row && (row->mode != e->mode || row->uid != e->uid || row->gid != e->gid);
		int r = changed ? add_change(c, 'M', at, e->name, 0) : 0;

		return r < 0 ? r : push(c, at, e->name, e->ino, dir);
	}
	return row ? add_change(c, 'M', at, e->name, staged_bytes(row)) : 0;
}

static int staged_entry(struct changes *c, const struct visit *at, size_t i, bool in_base)
{
	const struct stage_snapshot_name *name = &c->frozen.snapshot->names[i];
	const struct stage_node *row;

	if (name->ino == STAGE_WHITEOUT)
		return in_base ? add_change(c, 'D', at, name->name, 0) : 0;
	row = row_of(c, name->ino);
	int r = add_change(c, in_base ? 'M' : 'A', at, name->name, staged_bytes(row));
	if (r == 0 && row && S_ISDIR(row->mode))
		r = push(c, at, name->name, name->ino, (struct iso_extent){row->base_lba, row->base_bytes});
	return r;
}

static int visit(struct changes *c, const struct visit *at)
{
	struct range range = {.from = names_of(c, at->ino), .to = names_of(c, at->ino + 1)};
	_free_ bool *seen = calloc(range.to - range.from + 1, sizeof(bool));
	int r = seen ? 0 : -ENOMEM;

	range.seen = seen;
	if (r == 0 && c->frozen.base && at->dir.bytes) {
		_cleanup_(iso_dir_closep) struct iso_dir *d = NULL;
		struct iso_entry e = {0};

		r = iso_dir_open(c->frozen.base, at->dir, &d);
		while (r == 0 && (r = iso_dir_next(d, &e)) == 1) {
			r = base_entry(c, at, &range, &e);
			iso_entry_release(&e);
		}
	}
	for (size_t i = range.from; r == 0 && i < range.to; i++)
		r = staged_entry(c, at, i, seen[i - range.from]);
	return r;
}

static int compare_paths(const void *a, const void *b)
{
	return strcmp(((const struct change *)a)->path, ((const struct change *)b)->path);
}

static int walk(struct changes *c)
{
	const struct stage_node *row = row_of(c, TREE_ROOT);
	struct iso_extent dir = {0};
	int r = 0;

	if (row) {
		dir = (struct iso_extent){row->base_lba, row->base_bytes};
	} else if (c->frozen.base) {
		_cleanup_entry_ struct iso_entry root = {0};

		r = iso_root(c->frozen.base, &root);
		dir = root.dir;
	}
	if (r == 0)
		r = push(c, NULL, "", TREE_ROOT, dir);
	while (r == 0 && c->n_stack) {
		struct visit at = c->stack[--c->n_stack];

		r = visit(c, &at);
		free(at.path);
	}
	return r;
}

int tree_changes(struct tree *t, int (*emit)(void *context, char kind, const char *path, uint64_t bytes), void *context)
{
	_cleanup_(changes_release) struct changes c = {0};
	int r = tree_preview(t, 0, &c.frozen);

	if (r == -ENODATA)
		return 0;
	if (r == 0)
		c.row_met = calloc(c.frozen.snapshot->n_nodes + 1, sizeof(bool));
	c.max_bytes = c.frozen.base ? space_directory_bytes_max(c.frozen.base) : 0;
	if (r == 0)
		r = c.row_met ? walk(&c) : -ENOMEM;
	if (r == 0 && c.n_list)
		qsort(c.list, c.n_list, sizeof(*c.list), compare_paths);
	for (size_t i = 0; r == 0 && i < c.n_list; i++)
		r = emit(context, c.list[i].kind, c.list[i].path, c.list[i].bytes);
	return r;
}
