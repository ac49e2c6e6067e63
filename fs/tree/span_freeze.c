/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A freeze that holds something back: what is held becomes a part of the next generation before the commit sees
 * anything, as if it had been made just after.  So whatever becomes of the burn, or of this process, it is staged.
 *
 * What was planned is looked at again, with the rows as they are now: files may have been written, removed or moved
 * since.  Directories on the way to what is held are in both generations, with their names, also those that the disc
 * has: so the rows of the next one are a tree by themselves, from the root down.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/idmap.h"
#include "burner/base/search.h"
#include "fs/tree/internal.h"
#include "fs/tree/span_walk.h"
#include "fs/tree/staged.h"

struct holder {
	const struct span *span;
	struct stage_snapshot *rows;
	bool *nodes, *names; /* of each row: it is held; … */
	bool *ways;	     /* … it is of a directory in both generations, … */
	bool *named;	     /* … which has a row of its name, … */
	bool *way_names;     /* … this one */
	struct idmap links;  /* names met of files that have several */
};

static void holder_release(struct holder *h)
{
	free(h->nodes);
	free(h->names);
	free(h->ways);
	free(h->named);
	free(h->way_names);
	idmap_release(&h->links);
}

static size_t index_of(const struct holder *h, const struct stage_node *row) { return (size_t)(row - h->rows->nodes); }

/* Another name of a file with several. */
static int count_link(struct holder *h, uint64_t ino)
{
	uint64_t met = 0;

	(void)idmap_get(&h->links, ino, &met);
	if (idmap_reserve(&h->links, 1))
		return -ENOMEM;
	idmap_put(&h->links, ino, met + 1);
	return 0;
}

static int hold_node(void *context, const struct span_node *n)
{
	struct holder *h = context;
	bool planned = n->ino >= h->span->next_ino || idset_has(&h->span->nodes, n->ino);

	if (n->name != SPAN_NONE)
		h->names[n->name] = true;
	if (n->ino == STAGE_WHITEOUT)
		return 0;
	if (!n->row || !planned || !span_row_is_new(n->row))
		return -EAGAIN;
	h->nodes[index_of(h, n->row)] = true;
	return !S_ISDIR(n->row->mode) && n->row->nlink > 1 ? count_link(h, n->ino) : 0;
}

/* The directories above it, up to the root. */
static int hold_way(struct holder *h, uint64_t ino)
{
	for (;;) {
		const struct stage_node *row = staged_row(h->rows, ino);

		if (!row || !S_ISDIR(row->mode))
			return -EAGAIN;
		if (h->ways[index_of(h, row)])
			return 0;
		h->ways[index_of(h, row)] = true;
		if (ino == TREE_ROOT)
			return 0;
		ino = row->parent;
	}
}

static int hold_entry(struct holder *h, const struct span_entry *e)
{
	const struct stage_snapshot_name *n = span_name(h->rows, e->parent, e->name);

	if (!n || n->ino != e->ino)
		return -EAGAIN;
	h->names[n - h->rows->names] = true;
	int r = span_walk(h->rows, e->ino, hold_node, h);

	return r < 0 ? r : hold_way(h, e->parent);
}

static void find_way_names(struct holder *h)
{
	for (size_t i = 0; i < h->rows->n_names; i++) {
		uint64_t ino = h->rows->names[i].ino;
		const struct stage_node *row = ino == STAGE_WHITEOUT ? NULL : staged_row(h->rows, ino);

		h->way_names[i] = row && h->ways[index_of(h, row)];
		if (h->way_names[i])
			h->named[index_of(h, row)] = true;
	}
}

/* Is anything staged that this disc takes? */
static bool keeps_some(const struct holder *h)
{
	if (h->span->ways_changed)
		return true;
	for (size_t i = 0; i < h->rows->n_nodes; i++)
		if (!h->nodes[i] && !h->ways[i])
			return true;
	for (size_t i = 0; i < h->rows->n_names; i++)
		if (!h->names[i] && !h->way_names[i])
			return true;
	return false;
}

