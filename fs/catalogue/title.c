/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * title.c - which title a disc has, and which disc of the shelf it is
 *
 * A title is found by the identity of its first session, which never changes, and by all sessions that the catalogue
 * has of it: copies that were appended to apart from each other are two titles.  Which of several copies is at hand
 * only an image tells, by its path; of discs in a drive nothing does, so that is asked.
 */
#include "fs/catalogue/internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- are they the same sessions? ---- */

enum likeness { IS_FORK, IS_SAME, IS_LONGER, IS_OLDER };

static bool same_uuid(sqlite3_stmt *row, int column, const struct disc_session *s)
{
	const void *uuid = sqlite3_column_blob(row, column);

	if (!uuid)
		return !session_says_ours(s);
	return (size_t)sqlite3_column_bytes(row, column) == sizeof(s->uuid) &&
	       memcmp(uuid, s->uuid, sizeof(s->uuid)) == 0;
}

/* One that cannot be read any more is the same, too. */
static bool same_session(sqlite3_stmt *row, const struct disc_session *s)
{
	bool broken = s->broken || sqlite3_column_int(row, 5);

	return sqlite3_column_int64(row, 0) == s->number && sqlite3_column_int64(row, 1) == s->start_lba &&
	       (broken || (same_uuid(row, 4, s) && sqlite3_column_int64(row, 2) == s->created &&
			   strcmp(sql_name(row, 3, NULL), s->volume_id) == 0));
}

/* *ret_common: the number of the last session that both have. */
static int compare_sessions(struct catalogue *c, int64_t title, const struct catalogue_source *at, enum likeness *ret,
			    uint32_t *ret_common)
{
	sqlite3_stmt *row = sql_statement(c, ST_SESSIONS);
	size_t i = 0;
	int r;

	*ret = IS_SAME;
	*ret_common = 0;
	sqlite3_bind_int64(row, 1, title);
	while ((r = sql_step(c, row)) > 0) {
		if (i == at->n_sessions) {
			*ret = IS_OLDER;
			break;
		}
		if (!same_session(row, &at->sessions[i])) {
			*ret = IS_FORK;
			break;
		}
		*ret_common = at->sessions[i++].number;
	}
	sqlite3_reset(row);
	if (r >= 0 && *ret == IS_SAME && i < at->n_sessions)
		*ret = IS_LONGER;
	return r < 0 ? r : 0;
}

static uint32_t newest_of(const struct catalogue_source *at) { return at->sessions[at->n_sessions - 1].number; }

/* ---- which disc is it? ---- */

struct piece {
	int64_t disc, title;
	uint32_t newest;
	bool has_path; /* that of the disc at hand */
};
struct pieces {
	struct piece *list;
	size_t n;
	enum likeness likeness; /* of the title of those that are looked at */
};

static int add_pieces(struct catalogue *c, int64_t title, const struct catalogue_source *at, struct pieces *p)
{
	sqlite3_stmt *row = sql_statement(c, ST_DISCS_OF);
	int r;

	sqlite3_bind_int64(row, 1, title);
	while ((r = sql_step(c, row)) > 0) {
		struct piece *grown = reallocarray(p->list, p->n + 1, sizeof(*grown));

		if (!grown) {
			r = -ENOMEM;
			break;
		}
		p->list = grown;
		p->list[p->n++] = (struct piece){
			.disc = sqlite3_column_int64(row, 0),
			.title = title,
			.newest = (uint32_t)sqlite3_column_int64(row, 1),
			.has_path = at->path && strcmp(sql_name(row, 2, NULL), at->path) == 0,
		};
	}
	sqlite3_reset(row);
	return r;
}

static const struct piece *with_number(const struct pieces *p, int64_t disc)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->list[i].disc == disc)
			return &p->list[i];
	return NULL;
}

static const struct piece *with_path(const struct pieces *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->list[i].has_path)
			return &p->list[i];
	return NULL;
}

/* The only one that it can be: a disc does not lose sessions. */
static const struct piece *only_one(const struct pieces *p, const struct catalogue_source *at, enum likeness likeness)
{
	const struct piece *one = NULL;

	for (size_t i = 0; i < p->n; i++) {
		const struct piece *piece = &p->list[i];

		if (likeness == IS_OLDER ? piece->newest != newest_of(at) : piece->newest > newest_of(at))
			continue;
		if (one)
			return NULL;
		one = piece;
	}
	return one;
}

static int ask_which(const struct catalogue *c, const struct pieces *p, enum likeness likeness, char **ret_why)
{
	char list[256] = "";

	for (size_t i = 0, n = 0; i < p->n && n < sizeof(list) - 24; i++)
		n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%" PRId64, i ? ", " : "", p->list[i].disc);
	if (likeness == IS_OLDER)
		return why_set(ret_why, -ENOTUNIQ,
			       "%s: it is an older state of disc %s: a copy of its own (--copy), or that one, set back "
			       "(--disc=N)?",
			       c->path, list);
	return why_set(ret_why, -ENOTUNIQ, "%s: which of its copies is it: disc %s (--disc=N), or one more (--copy)?",
		       c->path, list);
}

