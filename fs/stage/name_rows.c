/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Name rows, and the sets in memory: which directories have staged names, and how many.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/own.h"
#include "fs/stage/internal.h"

#define NAME_MAX_BYTES 255u

bool stage_name_is_sound(const char *name, size_t length)
{
	bool dots = length && name[0] == '.' && (length == 1 || (length == 2 && name[1] == '.'));

	return length && length <= NAME_MAX_BYTES && !memchr(name, 0, length) && !memchr(name, '/', length) && !dots;
}

/* A number of a node, as the journal has it, which may be anything: SQLite has no others, and they are keys here. */
static bool is_number(uint64_t ino) { return ino <= INT64_MAX; }

static int load_nodes_locked(struct stage *s, struct idset *nodes)
{
	lock_assert(&s->lock);
	int r;

	while ((r = db_step_locked(s, ST_NODE_INOS)) > 0) {
		uint64_t ino = stage_row_number(s->statements[ST_NODE_INOS], 0);

		r = is_number(ino) ? idset_reserve(nodes, 1) : stage_blame(s, "column ino of a node is below 0");
		if (r)
			break;
		idset_add(nodes, ino);
	}
	db_reset_locked(s, ST_NODE_INOS);
	return r;
}

static int load_names(struct stage *s, struct idmap *names, uint64_t *n_names)
{
	int r;

	while ((r = db_step_locked(s, ST_NAMES_COUNT)) > 0) {
		uint64_t directory = stage_row_number(s->statements[ST_NAMES_COUNT], 0);
		uint64_t count = stage_row_number(s->statements[ST_NAMES_COUNT], 1);

		r = is_number(directory) ? idmap_reserve(names, 1) : stage_blame(s, "a name in directory below 0");
		if (r)
			break;
		idmap_put(names, directory, count);
		*n_names += count;
	}
	db_reset_locked(s, ST_NAMES_COUNT);
	return r;
}

int stage_rows_load(struct stage *s)
{
	struct idset nodes = {0};
	struct idmap names = {0};
	uint64_t n_names = 0;
	int r = load_nodes_locked(s, &nodes);

	if (!r)
		r = load_names(s, &names, &n_names);
	if (r) {
		/* Those in memory stay: a directory that seems to have no staged names shows the disc's. */
		idset_release(&nodes);
		idmap_release(&names);
		if (!s->failed)
			s->failed = r;
		return r;
	}
	idset_release(&s->nodes);
	idmap_release(&s->names);
	s->nodes = nodes;
	s->names = names;
	s->n_names = n_names;
	return 0;
}

static uint64_t names_in_locked(struct stage *s, uint64_t parent)
{
	lock_assert(&s->lock);
	uint64_t count = 0;

	idmap_get(&s->names, parent, &count);
	return count;
}

static void set_names_in_locked(struct stage *s, uint64_t parent, uint64_t count)
{
	lock_assert(&s->lock);
	s->n_names += count - names_in_locked(s, parent);
	if (count)
		idmap_put(&s->names, parent, count);
	else
		idmap_remove(&s->names, parent);
}

static void bind_name(struct stage *s, enum statement statement, uint64_t parent, const char *name)
{
	sqlite3_bind_int64(s->statements[statement], 1, (sqlite3_int64)parent);
	sqlite3_bind_blob64(s->statements[statement], 2, name, strlen(name), SQLITE_STATIC);
}

int stage_name_get(struct stage *s, uint64_t parent, const char *name, uint64_t *ret_ino)
{
	int r = -ENOENT;

	stage_lock(s);
	if (names_in_locked(s, parent)) {
		bind_name(s, ST_NAME_GET, parent, name);
		r = db_step_locked(s, ST_NAME_GET);
		if (r > 0) {
			*ret_ino = stage_row_number(s->statements[ST_NAME_GET], 0);
			db_reset_locked(s, ST_NAME_GET);
			r = 0;
		} else if (!r) {
			r = -ENOENT;
		}
	}
	stage_unlock(s);
	return r;
}

static int run_put(struct stage *s, enum statement statement, uint64_t parent, const char *name, uint64_t ino)
{
	bind_name(s, statement, parent, name);
	sqlite3_bind_int64(s->statements[statement], 3, (sqlite3_int64)ino);
	sqlite3_bind_int64(s->statements[statement], 4, s->generation);
	return db_run(s, statement);
}

/* Most names are new: insert first, and see whether it was one. */
static int name_put_locked(struct stage *s, uint64_t parent, const char *name, uint64_t ino)
{
	lock_assert(&s->lock);
	int r = idmap_reserve(&s->names, 1);

	if (!r)
		r = db_begin_locked(s, true);
	if (!r)
		r = run_put(s, ST_NAME_INSERT, parent, name, ino);
	if (r)
		return r;
	if (!sqlite3_changes(s->db))
		return run_put(s, ST_NAME_UPDATE, parent, name, ino);
	set_names_in_locked(s, parent, names_in_locked(s, parent) + 1);
	return 0;
}