static int mark(struct holder *h)
{
	int r = 0;

	h->nodes = calloc(h->rows->n_nodes + 1, sizeof(*h->nodes));
	h->ways = calloc(h->rows->n_nodes + 1, sizeof(*h->ways));
	h->names = calloc(h->rows->n_names + 1, sizeof(*h->names));
	h->named = calloc(h->rows->n_nodes + 1, sizeof(*h->named));
	h->way_names = calloc(h->rows->n_names + 1, sizeof(*h->way_names));
	if (!h->nodes || !h->ways || !h->names || !h->named || !h->way_names)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < h->span->n_held; i++)
		r = hold_entry(h, h->span->held[i]);
	for (struct idmap_at at = {0}; r == 0 && idmap_next(&h->links, &at);)
		r = staged_row(h->rows, at.key)->nlink == at.value ? 0 : -EAGAIN;
	if (r < 0)
		return r;
	find_way_names(h);
	return keeps_some(h) ? 0 : -ENODATA;
}

/* Held rows leave the copy. */
static void leave_out(struct holder *h)
{
	struct stage_snapshot *rows = h->rows;
	size_t n_nodes = 0, n_names = 0;

	for (size_t i = 0; i < rows->n_nodes; i++)
		if (!h->nodes[i])
			rows->nodes[n_nodes++] = rows->nodes[i];
	for (size_t i = 0; i < rows->n_names; i++)
		if (!h->names[i])
			rows->names[n_names++] = rows->names[i];
	rows->n_nodes = n_nodes;
	rows->n_names = n_names;
}

static bool way_before(const void *list, size_t i, const void *key)
{
	return ((const struct span_way *)list)[i].ino < *(const uint64_t *)key;
}

/* The name that the disc has of a directory. */
static int put_way_name(struct stage *stage, const struct holder *h, const struct stage_node *row)
{
	const struct span *s = h->span;
	size_t i = search_first(s->ways, s->n_ways, &row->ino, way_before);

	if (i == s->n_ways || s->ways[i].ino != row->ino || s->ways[i].parent != row->parent)
		return -EAGAIN;
	return stage_name_put(stage, row->parent, s->ways[i].name, row->ino);
}

/* Together with the freeze, or not at all: no sync comes in between. */
static int renew(struct stage *stage, const struct holder *h)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < h->rows->n_nodes; i++) {
		const struct stage_node *row = &h->rows->nodes[i];

		if (h->nodes[i] || h->ways[i])
			r = stage_node_renew(stage, row->ino);
		if (r == 0 && h->ways[i] && !h->named[i] && row->ino != TREE_ROOT)
			r = put_way_name(stage, h, row);
	}
	for (size_t i = 0; r == 0 && i < h->rows->n_names; i++)
		if (h->names[i] || h->way_names[i])
			r = stage_name_put(stage, h->rows->names[i].parent, h->rows->names[i].name,
					   h->rows->names[i].ino);
	return r;
}

/* Numbers of all rows of the next generation. */
static int list_newer(const struct holder *h, uint64_t **ret, size_t *ret_n)
{
	size_t n = 0;

	*ret = calloc(h->rows->n_nodes + 1, sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	for (size_t i = 0; i < h->rows->n_nodes; i++)
		if (h->nodes[i] || h->ways[i])
			(*ret)[n++] = h->rows->nodes[i].ino;
	*ret_n = n;
	return 0;
}

int span_freeze_locked(struct tree *t, const struct span *s, struct stage_snapshot *rows, uint32_t *ret_generation,
		       uint64_t **ret_newer, size_t *ret_n_newer)
{
	lock_assert(&t->lock);
	_cleanup_(holder_release) struct holder h = {.span = s, .rows = rows};
	int r = mark(&h);

	if (r == 0)
		r = list_newer(&h, ret_newer, ret_n_newer);
	if (r < 0)
		return r;
	stage_lock(t->stage);
	r = stage_freeze(t->stage, ret_generation);
	bool frozen = r == 0;
	if (r == 0)
		r = renew(t->stage, &h);
	stage_unlock(t->stage);
	if (r < 0 && frozen)
		stage_unfreeze(t->stage);
	t->n_name_changes++;
	if (r == 0)
		leave_out(&h);
	return r;
}

int span_preview_locked(struct tree *t, const struct span *s, struct stage_snapshot *rows)
{
	lock_assert(&t->lock);
	_cleanup_(holder_release) struct holder h = {.span = s, .rows = rows};
	int r = span_split_rows(s, rows);

	if (r == 0 && s->n_held)
		r = mark(&h);
	if (r == 0 && s->n_held)
		leave_out(&h);
	return r;
}
