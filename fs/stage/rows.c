/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Node rows.  The set of their numbers is kept in memory, so that a node of the base costs no statement.
 *
 * extents, 32 bytes each, little-endian: offset 8, length 8, pos 8, body 4, kind 4.  They are checked when they are
 * read as if they came from anywhere, and when they are put: ascending, touching, from 0, not empty, no sum
 * overflows.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/bytes.h"
#include "burner/base/own.h"
#include "burner/base/time.h"
#include "fs/stage/internal.h"

#define EXTENTS_ON_STACK 16u

static int extents_check(const struct extent *e, size_t n)
{
	uint64_t offset = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t end, place_end;

		if (e[i].offset != offset || !e[i].length || e[i].kind > EXTENT_STAGE)
			return -EBADMSG;
		if (__builtin_add_overflow(offset, e[i].length, &end) || end > INT64_MAX)
			return -EBADMSG;
		if (__builtin_add_overflow(e[i].pos, e[i].length, &place_end) || place_end > INT64_MAX)
			return -EBADMSG;
		if (e[i].kind == EXTENT_DISC && e[i].body)
			return -EBADMSG;
		if (e[i].kind == EXTENT_HOLE && (e[i].pos || e[i].body > EXTENT_ASIDE))
			return -EBADMSG;
		offset = end;
	}
	return 0;
}

int stage_extents_unpack(const uint8_t *packed, size_t length, struct extent *to)
{
	size_t n = length / EXTENT_PACKED_BYTES;

	if (length % EXTENT_PACKED_BYTES)
		return -EBADMSG;
	for (size_t i = 0; i < n; i++, packed += EXTENT_PACKED_BYTES)
		to[i] = (struct extent){get_le64(packed), get_le64(packed + 8), get_le64(packed + 16),
					get_le32(packed + 24), get_le32(packed + 28)};
	return extents_check(to, n);
}

static void extents_pack(const struct extent *e, size_t n, uint8_t *to)
{
	for (size_t i = 0; i < n; i++, to += EXTENT_PACKED_BYTES) {
		put_le64(to, e[i].offset);
		put_le64(to + 8, e[i].length);
		put_le64(to + 16, e[i].pos);
		put_le32(to + 24, e[i].body);
		put_le32(to + 28, e[i].kind);
	}
}

uint64_t stage_row_number(sqlite3_stmt *row, int column) { return (uint64_t)sqlite3_column_int64(row, column); }

static struct timespec row_time(sqlite3_stmt *row, int column)
{
	uint64_t ns = stage_row_number(row, column + 1);

	return (struct timespec){.tv_sec = nearest_time(sqlite3_column_int64(row, column)),
				 .tv_nsec = ns < 1000000000u ? (long)ns : 0};
}

void stage_node_scalars(sqlite3_stmt *row, struct stage_node *ret)
{
	uint32_t z = (uint32_t)stage_row_number(row, 17);

	*ret = (struct stage_node){
		.ino = stage_row_number(row, 0),
		.generation = (uint32_t)stage_row_number(row, 1),
		.mode = (uint32_t)stage_row_number(row, 2),
		.uid = (uint32_t)stage_row_number(row, 3),
		.gid = (uint32_t)stage_row_number(row, 4),
		.nlink = (uint32_t)stage_row_number(row, 5),
		.size = stage_row_number(row, 6),
		.rdev = stage_row_number(row, 7),
		.parent = stage_row_number(row, 8),
		.atime = row_time(row, 9),
		.mtime = row_time(row, 11),
		.ctime = row_time(row, 13),
		.base_lba = (uint32_t)stage_row_number(row, 15),
		.base_bytes = (uint32_t)stage_row_number(row, 16),
		.zisofs = {{(uint8_t)z, (uint8_t)(z >> 8)}, (uint8_t)(z >> 16), (uint8_t)(z >> 24)},
		.birth = row_time(row, COLUMN_BIRTH),
		.xattrs_at = stage_row_number(row, COLUMN_BIRTH + 2),
	};
}

void stage_node_release(struct stage_node *n)
{
	free(n->extents);
	free(n->target);
	free(n->xattrs);
	n->extents = NULL;
	n->target = NULL;
	n->xattrs = NULL;
	n->n_extents = 0;
}