int stage_name_put(struct stage *s, uint64_t parent, const char *name, uint64_t ino)
{
	size_t length = strlen(name);
	int r;

	if (!length || parent > INT64_MAX || ino > INT64_MAX)
		return -EINVAL;
	if (length > NAME_MAX_BYTES)
		return -ENAMETOOLONG;
	stage_lock(s);
	r = name_put_locked(s, parent, name, ino);
	stage_unlock(s);
	return r;
}

static int name_delete_locked(struct stage *s, uint64_t parent, const char *name)
{
	lock_assert(&s->lock);
	int r;

	if (s->failed || !names_in_locked(s, parent))
		return s->failed;
	r = db_begin_locked(s, false);
	if (r)
		return r;
	bind_name(s, ST_NAME_DELETE, parent, name);
	r = db_run(s, ST_NAME_DELETE);
	if (!r && sqlite3_changes(s->db))
		set_names_in_locked(s, parent, names_in_locked(s, parent) - 1);
	return r;
}

int stage_name_delete(struct stage *s, uint64_t parent, const char *name)
{
	int r;

	stage_lock(s);
	r = name_delete_locked(s, parent, name);
	stage_unlock(s);
	return r;
}

bool stage_names_exist(struct stage *s, uint64_t parent)
{
	bool there;

	stage_lock(s);
	there = names_in_locked(s, parent) != 0;
	stage_unlock(s);
	return there;
}

int stage_names_delete(struct stage *s, uint64_t parent)
{
	int r;

	stage_lock(s);
	r = s->failed;
	if (!r && names_in_locked(s, parent)) {
		r = db_begin_locked(s, false);
		if (!r) {
			sqlite3_bind_int64(s->statements[ST_NAMES_DELETE], 1, (sqlite3_int64)parent);
			r = db_run(s, ST_NAMES_DELETE);
		}
		if (!r)
			set_names_in_locked(s, parent, 0);
	}
	stage_unlock(s);
	return r;
}

bool stage_empty(struct stage *s)
{
	bool empty;

	stage_lock(s);
	empty = !s->nodes.count && !s->n_names;
	stage_unlock(s);
	return empty;
}

/* ---- a whole directory: the array and, behind it, the names' bytes, in one piece ---- */

struct listing {
	uint8_t *block;
	size_t n, limit, used, capacity;
};

static int listing_add(struct listing *l, sqlite3_stmt *row)
{
	size_t length = (size_t)sqlite3_column_bytes(row, 0);
	const char *name = sqlite3_column_blob(row, 0);
	struct stage_name *entry;

	if (!stage_name_is_sound(name, length) || l->n == l->limit)
		return -EBADMSG;
	if (l->used + length + 1 > l->capacity) {
		size_t capacity = l->capacity + l->capacity / 2 + 4096;
		uint8_t *block = realloc(l->block, capacity);

		if (!block)
			return -ENOMEM;
		l->block = block;
		l->capacity = capacity;
	}
	entry = (struct stage_name *)(void *)l->block + l->n++;
	/* The block may still move: the place in it, for now. */
	*entry = (struct stage_name){(const char *)(uintptr_t)l->used, stage_row_number(row, 1),
				     (uint32_t)stage_row_number(row, 2)};
	memcpy(l->block + l->used, name, length);
	l->block[l->used + length] = 0;
	l->used += length + 1;
	return 0;
}

int stage_names(struct stage *s, uint64_t parent, struct stage_name **ret, size_t *ret_n)
{
	struct listing l = {.n = 0};
	struct stage_name *names;
	int r;

	stage_lock(s);
	l.limit = names_in_locked(s, parent);
	l.used = l.limit * sizeof(struct stage_name);
	l.capacity = l.used + l.limit * 24 + 1;
	l.block = malloc(l.capacity);
	r = s->failed ? s->failed : l.block ? 0 : -ENOMEM;
	if (!r) {
		sqlite3_bind_int64(s->statements[ST_NAMES_OF], 1, (sqlite3_int64)parent);
		while ((r = l.limit ? db_step_locked(s, ST_NAMES_OF) : 0) > 0)
			if ((r = listing_add(&l, s->statements[ST_NAMES_OF])))
				break;
		db_reset_locked(s, ST_NAMES_OF);
		if (!r && l.n != l.limit)
			r = -EBADMSG;
	}
	stage_unlock(s);
	if (r) {
		free(l.block);
		return r;
	}
	names = (struct stage_name *)(void *)l.block;
	for (size_t i = 0; i < l.n; i++)
		names[i].name = (const char *)l.block + (uintptr_t)names[i].name;
	*ret = names;
	*ret_n = l.n;
	return 0;
}