static int new_disc(struct catalogue *c, struct title *t)
{
	int r = SQL_RUN(c, ST_DISC_PUT, t->id, (int64_t)time(NULL));

	if (r)
		return r;
	t->disc = sqlite3_last_insert_rowid(c->db);
	t->disc_newest = 0;
	t->is_new = true;
	return 0;
}

int title_new_root(struct catalogue *c, struct title *t)
{
	int r = SQL_RUN(c, ST_DIRECTORY_PUT, t->id, 1);

	t->root = sqlite3_last_insert_rowid(c->db);
	return r ? r : SQL_RUN(c, ST_TITLE_ROOT, t->id, t->root);
}

static int new_title(struct catalogue *c, const struct catalogue_source *at, struct title *t)
{
	sqlite3_stmt *row = sql_statement(c, ST_TITLE_PUT);
	int r;

	sqlite3_bind_blob(row, 1, at->identity.id, sizeof(at->identity.id), SQLITE_STATIC);
	r = sql_step(c, row);
	if (r)
		return r;
	t->id = sqlite3_last_insert_rowid(c->db);
	t->newest = 0;
	return title_new_root(c, t);
}

static int get_title(struct catalogue *c, struct title *t)
{
	sqlite3_stmt *row = sql_statement(c, ST_TITLE_GET);
	int r;

	sqlite3_bind_int64(row, 1, t->id);
	r = sql_step(c, row);
	if (r > 0) {
		t->root = sqlite3_column_int64(row, 0);
		t->newest = (uint32_t)sqlite3_column_int64(row, 1);
	}
	sqlite3_reset(row);
	return r < 0 ? r : r ? 0 : -EBADMSG;
}

/* ---- a disc that was set back, and has gone another way since ---- */

/* The disc is known by its number or its path, but has other sessions than its title: it gets a title of its own, and
 * keeps its number and place.  What was of it alone goes. */
static int move_piece(struct catalogue *c, const struct catalogue_source *at, const struct piece *piece,
		      struct title *t)
{
	int r = new_title(c, at, t);

	if (!r)
		r = SQL_RUN(c, ST_DISC_MOVE, piece->disc, t->id, 0);
	if (!r)
		r = title_settle(c, piece->title);
	t->disc = piece->disc;
	t->disc_newest = 0;
	return r;
}

/* It has fewer sessions than were seen. */
static int set_back(struct catalogue *c, const struct piece *piece, uint32_t newest, struct title *t)
{
	int r = SQL_RUN(c, ST_DISC_MOVE, piece->disc, piece->title, newest);

	t->id = piece->title;
	t->disc = piece->disc;
	t->disc_newest = newest;
	if (!r)
		r = title_settle(c, piece->title);
	return r ? r : get_title(c, t);
}

static int take_piece(struct catalogue *c, const struct catalogue_source *at, const struct piece *piece,
		      enum likeness likeness, struct title *t)
{
	if (likeness == IS_FORK)
		return move_piece(c, at, piece, t);
	if (piece->newest > newest_of(at))
		return set_back(c, piece, newest_of(at), t);
	t->id = piece->title;
	t->disc = piece->disc;
	t->disc_newest = piece->newest;
	return get_title(c, t);
}

/* ---- all of it ---- */

struct candidates {
	struct pieces same, others; /* of the title that it has; of such as have its first session only */
	int64_t title;		    /* 0: none */
	enum likeness likeness;
};

static int read_titles(struct catalogue *c, const struct catalogue_source *at, int64_t *ret, size_t max, size_t *ret_n)
{
	sqlite3_stmt *row = sql_statement(c, ST_TITLES);
	int r;

	*ret_n = 0;
	sqlite3_bind_blob(row, 1, at->identity.id, sizeof(at->identity.id), SQLITE_STATIC);
	while ((r = sql_step(c, row)) > 0 && *ret_n < max)
		ret[(*ret_n)++] = sqlite3_column_int64(row, 0);
	sqlite3_reset(row);
	return r < 0 ? r : 0;
}

#define TITLES_MAX 256u /* of one first session */

static int find_candidates(struct catalogue *c, const struct catalogue_source *at, struct candidates *ret)
{
	int64_t titles[TITLES_MAX];
	size_t n;
	int r = read_titles(c, at, titles, TITLES_MAX, &n);

	for (size_t i = 0; i < n && !r; i++) {
		enum likeness likeness;
		uint32_t common;

		r = compare_sessions(c, titles[i], at, &likeness, &common);
		if (r)
			break;
		if (likeness != IS_FORK && !ret->title) {
			ret->title = titles[i];
			ret->likeness = likeness;
			r = add_pieces(c, titles[i], at, &ret->same);
		} else {
			r = add_pieces(c, titles[i], at, &ret->others);
		}
	}
	return r;
}

