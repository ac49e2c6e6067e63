/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rows of what a file is split into: in a copy of all rows, or in the stage.
 */
#include "fs/tree/split_rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/bytes.h"
#include "fs/tree/map.h"
#include "fs/tree/staged.h"

uint32_t split_extents(const struct split *s, uint32_t part, const struct stage_node *whole, struct extent *ret)
{
	uint64_t from = 0, to;
	uint32_t n = 0;

	for (uint32_t i = 0; i < part; i++)
		from += split_part_bytes(s, i);
	to = from + split_part_bytes(s, part);
	for (uint32_t i = 0; i < whole->n_extents; i++) {
		const struct extent *e = &whole->extents[i];

		if (e->offset + e->length <= from || e->offset >= to)
			continue;
		ret[n] = map_clip(e, from, to);
		ret[n++].offset -= from;
	}
	return n;
}

struct stage_node split_part_row(const struct split *s, uint32_t part, const struct stage_node *whole, uint64_t ino)
{
	struct stage_node row = *whole;

	row.ino = ino;
	row.size = split_part_bytes(s, part);
	row.n_extents = 0;
	row.extents = NULL;
	return row;
}

struct stage_node split_text_row(const struct split *s, size_t name, const struct stage_node *whole, uint64_t ino)
{
	struct stage_node row = *whole;

	row.ino = ino;
	row.mode &= ~(uint32_t)07111;
	row.nlink = 1;
	row.parent = s->names[name].parent;
	row.n_extents = 0;
	row.extents = NULL;
	row.xattrs = NULL;
	row.xattrs_bytes = 0;
	return row;
}

bool split_fits_row(const struct split *s, const struct stage_node *row)
{
	return row && S_ISREG(row->mode) && row->size == s->size && row->nlink == s->n_names && span_row_is_new(row);
}

/* ---- in a copy ---- */

struct splitting {
	const struct split *split;
	struct stage_snapshot *rows;
	struct stage_node whole;
};

static int put_name(struct splitting *x, size_t name, const char *kind, uint32_t part, uint64_t ino)
{
	struct stage_snapshot *rows = x->rows;
	char *own = stage_snapshot_take(rows, NAME_MAX + 1);
	int r = own ? split_name(x->split, name, kind, part, own) : -ENOMEM;

	if (r == 0)
		rows->names[rows->n_names++] = (struct stage_snapshot_name){x->split->names[name].parent, own, ino};
	return r;
}

static int put_part(struct splitting *x, uint32_t part, uint64_t ino)
{
	struct stage_node *row = &x->rows->nodes[x->rows->n_nodes++];
	int r = 0;

	*row = split_part_row(x->split, part, &x->whole, ino);
	row->extents = stage_snapshot_take(x->rows, (x->whole.n_extents + 1) * sizeof(*row->extents));
	if (!row->extents)
		return -ENOMEM;
	row->n_extents = split_extents(x->split, part, &x->whole, row->extents);
	for (size_t i = 0; r == 0 && i < x->split->n_names; i++)
		r = put_name(x, i, SPLIT_PART, part, ino);
	return r;
}

static int put_text(struct splitting *x, size_t name, uint32_t part, uint64_t ino)
{
	struct stage_node *row = &x->rows->nodes[x->rows->n_nodes++];
	size_t length = 0;
	_free_ char *text = split_text(x->split, name, part, NULL, &length);

	*row = split_text_row(x->split, name, &x->whole, ino);
	row->extents = stage_snapshot_take(x->rows, sizeof(*row->extents));
	if (!text || !row->extents)
		return -ENOMEM;
	row->size = length;
	row->n_extents = 1;
	*row->extents = (struct extent){.length = length, .kind = EXTENT_HOLE};
	return put_name(x, name, SPLIT_TEXT, part, ino);
}

static void take_out(struct splitting *x)
{
	struct stage_snapshot *rows = x->rows;
	size_t n_nodes = 0, n_names = 0;

	for (size_t i = 0; i < rows->n_nodes; i++)
		if (rows->nodes[i].ino != x->split->ino)
			rows->nodes[n_nodes++] = rows->nodes[i];
	for (size_t i = 0; i < rows->n_names; i++)
		if (rows->names[i].ino != x->split->ino)
			rows->names[n_names++] = rows->names[i];
	rows->n_nodes = n_nodes;
	rows->n_names = n_names;
}

static int compare_names(const void *a, const void *b)
{
	const struct stage_snapshot_name *x = a, *y = b;

	return x->parent != y->parent ? (x->parent < y->parent ? -1 : 1) : strcmp(x->name, y->name);
}

int split_rows(const struct split *s, struct stage_snapshot *rows, uint64_t first_ino)
{
	struct splitting x = {.split = s, .rows = rows};
	const struct stage_node *row = staged_row(rows, s->ino);
	int r;

	if (!split_fits_row(s, row) || rows->nodes[rows->n_nodes - 1].ino >= first_ino)
		return -EAGAIN;
	x.whole = *row;
	r = stage_snapshot_grow(rows, split_files(s), 2 * (size_t)s->n_parts * s->n_names);
	if (r < 0)
		return r;
	take_out(&x);
	for (uint32_t i = 0; r == 0 && i < s->n_parts; i++)
		r = put_part(&x, i, first_ino++);
	for (size_t i = 0; r == 0 && i < s->n_names; i++)
		for (uint32_t k = 0; r == 0 && k < s->n_parts; k++)
			r = put_text(&x, i, k, first_ino++);
	bulk_sort(&rows->bulk, rows->names, rows->n_names, sizeof(*rows->names), compare_names);
	return r;
}
