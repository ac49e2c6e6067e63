/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * find.c - names, by the index of names; the path that one has; on which discs it is
 */
#include "fs/catalogue/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 4096u /* directories above a name: damaged discs lead in circles */

/* ---- paths ---- */

static int prepend(char **path, const char *name)
{
	char *longer;

	if (asprintf(&longer, "%s%s%s", name, *path ? "/" : "", *path ? *path : "") < 0)
		return -ENOMEM;
	free(*path);
	*path = longer;
	return 0;
}

/* One step up: 1, or 0 at the root. */
static int step_up(struct catalogue *c, int64_t *directory, uint32_t *session, char **path)
{
	sqlite3_stmt *row = sql_statement(c, ST_ENTRY_LINK);
	int r;

	sqlite3_bind_int64(row, 1, *directory);
	sqlite3_bind_int64(row, 2, *session);
	r = sql_step(c, row);
	if (r > 0) {
		*directory = sqlite3_column_int64(row, 0);
		if (sqlite3_column_type(row, 2) != SQLITE_NULL && sqlite3_column_int64(row, 2) < *session)
			*session = (uint32_t)sqlite3_column_int64(row, 2);
		r = prepend(path, sql_name(row, 1, NULL));
		r = r ? r : 1;
	}
	sqlite3_reset(row);
	return r;
}

int find_path(struct catalogue *c, int64_t directory, uint32_t *session, char **ret)
{
	_free_ char *path = NULL;
	int r = 1;

	for (unsigned depth = 0; r > 0 && depth < DEPTH_MAX; depth++)
		r = step_up(c, &directory, session, &path);
	if (r > 0)
		r = prepend(&path, "...");
	if (!r && !path)
		path = strdup("");
	if (r || !path)
		return r ? r : -ENOMEM;
	*ret = TAKE_PTR(path);
	return 0;
}

/* ---- telling ---- */

int telling_begin(struct catalogue *c, const struct catalogue_asked *asked, struct telling *ret)
{
	*ret = (struct telling){.c = c, .asked = asked};
	return shelf_read(c);
}

void telling_end(struct telling *t) { free(t->path); }

/* Names of one directory follow each other mostly. */
static int directory_path(struct telling *t, int64_t directory, uint32_t *session)
{
	int r;

	if (t->directory != directory || t->asked_session != *session) {
		free(t->path);
		t->path = NULL;
		t->directory = directory;
		t->asked_session = t->session = *session;
		r = find_path(t->c, directory, &t->session, &t->path);
		if (r) {
			t->directory = 0;
			return r;
		}
	}
	*session = t->session;
	return 0;
}

static int tell_disc(struct telling *t, sqlite3_stmt *row, const struct catalogue_disc *d, struct catalogue_hit *hit,
		     int (*accepts)(void *context, const char *path), void *context)
{
	_free_ char *path = NULL;
	bool has_end = sqlite3_column_type(row, FIND_LAST) != SQLITE_NULL;
	uint32_t last = has_end ? (uint32_t)sqlite3_column_int64(row, FIND_LAST) : d->newest;
	int r;

	last = last < d->newest ? last : d->newest;
	r = directory_path(t, sqlite3_column_int64(row, FIND_DIRECTORY), &last);
	if (r)
		return r;
	if (asprintf(&path, "%s%s%s", t->path, *t->path ? "/" : "", sql_name(row, FIND_NAME, NULL)) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	r = accepts ? accepts(context, path) : 1;
	if (r <= 0)
		return r;
	hit->disc = d;
	hit->path = path;
	hit->last = last;
	hit->present = last == d->newest;
	return t->asked->found(t->asked->context, hit);
}

int telling_row(struct telling *t, sqlite3_stmt *row, enum catalogue_evidence by,
		int (*accepts)(void *context, const char *path), void *context)
{
	struct catalogue_hit hit = {
		.kind = sql_name(row, FIND_KIND, NULL)[0],
		.bytes = (uint64_t)sqlite3_column_int64(row, FIND_SIZE),
		.mtime = entries_seconds(sqlite3_column_int64(row, FIND_MTIME)),
		.first = (uint32_t)sqlite3_column_int64(row, FIND_FIRST),
		.sha256 = sqlite3_column_bytes(row, FIND_SHA256) == SHA256_BYTES ?
				  sqlite3_column_blob(row, FIND_SHA256) :
				  NULL,
		.by = by,
		.copies = t->copies,
	};
	int64_t title = sqlite3_column_int64(row, FIND_TITLE);
	int r = 0;

	for (size_t i = 0; i < t->c->shelf.n && !r; i++) {
		const struct catalogue_disc *d = &t->c->shelf.discs[i];

		if (d->title == title && d->newest >= hit.first && (!t->asked->disc || t->asked->disc == d->number))
			r = tell_disc(t, row, d, &hit, accepts, context);
	}
	return r;
}

/* ---- names ---- */

static int find(struct telling *t, struct words *w)
{
	const char *query = words_query(w);
	sqlite3_stmt *row = sql_statement(t->c, query ? ST_FIND : ST_FIND_ALL);
	int r;

	if (query)
		sqlite3_bind_text(row, 1, query, -1, SQLITE_STATIC);
	while ((r = sql_step(t->c, row)) > 0) {
		if (!words_match_name(w, sql_name(row, FIND_NAME, NULL)))
			continue;
		r = telling_row(t, row, BY_NAME, words_match_path, w);
		if (r)
			break;
	}
	if (row)
		sqlite3_reset(row);
	return r;
}

int catalogue_find(struct catalogue *c, const char *const *words, size_t n_words, const struct catalogue_asked *asked,
		   char **ret_why)
{
	_cleanup_(words_freep) struct words *w = NULL;
	_cleanup_(telling_end) struct telling t = {.c = NULL};
	int r = words_new(words, n_words, &w);

	if (!r)
		r = telling_begin(c, asked, &t);
	if (!r)
		r = find(&t, w);
	return sql_why(c, r, ret_why);
}