static int choose(struct catalogue *c, const struct catalogue_source *at, const struct catalogue_adding *asked,
		  const struct candidates *found, struct title *t, char **ret_why)
{
	const struct piece *piece;

	if (asked->copy && !found->title)
		return why_set(ret_why, -ENOENT,
			       "%s: no disc is there that it could be a copy of: add it without --copy", c->path);
	if (asked->copy) {
		t->id = found->title;
		int r = get_title(c, t);
		return r ? r : new_disc(c, t);
	}
	piece = asked->disc ? with_number(&found->same, asked->disc) : with_path(&found->same);
	if (piece)
		return take_piece(c, at, piece, found->likeness, t);
	piece = asked->disc ? with_number(&found->others, asked->disc) : with_path(&found->others);
	if (piece)
		return take_piece(c, at, piece, IS_FORK, t);
	if (asked->disc)
		return why_set(ret_why, -EINVAL, "%s: disc %" PRId64 " is another one: their first sessions differ",
			       c->path, asked->disc);
	if (found->title) {
		piece = only_one(&found->same, at, found->likeness);
		return piece ? take_piece(c, at, piece, found->likeness, t) :
			       ask_which(c, &found->same, found->likeness, ret_why);
	}
	if (asked->known_only)
		return -ENOENT;
	int r = new_title(c, at, t);
	return r ? r : new_disc(c, t);
}

int title_find(struct catalogue *c, const struct catalogue_source *at, const struct catalogue_adding *asked,
	       struct title *ret, char **ret_why)
{
	struct candidates found = {.title = 0};
	int r = find_candidates(c, at, &found);

	*ret = (struct title){.id = 0};
	if (!r)
		r = choose(c, at, asked, &found, ret, ret_why);
	free(found.same.list);
	free(found.others.list);
	return r;
}

/* ---- forgetting ---- */

static int delete_entry(struct catalogue *c, int64_t id, const char *name)
{
	sqlite3_stmt *row = sql_statement(c, ST_NAME_DELETE);
	int r;

	sqlite3_bind_int64(row, 1, id);
	sqlite3_bind_text(row, 2, name, -1, SQLITE_TRANSIENT);
	r = sql_step(c, row);
	return r ? r : SQL_RUN(c, ST_ENTRY_DELETE, id);
}

static int delete_entries(struct catalogue *c, int64_t title, uint32_t newest)
{
	sqlite3_stmt *row = sql_statement(c, ST_ENTRIES_FROM);
	int r;

	sqlite3_bind_int64(row, 1, title);
	sqlite3_bind_int64(row, 2, newest);
	while ((r = sql_step(c, row)) > 0) {
		r = delete_entry(c, sqlite3_column_int64(row, 0), sql_name(row, 1, NULL));
		if (r)
			break;
	}
	sqlite3_reset(row);
	return r;
}

/* Its directories are read again when a session is added: where they lay before is not known any more. */
static int trim(struct catalogue *c, int64_t title, uint32_t newest)
{
	int r = delete_entries(c, title, newest);

	if (!r)
		r = SQL_RUN(c, ST_ENTRIES_REOPEN, title, newest);
	if (!r)
		r = SQL_RUN(c, ST_SESSIONS_DELETE, title, newest);
	if (!r)
		r = SQL_RUN(c, ST_DIRECTORIES_UNREAD, title);
	return r ? r : SQL_RUN(c, ST_TITLE_TRIM, title, newest);
}

int title_empty(struct catalogue *c, int64_t title)
{
	int r = delete_entries(c, title, 0);

	if (!r)
		r = SQL_RUN(c, ST_SESSIONS_DELETE, title, 0);
	return r ? r : SQL_RUN(c, ST_DIRECTORIES_DELETE, title);
}

static int delete_title(struct catalogue *c, int64_t title)
{
	int r = title_empty(c, title);

	return r ? r : SQL_RUN(c, ST_TITLE_DELETE, title);
}

int title_settle(struct catalogue *c, int64_t title)
{
	sqlite3_stmt *row = sql_statement(c, ST_TITLE_NEWEST_KEPT);
	struct title t = {.id = title};
	bool none;
	int64_t newest;
	int r;

	sqlite3_bind_int64(row, 1, title);
	r = sql_step(c, row);
	none = r > 0 && sqlite3_column_type(row, 0) == SQLITE_NULL;
	newest = r > 0 ? sqlite3_column_int64(row, 0) : 0;
	sqlite3_reset(row);
	if (r < 0)
		return r;
	if (none)
		return delete_title(c, title);
	r = get_title(c, &t);
	return r || newest >= t.newest ? r : trim(c, title, (uint32_t)newest);
}

int catalogue_forget(struct catalogue *c, int64_t disc, char **ret_why)
{
	sqlite3_stmt *row;
	int64_t title = 0;
	int r = sql_begin(c);

	if (r)
		return sql_why(c, r, ret_why);
	row = sql_statement(c, ST_DISCS);
	while ((r = sql_step(c, row)) > 0)
		if (sqlite3_column_int64(row, 0) == disc)
			title = sqlite3_column_int64(row, 12);
	if (!r && !title)
		r = why_set(ret_why, -ENOENT, "%s: there is no disc %" PRId64, c->path, disc);
	if (!r)
		r = SQL_RUN(c, ST_DISC_DELETE, disc);
	if (!r)
		r = title_settle(c, title);
	return sql_why(c, sql_end(c, r), ret_why);
}
