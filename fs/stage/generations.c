/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Freezing, the copy that a commit works from, and what a finished commit drops.
 *
 * A snapshot is one array of nodes, one of names, and an arena of extents, targets and names: read in two ordered
 * scans under the mutex, freed in a few calls.  A large one lies in files of the stage's directory
 * (burner/base/bulk.h).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/arena.h"
#include "burner/base/bytes.h"
#include "burner/base/own.h"
#include "burner/base/xattrs.h"
#include "fs/stage/internal.h"

int stage_freeze(struct stage *s, uint32_t *ret_generation)
{
	uint32_t frozen;
	int r;

	stage_lock(s);
	frozen = s->generation;
	r = s->frozen		? -EBUSY :
	    frozen == INT32_MAX ? -EOVERFLOW :
				  stage_state_put_number(s, "generation", (uint64_t)frozen + 1);
	if (!r) {
		s->generation = frozen + 1;
		s->bodies.running = NULL;
		s->frozen = true;
		*ret_generation = frozen;
	}
	stage_unlock(s);
	return r;
}

void stage_unfreeze(struct stage *s)
{
	stage_lock(s);
	s->frozen = false;
	stage_unlock(s);
	stage_discards_apply(s);
}

/* Rows of one table.  When none is newer the whole table goes: then its pages are freed unread, and the log does not
 * hold each of them. */
static int drop_rows(struct stage *s, enum statement newer, enum statement drop, enum statement clear,
		     uint32_t generation)
{
	int r;

	sqlite3_bind_int64(s->statements[newer], 1, generation);
	r = db_step_locked(s, newer);
	db_reset_locked(s, newer);
	if (r < 0)
		return r;
	if (r == 0)
		return db_run(s, clear);
	sqlite3_bind_int64(s->statements[drop], 1, generation);
	return db_run(s, drop);
}

int stage_drop_generation(struct stage *s, uint32_t generation)
{
	int r;

	stage_lock(s);
	r = db_begin_locked(s, false);
	if (!r)
		r = db_save(s);
	if (!r) {
		r = drop_rows(s, ST_NODE_NEWER, ST_NODE_DROP, ST_NODES_CLEAR, generation);
		if (!r)
			r = drop_rows(s, ST_NAME_NEWER, ST_NAME_DROP, ST_NAMES_CLEAR, generation);
		r = r ? db_restore_locked(s, r) : db_release(s);
	}
	if (!r)
		r = stage_rows_load(s);
	stage_unlock(s);
	return r;
}

/* ---- snapshot ---- */

struct copy {
	struct stage_snapshot public;
	struct arena arena;
	bool given_out;
};

/* Of a stage that is only given out the rest is wanted. */
static int leave_out(struct copy *c)
{
	c->public.n_left_out++;
	return c->given_out ? 0 : -EBADMSG;
}

static char *arena_text(struct copy *c, sqlite3_stmt *row, int column)
{
	return arena_string(&c->arena, sqlite3_column_blob(row, column), (size_t)sqlite3_column_bytes(row, column));
}

/* A commit knows one kind of hole. */
static uint32_t join_holes(struct extent *e, uint32_t n)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < n; i++) {
		if (e[i].kind == EXTENT_HOLE)
			e[i].body = 0;
		if (kept && e[i].kind == EXTENT_HOLE && e[kept - 1].kind == EXTENT_HOLE)
			e[kept - 1].length += e[i].length;
		else
			e[kept++] = e[i];
	}
	return kept;
}

static int copy_xattrs(struct copy *c, sqlite3_stmt *row, struct stage_node *n)
{
	const uint8_t *set = sqlite3_column_blob(row, COLUMN_XATTRS);
	size_t bytes = (size_t)sqlite3_column_bytes(row, COLUMN_XATTRS);

	if (xattrs_check(set, bytes))
		return leave_out(c);
	n->xattrs = arena_copy(&c->arena, set, bytes);
	n->xattrs_bytes = (uint32_t)bytes;
	return n->xattrs ? 0 : -ENOMEM;
}