/* A copy of a column that has bytes, with a NUL behind them; NULL when it has none.  -ENOMEM */
static int copy_column(sqlite3_stmt *row, int column, void *ret)
{
	size_t length = (size_t)sqlite3_column_bytes(row, column);
	uint8_t *copy = calloc(1, length + 1);

	if (!copy)
		return -ENOMEM;
	if (length)
		memcpy(copy, sqlite3_column_blob(row, column), length);
	*(void **)ret = copy;
	return 0;
}

static int node_from_row(sqlite3_stmt *row, struct stage_node *ret)
{
	size_t length = (size_t)sqlite3_column_bytes(row, COLUMN_EXTENTS);
	struct stage_node n;
	int r = 0;

	stage_node_scalars(row, &n);
	if (length) {
		n.extents = malloc(length / EXTENT_PACKED_BYTES * sizeof(struct extent) + 1);
		r = n.extents ? stage_extents_unpack(sqlite3_column_blob(row, COLUMN_EXTENTS), length, n.extents) :
				-ENOMEM;
		n.n_extents = (uint32_t)(length / EXTENT_PACKED_BYTES);
	}
	if (!r && sqlite3_column_type(row, COLUMN_TARGET) != SQLITE_NULL)
		r = copy_column(row, COLUMN_TARGET, &n.target);
	n.xattrs_bytes = (uint32_t)sqlite3_column_bytes(row, COLUMN_XATTRS);
	if (!r && n.xattrs_bytes)
		r = copy_column(row, COLUMN_XATTRS, &n.xattrs);
	if (r)
		stage_node_release(&n);
	else
		*ret = n;
	return r;
}

static int node_get_locked(struct stage *s, uint64_t ino, struct stage_node *ret)
{
	lock_assert(&s->lock);
	int r;

	if (s->failed)
		return s->failed;
	if (!idset_has(&s->nodes, ino))
		return -ENOENT;
	sqlite3_bind_int64(s->statements[ST_NODE_GET], 1, (sqlite3_int64)ino);
	r = db_step_locked(s, ST_NODE_GET);
	if (r <= 0)
		return r ? r : -ENOENT;
	r = node_from_row(s->statements[ST_NODE_GET], ret);
	sqlite3_reset(s->statements[ST_NODE_GET]);
	return r == -EBADMSG ? stage_blame(s, "the extents of node %llu are none", (unsigned long long)ino) : r;
}

int stage_node_get(struct stage *s, uint64_t ino, struct stage_node *ret)
{
	int r;

	stage_lock(s);
	r = node_get_locked(s, ino, ret);
	stage_unlock(s);
	return r;
}

bool stage_node_exists(struct stage *s, uint64_t ino)
{
	bool there;

	stage_lock(s);
	there = idset_has(&s->nodes, ino);
	stage_unlock(s);
	return there;
}

static void bind_node(struct stage *s, const struct stage_node *n, const uint8_t *packed)
{
	sqlite3_stmt *put = s->statements[ST_NODE_PUT];
	const uint64_t scalars[] = {
		n->ino,
		s->generation,
		n->mode,
		n->uid,
		n->gid,
		n->nlink,
		n->size,
		n->rdev,
		n->parent,
		(uint64_t)n->atime.tv_sec,
		(uint64_t)n->atime.tv_nsec,
		(uint64_t)n->mtime.tv_sec,
		(uint64_t)n->mtime.tv_nsec,
		(uint64_t)n->ctime.tv_sec,
		(uint64_t)n->ctime.tv_nsec,
		n->base_lba,
		n->base_bytes,
		n->zisofs.algorithm[0] | (uint32_t)n->zisofs.algorithm[1] << 8 |
			(uint32_t)n->zisofs.header_words << 16 | (uint32_t)n->zisofs.block_shift << 24,
		(uint64_t)n->birth.tv_sec,
		(uint64_t)n->birth.tv_nsec,
		n->xattrs_at,
	};

	_Static_assert(ARRAY_LENGTH(scalars) == COLUMN_EXTENTS, "one per column");
	for (size_t i = 0; i < ARRAY_LENGTH(scalars); i++)
		sqlite3_bind_int64(put, (int)i + 1, (sqlite3_int64)scalars[i]);
	if (n->n_extents)
		sqlite3_bind_blob64(put, COLUMN_EXTENTS + 1, packed, (uint64_t)n->n_extents * EXTENT_PACKED_BYTES,
				    SQLITE_STATIC);
	if (n->target)
		sqlite3_bind_blob64(put, COLUMN_TARGET + 1, n->target, strlen(n->target), SQLITE_STATIC);
	if (n->xattrs)
		sqlite3_bind_blob64(put, COLUMN_XATTRS + 1, n->xattrs, n->xattrs_bytes, SQLITE_STATIC);
}

