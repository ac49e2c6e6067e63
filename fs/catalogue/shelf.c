/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * shelf.c - the discs, their sessions, their places
 */
#include "fs/catalogue/internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- discs ---- */

static char *text_of(sqlite3_stmt *row, int column, bool *ok)
{
	char *copy = strdup(sql_name(row, column, NULL));

	*ok &= copy != NULL;
	return copy;
}

static char *text_or_null(sqlite3_stmt *row, int column, bool *ok)
{
	return sqlite3_column_type(row, column) == SQLITE_NULL ? NULL : text_of(row, column, ok);
}

static int take_disc(struct shelf *s, sqlite3_stmt *row)
{
	struct catalogue_disc *grown = reallocarray(s->discs, s->n + 1, sizeof(*grown)), *d;
	bool ok = true;

	if (!grown)
		return -ENOMEM;
	s->discs = grown;
	d = &s->discs[s->n++];
	*d = (struct catalogue_disc){
		.number = sqlite3_column_int64(row, 0),
		.label = text_of(row, 1, &ok),
		.medium = text_of(row, 2, &ok),
		.place = text_of(row, 3, &ok),
		.path = text_or_null(row, 4, &ok),
		.bytes = (uint64_t)sqlite3_column_int64(row, 6),
		.names = (uint64_t)sqlite3_column_int64(row, 7),
		.added = sqlite3_column_int64(row, 8),
		.seen = sqlite3_column_int64(row, 9),
		.newest = (uint32_t)sqlite3_column_int64(row, 10),
		.n_sessions = (uint32_t)sqlite3_column_int64(row, 11),
		.title = sqlite3_column_int64(row, 12),
		.incomplete = sqlite3_column_int(row, 13),
	};
	if (sqlite3_column_bytes(row, 5) == sizeof(d->identity))
		memcpy(d->identity, sqlite3_column_blob(row, 5), sizeof(d->identity));
	return ok ? 0 : -ENOMEM;
}

int shelf_read(struct catalogue *c)
{
	sqlite3_stmt *row;
	int r;

	if (c->has_shelf)
		return 0;
	shelf_release(c);
	row = sql_statement(c, ST_DISCS);
	while ((r = sql_step(c, row)) > 0) {
		r = take_disc(&c->shelf, row);
		if (r)
			break;
	}
	if (row)
		sqlite3_reset(row);
	c->has_shelf = !r;
	return r;
}

void shelf_release(struct catalogue *c)
{
	struct shelf *s = &c->shelf;

	for (size_t i = 0; i < s->n; i++) {
		free((char *)(uintptr_t)s->discs[i].label);
		free((char *)(uintptr_t)s->discs[i].medium);
		free((char *)(uintptr_t)s->discs[i].place);
		free((char *)(uintptr_t)s->discs[i].path);
	}
	free(s->discs);
	*s = (struct shelf){.n = 0};
	c->has_shelf = false;
}

int catalogue_discs(struct catalogue *c, int (*found)(void *context, const struct catalogue_disc *d), void *context,
		    char **ret_why)
{
	int r = shelf_read(c);

	for (size_t i = 0; i < c->shelf.n && !r; i++)
		r = found(context, &c->shelf.discs[i]);
	return sql_why(c, r, ret_why);
}

static bool is_number(const char *name, int64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, number);
	return strcmp(text, name) == 0;
}

int catalogue_disc_named(struct catalogue *c, const char *name, int64_t *ret, char **ret_why)
{
	const struct shelf *s = &c->shelf;
	int64_t labelled = 0;
	unsigned n = 0;
	int r = shelf_read(c);

	if (r)
		return sql_why(c, r, ret_why);
	for (size_t i = 0; i < s->n; i++) {
		if (is_number(name, s->discs[i].number)) {
			*ret = s->discs[i].number;
			return 0;
		}
		if (strcmp(name, s->discs[i].label) == 0) {
			labelled = s->discs[i].number;
			n++;
		}
	}
	if (n > 1)
		return why_set(ret_why, -ENOTUNIQ,
			       "%s: %u discs have that label: give the number, as 'cdappendfs-catalogue list' shows it",
			       name, n);
	if (!n)
		return why_set(ret_why, -ENOENT,
			       "%s: no disc has that number or label: 'cdappendfs-catalogue list' shows them", name);
	*ret = labelled;
	return 0;
}

int catalogue_place(struct catalogue *c, int64_t disc, const char *place, char **ret_why)
{
	sqlite3_stmt *row;
	int r = sql_begin(c);

	if (r)
		return sql_why(c, r, ret_why);
	row = sql_statement(c, ST_DISC_PLACE);
	sqlite3_bind_int64(row, 1, disc);
	sqlite3_bind_text(row, 2, place, -1, SQLITE_STATIC);
	r = sql_step(c, row);
	if (!r && !sqlite3_changes(c->db))
		r = why_set(ret_why, -ENOENT, "%s: there is no disc %" PRId64, c->path, disc);
	return sql_why(c, sql_end(c, r), ret_why);
}

/* ---- sessions ---- */

static int tell_session(sqlite3_stmt *row, int (*found)(void *context, const struct catalogue_session *s),
			void *context)
{
	bool ok = true;
	_free_ char *label = text_of(row, 2, &ok), *message = text_or_null(row, 3, &ok);
	const struct catalogue_session s = {
		.number = (uint32_t)sqlite3_column_int64(row, 0),
		.created = sqlite3_column_int64(row, 1),
		.label = label,
		.message = message,
		.broken = sqlite3_column_int(row, 4),
		.incomplete = !sqlite3_column_int(row, 5),
		.added = (uint64_t)sqlite3_column_int64(row, 6),
	};

	return ok ? found(context, &s) : -ENOMEM;
}

int catalogue_sessions(struct catalogue *c, int64_t disc,
		       int (*found)(void *context, const struct catalogue_session *s), void *context, char **ret_why)
{
	sqlite3_stmt *row = sql_statement(c, ST_SESSIONS_SHOWN);
	int r;

	sqlite3_bind_int64(row, 1, disc);
	while ((r = sql_step(c, row)) > 0) {
		r = tell_session(row, found, context);
		if (r)
			break;
	}
	if (row)
		sqlite3_reset(row);
	return sql_why(c, r, ret_why);
}