static int copy_node(struct copy *c, sqlite3_stmt *row)
{
	struct stage_node *n = &c->public.nodes[c->public.n_nodes];
	size_t length = (size_t)sqlite3_column_bytes(row, COLUMN_EXTENTS);

	stage_node_scalars(row, n);
	if (length) {
		int r;

		n->n_extents = (uint32_t)(length / EXTENT_PACKED_BYTES);
		n->extents = arena_take(&c->arena, n->n_extents * sizeof(*n->extents), alignof(struct extent));
		r = n->extents ? stage_extents_unpack(sqlite3_column_blob(row, COLUMN_EXTENTS), length, n->extents) :
				 -ENOMEM;
		if (r == -EBADMSG) {
			n->n_extents = 0;
			r = leave_out(c);
		}
		if (r)
			return r;
		n->n_extents = join_holes(n->extents, n->n_extents);
	}
	if (sqlite3_column_type(row, COLUMN_TARGET) != SQLITE_NULL && !(n->target = arena_text(c, row, COLUMN_TARGET)))
		return -ENOMEM;
	if (sqlite3_column_bytes(row, COLUMN_XATTRS)) {
		int r = copy_xattrs(c, row, n);

		if (r)
			return r;
	}
	c->public.n_nodes++;
	bulk_pace(&c->public.bulk, 1);
	return 0;
}

static int copy_name(struct copy *c, sqlite3_stmt *row)
{
	struct stage_snapshot_name *n = &c->public.names[c->public.n_names];

	*n = (struct stage_snapshot_name){stage_row_number(row, 0), arena_text(c, row, 1), stage_row_number(row, 2)};
	if (!n->name)
		return -ENOMEM;
	if (!stage_name_is_sound(n->name, (size_t)sqlite3_column_bytes(row, 1)))
		return leave_out(c);
	c->public.n_names++;
	bulk_pace(&c->public.bulk, 1);
	return 0;
}

static int copy_rows_locked(struct stage *s, struct copy *c)
{
	lock_assert(&s->lock);
	size_t n_nodes = s->nodes.count, n_names = s->n_names;
	int r = s->failed;

	c->arena.bulk = &c->public.bulk;
	c->public.nodes = bulk_zalloc(&c->public.bulk, n_nodes + 1, sizeof(*c->public.nodes));
	c->public.names = bulk_zalloc(&c->public.bulk, n_names + 1, sizeof(*c->public.names));
	if (!c->public.nodes || !c->public.names)
		return -ENOMEM;
	while (!r && (r = db_step_locked(s, ST_NODES_ALL)) > 0)
		r = c->public.n_nodes < n_nodes ? copy_node(c, s->statements[ST_NODES_ALL]) : -EBADMSG;
	db_reset_locked(s, ST_NODES_ALL);
	while (!r && (r = db_step_locked(s, ST_NAMES_ALL)) > 0)
		r = c->public.n_names < n_names ? copy_name(c, s->statements[ST_NAMES_ALL]) : -EBADMSG;
	db_reset_locked(s, ST_NAMES_ALL);
	return r;
}

/* `while (!r && (r = step) > 0)` ends with r == 0 at the last row and with an error otherwise. */
int stage_snapshot(struct stage *s, uint64_t keep_bytes, struct stage_snapshot **ret)
{
	_cleanup_(stage_snapshot_freep) struct stage_snapshot *snapshot = NULL;
	struct copy *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	snapshot = &c->public;
	c->given_out = s->given_out;
	c->public.bulk = (struct bulk){.directory = s->directory, .keep_bytes = keep_bytes};
	stage_lock(s);
	r = copy_rows_locked(s, c);
	stage_unlock(s);
	if (!r)
		*ret = TAKE_PTR(snapshot);
	return r;
}

int stage_snapshot_grow(struct stage_snapshot *p, size_t n_nodes, size_t n_names)
{
	struct stage_node *nodes = bulk_resize(&p->bulk, p->nodes, p->n_nodes + n_nodes, sizeof(*nodes));

	if (!nodes)
		return -ENOMEM;
	p->nodes = nodes;
	struct stage_snapshot_name *names = bulk_resize(&p->bulk, p->names, p->n_names + n_names, sizeof(*names));

	if (!names)
		return -ENOMEM;
	p->names = names;
	return 0;
}

void *stage_snapshot_take(struct stage_snapshot *p, size_t bytes)
{
	struct copy *c = (struct copy *)(void *)p; /* public is its first member */

	return arena_take(&c->arena, bytes, 16);
}

void stage_snapshot_free(struct stage_snapshot *p)
{
	struct copy *c = (struct copy *)(void *)p; /* public is its first member */

	if (!p)
		return;
	arena_release(&c->arena);
	bulk_free(p->nodes);
	bulk_free(p->names);
	free(c);
}
