/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/tree/span_walk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/grow.h"
#include "burner/base/search.h"
#include "fs/tree/staged.h"

struct walk {
	const struct stage_snapshot *rows;
	uint64_t *directories; /* to be looked into */
	size_t n, capacity, met;
	int (*each)(void *context, const struct span_node *n);
	void *context;
};

static int visit(struct walk *w, uint64_t ino, size_t name)
{
	const struct span_node n = {ino, ino ? staged_row(w->rows, ino) : NULL, name};
	int r = w->met++ > w->rows->n_names ? -EBADMSG : w->each(w->context, &n);

	if (r || !n.row || !S_ISDIR(n.row->mode))
		return r;
	if (grow(&w->directories, &w->capacity, w->n, sizeof(*w->directories)))
		return -ENOMEM;
	w->directories[w->n++] = ino;
	return 0;
}

int span_walk(const struct stage_snapshot *rows, uint64_t ino, int (*each)(void *context, const struct span_node *n),
	      void *context)
{
	struct walk w = {.rows = rows, .each = each, .context = context};
	int r = visit(&w, ino, SPAN_NONE);

	while (r == 0 && w.n) {
		uint64_t directory = w.directories[--w.n];
		size_t end = staged_names_of(rows, directory + 1);

		for (size_t i = staged_names_of(rows, directory); r == 0 && i < end; i++)
			r = visit(&w, rows->names[i].ino, i);
	}
	free(w.directories);
	return r;
}

static bool name_before(const void *list, size_t i, const void *key)
{
	const struct stage_snapshot_name *n = (const struct stage_snapshot_name *)list + i, *k = key;

	return n->parent != k->parent ? n->parent < k->parent : strcmp(n->name, k->name) < 0;
}

const struct stage_snapshot_name *span_name(const struct stage_snapshot *rows, uint64_t parent, const char *name)
{
	const struct stage_snapshot_name key = {.parent = parent, .name = name};
	size_t i = search_first(rows->names, rows->n_names, &key, name_before);
	const struct stage_snapshot_name *n = &rows->names[i];

	return i < rows->n_names && n->parent == parent && strcmp(n->name, name) == 0 ? n : NULL;
}

bool span_row_is_new(const struct stage_node *row)
{
	if (row->xattrs_at || (S_ISDIR(row->mode) && row->base_bytes))
		return false;
	for (uint32_t i = 0; i < row->n_extents; i++)
		if (row->extents[i].kind == EXTENT_DISC)
			return false;
	return true;
}
