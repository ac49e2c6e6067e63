/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What must hold of a stage between two steps: the sets in memory are those of the rows, every row's data lies in a
 * body that there is, and the counters of bodies count them.
 */
#include <errno.h>

#include "burner/base/bytes.h"
#include "fs/stage/internal.h"

static int check_nodes_locked(struct stage *s)
{
	size_t n = 0;
	int r;

	lock_assert(&s->lock);
	while ((r = db_step_locked(s, ST_NODE_INOS)) > 0) {
		if (!idset_has(&s->nodes, stage_row_number(s->statements[ST_NODE_INOS], 0)))
			break;
		n++;
	}
	db_reset_locked(s, ST_NODE_INOS);
	return r < 0 ? r : r > 0 || n != s->nodes.count ? -EBADMSG : 0;
}

static int check_names_locked(struct stage *s)
{
	sqlite3_stmt *row = s->statements[ST_NAMES_COUNT];
	uint64_t n_names = 0, count;
	size_t n = 0;
	int r;

	lock_assert(&s->lock);
	while ((r = db_step_locked(s, ST_NAMES_COUNT)) > 0) {
		if (!idmap_get(&s->names, stage_row_number(row, 0), &count) || count != stage_row_number(row, 1))
			break;
		n_names += count;
		n++;
	}
	db_reset_locked(s, ST_NAMES_COUNT);
	return r < 0 ? r : r > 0 || n != s->names.table.count || n_names != s->n_names ? -EBADMSG : 0;
}

/* All bodies that a row names. */
static int check_extents_locked(struct stage *s)
{
	sqlite3_stmt *row = s->statements[ST_NODES_EXTENTS];
	bool found = true;
	int r;

	lock_assert(&s->lock);
	while (found && (r = db_step_locked(s, ST_NODES_EXTENTS)) > 0) {
		const uint8_t *packed = sqlite3_column_blob(row, 0);
		int length = sqlite3_column_bytes(row, 0);

		for (; found && length > 0; length -= EXTENT_PACKED_BYTES, packed += EXTENT_PACKED_BYTES)
			found = get_le32(packed + 28) != EXTENT_STAGE || stage_body_find(s, get_le32(packed + 24));
	}
	db_reset_locked(s, ST_NODES_EXTENTS);
	return found ? r : -EBADMSG;
}

static bool body_is_sound(const struct stage *s, const struct body *b)
{
	bool idle = b->newer || b->older || s->bodies.newest == b;

	return b->number < s->next_body && b->generation <= s->generation && !b->doomed &&
	       idle == (b->fd >= 0 && !b->refs);
}

static int check_bodies_locked(struct stage *s)
{
	const struct bodies *t = &s->bodies;
	unsigned n_dirty = 0, n_open = 0;

	lock_assert(&t->lock);
	for (struct idmap_at at = {0}; idmap_next(&t->table, &at);) {
		const struct body *b = (struct body *)(uintptr_t)at.value;

		if (!body_is_sound(s, b))
			return -EBADMSG;
		n_dirty += b->dirty;
		n_open += b->fd >= 0;
	}
	/* Those that are dropped and still read are open, too. */
	return n_dirty == t->n_dirty && n_open <= t->n_open ? 0 : -EBADMSG;
}

static int check_body_rows_locked(struct stage *s)
{
	size_t n = 0;
	int r;

	lock_assert(&s->lock);
	while ((r = db_step_locked(s, ST_BODIES_ALL)) > 0)
		n += stage_body_find(s, (uint32_t)stage_row_number(s->statements[ST_BODIES_ALL], 0)) != NULL;
	db_reset_locked(s, ST_BODIES_ALL);
	if (r < 0)
		return r;
	lock_take(&s->bodies.lock);
	r = n == s->bodies.table.table.count ? check_bodies_locked(s) : -EBADMSG;
	lock_give(&s->bodies.lock);
	return r;
}

int stage_check(struct stage *s)
{
	int r;

	stage_lock(s);
	r = s->failed ? 0 : check_nodes_locked(s);
	if (!s->failed && !r)
		r = check_names_locked(s);
	if (!s->failed && !r)
		r = check_extents_locked(s);
	if (!s->failed && !r)
		r = check_body_rows_locked(s);
	if (!r && s->next_ino > s->ino_limit)
		r = -EBADMSG;
	stage_unlock(s);
	return r;
}