static int node_put_locked(struct stage *s, const struct stage_node *n, const uint8_t *packed)
{
	lock_assert(&s->lock);
	int r = idset_reserve(&s->nodes, 1);

	if (!r)
		r = db_begin_locked(s, true);
	if (r)
		return r;
	bind_node(s, n, packed);
	r = db_run(s, ST_NODE_PUT);
	if (!r)
		idset_add(&s->nodes, n->ino);
	return r;
}

int stage_node_put(struct stage *s, const struct stage_node *n)
{
	uint8_t on_stack[EXTENTS_ON_STACK * EXTENT_PACKED_BYTES];
	_free_ uint8_t *allocated = NULL;
	uint8_t *packed = on_stack;
	int r;

	if (n->ino > INT64_MAX || extents_check(n->extents, n->n_extents))
		return -EINVAL;
	if (n->n_extents > EXTENTS_ON_STACK)
		packed = allocated = malloc((size_t)n->n_extents * EXTENT_PACKED_BYTES);
	if (!packed)
		return -ENOMEM;
	extents_pack(n->extents, n->n_extents, packed);
	stage_lock(s);
	r = node_put_locked(s, n, packed);
	stage_unlock(s);
	return r;
}

int stage_node_delete(struct stage *s, uint64_t ino)
{
	int r = 0;

	stage_lock(s);
	if (idset_has(&s->nodes, ino)) {
		r = db_begin_locked(s, false);
		if (!r) {
			sqlite3_bind_int64(s->statements[ST_NODE_DELETE], 1, (sqlite3_int64)ino);
			r = db_run(s, ST_NODE_DELETE);
		}
		if (!r)
			idset_remove(&s->nodes, ino);
	} else {
		r = s->failed;
	}
	stage_unlock(s);
	return r;
}

int stage_node_set_parent(struct stage *s, uint64_t ino, uint64_t parent)
{
	int r;

	stage_lock(s);
	r = db_begin_locked(s, false);
	if (!r) {
		sqlite3_bind_int64(s->statements[ST_NODE_PARENT], 1, (sqlite3_int64)ino);
		sqlite3_bind_int64(s->statements[ST_NODE_PARENT], 2, (sqlite3_int64)parent);
		r = db_run(s, ST_NODE_PARENT);
	}
	stage_unlock(s);
	return r;
}

int stage_node_renew(struct stage *s, uint64_t ino)
{
	int r;

	stage_lock(s);
	r = db_begin_locked(s, true);
	if (!r) {
		sqlite3_bind_int64(s->statements[ST_NODE_RENEW], 1, (sqlite3_int64)ino);
		sqlite3_bind_int64(s->statements[ST_NODE_RENEW], 2, s->generation);
		r = db_run(s, ST_NODE_RENEW);
	}
	stage_unlock(s);
	return r;
}

int stage_node_inos(struct stage *s, uint64_t **ret, size_t *ret_n)
{
	_free_ uint64_t *inos = NULL;
	size_t n = 0;
	int r = 0;

	stage_lock(s);
	inos = malloc((s->nodes.count + 1) * sizeof(*inos));
	if (!inos)
		r = -ENOMEM;
	while (!r && (r = db_step_locked(s, ST_NODE_INOS)) > 0) {
		r = n < s->nodes.count ? 0 : -EBADMSG;
		if (!r)
			inos[n++] = stage_row_number(s->statements[ST_NODE_INOS], 0);
	}
	db_reset_locked(s, ST_NODE_INOS);
	if (!r && n != s->nodes.count)
		r = -EBADMSG;
	stage_unlock(s);
	if (r)
		return r;
	*ret = TAKE_PTR(inos);
	*ret_n = n;
	return 0;
}
