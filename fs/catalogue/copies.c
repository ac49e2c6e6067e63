/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * copies.c - of how many discs each content is: what all of them show now, held against everything that is on any
 */
#include "fs/catalogue/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct counting {
	struct catalogue *c;
	const struct catalogue_asked *asked;
	bool *on; /* for each disc of the shelf */
};

static void mark(struct counting *g, sqlite3_stmt *row)
{
	int64_t title = sqlite3_column_int64(row, FIND_TITLE), first = sqlite3_column_int64(row, FIND_FIRST);

	for (size_t i = 0; i < g->c->shelf.n; i++)
		if (g->c->shelf.discs[i].title == title && g->c->shelf.discs[i].newest >= first)
			g->on[i] = true;
}

static bool has(sqlite3_stmt *row, int column) { return sqlite3_column_type(row, column) != SQLITE_NULL; }

static int mark_all(struct counting *g, sqlite3_stmt *of, sqlite3_stmt *row, enum catalogue_evidence by)
{
	int r;

	while ((r = sql_step(g->c, row)) > 0) {
		/* Better is known of it: counted already, or it is another one. */
		bool better = (by != BY_SHA256 && has(of, FIND_SHA256) && has(row, FIND_SHA256)) ||
			      (by == BY_TIME && has(of, FIND_MD5) && has(row, FIND_MD5));

		if (!better)
			mark(g, row);
	}
	return r;
}

static int by_digest(struct counting *g, sqlite3_stmt *of, int column, enum statement which, enum catalogue_evidence by)
{
	sqlite3_stmt *row;

	if (!has(of, column))
		return 0;
	row = sql_statement(g->c, which);
	sqlite3_bind_value(row, 1, sqlite3_column_value(of, FIND_SIZE));
	sqlite3_bind_value(row, 2, sqlite3_column_value(of, column));
	return mark_all(g, of, row, by);
}

static int by_time(struct counting *g, sqlite3_stmt *of)
{
	int64_t mtime = sqlite3_column_int64(of, FIND_MTIME);
	sqlite3_stmt *row = sql_statement(g->c, ST_BY_TIME);

	sqlite3_bind_value(row, 1, sqlite3_column_value(of, FIND_SIZE));
	sqlite3_bind_int64(row, 2, mtime);
	sqlite3_bind_int64(row, 3,
			   entries_seconds(mtime) * 1000000000); /* discs of other programs know whole seconds */
	sqlite3_bind_value(row, 4, sqlite3_column_value(of, FIND_NAME));
	return mark_all(g, of, row, BY_TIME);
}

/* 0 and on how many discs its content is; or an error. */
static int count(struct counting *g, sqlite3_stmt *of, uint64_t *ret)
{
	int r;

	memset(g->on, 0, g->c->shelf.n * sizeof(*g->on));
	mark(g, of);
	r = by_digest(g, of, FIND_SHA256, ST_BY_SHA256, BY_SHA256);
	if (!r)
		r = by_digest(g, of, FIND_MD5, ST_BY_MD5, BY_MD5);
	if (!r && !g->asked->by_content)
		r = by_time(g, of);
	*ret = 0;
	for (size_t i = 0; i < g->c->shelf.n; i++)
		*ret += g->on[i];
	return r;
}

static int look_at(struct counting *g, struct telling *t, sqlite3_stmt *of, uint64_t least)
{
	uint64_t n;
	int r;

	if (sql_name(of, FIND_KIND, NULL)[0] != 'f' || has(of, FIND_LAST) || !sqlite3_column_int64(of, FIND_SIZE))
		return 0;
	r = count(g, of, &n);
	t->copies = n;
	return r || n >= least ? r : telling_row(t, of, BY_NAME, NULL, NULL);
}

int catalogue_few(struct catalogue *c, uint64_t least, const struct catalogue_asked *asked, char **ret_why)
{
	_cleanup_(telling_end) struct telling t = {.c = NULL};
	_free_ bool *on = NULL;
	struct counting g = {.c = c, .asked = asked};
	sqlite3_stmt *of;
	int r = telling_begin(c, asked, &t);

	if (!r)
		g.on = on = calloc(c->shelf.n + 1, sizeof(*on));
	if (!r && !on)
		r = -ENOMEM;
	if (r)
		return sql_why(c, r, ret_why);
	of = sql_statement(c, ST_FIND_ALL);
	while ((r = sql_step(c, of)) > 0) {
		r = look_at(&g, &t, of, least);
		if (r)
			break;
	}
	if (of)
		sqlite3_reset(of);
	return sql_why(c, r, ret_why);
}
