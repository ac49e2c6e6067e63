/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * entries.c - the names of a directory as they are known, and new ones
 */
#include "fs/catalogue/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/bytes.h"
#include "burner/base/grow.h"

#define ALIKE_MAX 16u /* entries of one name that are looked at: a directory has one of each, unless it is damaged */

/* ---- what is recorded ---- */

int64_t entries_mtime(const struct timespec *t)
{
	int64_t ns;

	if (__builtin_mul_overflow((int64_t)t->tv_sec, (int64_t)1000000000, &ns) ||
	    __builtin_add_overflow(ns, (int64_t)t->tv_nsec, &ns))
		return t->tv_sec < 0 ? INT64_MIN + 1 : INT64_MAX;
	return ns;
}

int64_t entries_seconds(int64_t ns) { return ns / 1000000000 - (ns % 1000000000 < 0); }

/* Of one extent its block; of several a number beyond all blocks, made of all of them (FNV-1a). */
int64_t entries_place(const struct iso_entry *e)
{
	uint64_t hash = 0xcbf29ce484222325u;

	if (!e->n_extents)
		return NO_PLACE;
	if (e->n_extents == 1)
		return (int64_t)(e->extents[0].pos / SECTOR_BYTES);
	for (uint32_t i = 0; i < e->n_extents; i++) {
		const uint64_t words[] = {e->extents[i].offset, e->extents[i].pos, e->extents[i].length};

		for (size_t w = 0; w < ARRAY_LENGTH(words); w++)
			for (unsigned shift = 0; shift < 64; shift += 8)
				hash = (hash ^ (words[w] >> shift & 0xff)) * 0x100000001b3u;
	}
	return (int64_t)(hash >> 2 | UINT64_C(1) << 62);
}

/* ---- what is known ---- */

static int compare(const void *a, const void *b)
{
	const struct known *x = a, *y = b;
	int r = strcmp(x->name, y->name);

	return r ? r : x->id < y->id ? -1 : x->id > y->id;
}

static int64_t number_or(sqlite3_stmt *row, int column, int64_t none)
{
	return sqlite3_column_type(row, column) == SQLITE_NULL ? none : sqlite3_column_int64(row, column);
}

static int take(struct known_list *l, sqlite3_stmt *row)
{
	struct known *k;

	if (grow(&l->list, &l->capacity, l->n, sizeof(*l->list)))
		return -ENOMEM;
	k = &l->list[l->n];
	*k = (struct known){.id = sqlite3_column_int64(row, 0),
			    .name = strdup(sql_name(row, 1, NULL)),
			    .kind = sql_name(row, 2, NULL)[0],
			    .size = (uint64_t)number_or(row, 3, 0),
			    .mtime = number_or(row, 4, NO_MTIME),
			    .place = number_or(row, 5, NO_PLACE),
			    .child = number_or(row, 6, 0),
			    .child_ino = (uint64_t)number_or(row, 7, 0),
			    .child_at = {(uint32_t)number_or(row, 8, 0), (uint32_t)number_or(row, 9, 0)}};
	return k->name ? (l->n++, 0) : -ENOMEM;
}

int entries_read(struct catalogue *c, int64_t directory, struct known_list *ret)
{
	sqlite3_stmt *row = sql_statement(c, ST_ENTRIES_OF);
	int r;

	sqlite3_bind_int64(row, 1, directory);
	while ((r = sql_step(c, row)) > 0) {
		r = take(ret, row);
		if (r)
			break;
	}
	sqlite3_reset(row);
	if (!r && ret->n)
		qsort(ret->list, ret->n, sizeof(*ret->list), compare);
	return r;
}

void entries_release(struct known_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->list[i].name);
	free(l->list);
}

struct known *entries_named(const struct known_list *l, const char *name)
{
	size_t low = 0, high = l->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(l->list[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (unsigned i = 0; i < ALIKE_MAX && low < l->n && strcmp(l->list[low].name, name) == 0; i++, low++)
		if (!l->list[low].kept)
			return &l->list[low];
	return NULL;
}

int entries_sha256(struct catalogue *c, int64_t title, uint64_t size, int64_t place, uint8_t ret[SHA256_BYTES],
		   bool *ret_known)
{
	sqlite3_stmt *row;
	int r;

	*ret_known = false;
	if (place == NO_PLACE)
		return 0;
	row = sql_statement(c, ST_SHA256_PLACE);
	sqlite3_bind_int64(row, 1, (int64_t)size);
	sqlite3_bind_int64(row, 2, place);
	sqlite3_bind_int64(row, 3, title);
	r = sql_step(c, row);
	*ret_known = r > 0 && sqlite3_column_bytes(row, 0) == SHA256_BYTES;
	if (*ret_known)
		memcpy(ret, sqlite3_column_blob(row, 0), SHA256_BYTES);
	if (row)
		sqlite3_reset(row);
	return r < 0 ? r : 0;
}

/* ---- new ones ---- */

static void bind_unless(sqlite3_stmt *row, int column, int64_t value, int64_t none)
{
	if (value != none)
		sqlite3_bind_int64(row, column, value);
}

static int put_name(struct catalogue *c, int64_t id, const char *name)
{
	sqlite3_stmt *row = sql_statement(c, ST_NAME_PUT);

	sqlite3_bind_int64(row, 1, id);
	sqlite3_bind_text(row, 2, name, -1, SQLITE_STATIC);
	return sql_step(c, row);
}

int entries_put(struct catalogue *c, const struct new_entry *e)
{
	sqlite3_stmt *row = sql_statement(c, ST_ENTRY_PUT);
	int r;

	sqlite3_bind_int64(row, 1, e->directory);
	sql_bind_name(row, 2, e->name);
	sqlite3_bind_text(row, 3, &e->kind, 1, SQLITE_STATIC);
	bind_unless(row, 4, e->kind == 'f' ? (int64_t)e->size : -1, -1);
	bind_unless(row, 5, e->mtime, NO_MTIME);
	bind_unless(row, 6, e->place, NO_PLACE);
	sqlite3_bind_int64(row, 7, e->first);
	bind_unless(row, 8, e->child, 0);
	if (e->sha256)
		sqlite3_bind_blob(row, 9, e->sha256, SHA256_BYTES, SQLITE_STATIC);
	if (e->md5)
		sqlite3_bind_blob(row, 10, e->md5, MD5_BYTES, SQLITE_STATIC);
	r = sql_step(c, row);
	return r ? r : put_name(c, sqlite3_last_insert_rowid(c->db), e->name);
}
