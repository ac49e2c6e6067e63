/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * internal.h - what the files of this room share
 *
 *	database.c	opening, transactions, statements, errors
 *	schema.c	the tables, and every statement that is run on them
 *	place.c		where it is
 *	title.c		which title a disc has, and which disc it is; forgetting
 *	add.c		a session: names that came, changed, went
 *	entries.c	the names of a directory as they are known
 *	digest.c	content that is read for its digest
 *	shelf.c		discs, their sessions, their places
 *	find.c		names; paths
 *	words.c		what is asked for, as the index of names has it
 *	file.c		where a file of the hard disk lies
 *	copies.c	of how many discs each content is
 */
#ifndef FS_CATALOGUE_INTERNAL_H
#define FS_CATALOGUE_INTERNAL_H

#include <sqlite3.h>

#include "burner/base/md5.h"
#include "burner/base/why.h"
#include "fs/catalogue/catalogue.h"
#include "fs/iso/iso.h"

enum statement {
	ST_BEGIN,
	ST_COMMIT,
	ST_ROLLBACK,
	ST_TITLES,
	ST_TITLE_PUT,
	ST_TITLE_GET,
	ST_TITLE_ROOT,
	ST_TITLE_GROW,
	ST_TITLE_RENEW,
	ST_TITLE_TRIM,
	ST_TITLE_DELETE,
	ST_TITLE_NEWEST_KEPT,
	ST_SESSIONS,
	ST_SESSION_PUT,
	ST_SESSIONS_DELETE,
	ST_SESSIONS_SHOWN,
	ST_DISCS,
	ST_DISCS_OF,
	ST_DISC_PUT,
	ST_DISC_SEEN,
	ST_DISC_MOVE,
	ST_DISC_PLACE,
	ST_DISC_DELETE,
	ST_PATH_TAKEN,
	ST_DIRECTORY_PUT,
	ST_DIRECTORY_SET,
	ST_DIRECTORY_BY_INO,
	ST_DIRECTORIES_UNREAD,
	ST_DIRECTORIES_DELETE,
	ST_ENTRIES_OF,
	ST_ENTRY_PUT,
	ST_ENTRY_CLOSE,
	ST_ENTRIES_FROM,
	ST_ENTRIES_REOPEN,
	ST_ENTRY_DELETE,
	ST_ENTRY_LINK,
	ST_ENTRIES_UNDIGESTED,
	ST_ENTRY_SHA256,
	ST_NAME_PUT,
	ST_NAME_DELETE,
	ST_FIND,
	ST_FIND_ALL,
	ST_SHA256_ANY,
	ST_SHA256_SIZE,
	ST_SHA256_PLACE,
	ST_MD5_SIZE,
	ST_BY_SHA256,
	ST_BY_MD5,
	ST_BY_TIME,
	ST_N
};

struct shelf {
	struct catalogue_disc *discs;
	size_t n;
};

struct catalogue {
	sqlite3 *db;
	sqlite3_stmt *statements[ST_N];
	char *path;
	bool in_transaction;
	bool has_shelf; /* since a question was asked; a change takes it away */
	struct shelf shelf;
};

/* ---- database.c ---- */

int sql_errno(const struct catalogue *c, int rc);
/* The statement, reset; NULL: it cannot be prepared (sql_why() tells). */
sqlite3_stmt *sql_statement(struct catalogue *c, enum statement which);
/* 1: a row; 0: no more, and it is reset; or an error. */
int sql_step(struct catalogue *c, sqlite3_stmt *row);
/* The numbers are bound in their order, and it is run to its end. */
int sql_run(struct catalogue *c, enum statement which, unsigned n, const int64_t *numbers);
#define SQL_RUN(c, which, ...) \
	sql_run((c), (which), sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t), (int64_t[]){__VA_ARGS__})
int sql_begin(struct catalogue *c);
/* r 0: commits; else takes it back.  What to go on with. */
int sql_end(struct catalogue *c, int r);
/* Returns r, and its words. */
int sql_why(const struct catalogue *c, int r, char **ret_why);
/* Names and labels are bytes: those that are UTF-8 are TEXT, others BLOB. */
void sql_bind_name(sqlite3_stmt *row, int column, const char *name);
const char *sql_name(sqlite3_stmt *row, int column, size_t *ret_bytes); /* good until the next step; ends in a zero */

/* ---- schema.c ---- */

const char *schema_statement(enum statement which);
/* Makes it in a database that is empty.  -EPROTO, -EBADMSG. */
int schema_setup(struct catalogue *c, bool create, char **ret_why);

/* ---- title.c ---- */

/* Of a disc that is at hand. */
struct title {
	int64_t id, root, disc;
	uint32_t newest; /* session in the catalogue; 0 none */
	uint32_t disc_newest;
	bool is_new; /* the disc has a row since now */
};
int title_find(struct catalogue *c, const struct catalogue_source *at, const struct catalogue_adding *asked,
	       struct title *ret, char **ret_why);
/* Whatever no disc has any more is taken out. */
int title_settle(struct catalogue *c, int64_t title);
/* All that is known of what is on it; then it has no root. */
int title_empty(struct catalogue *c, int64_t title);
int title_new_root(struct catalogue *c, struct title *t);

/* ---- entries.c ---- */

struct known {
	int64_t id, mtime, place, child;
	uint64_t size, child_ino;
	struct iso_extent child_at;
	char *name;
	char kind;
	bool kept; /* it is there still */
};
struct known_list {
	struct known *list; /* by name */
	size_t n, capacity;
};
int entries_read(struct catalogue *c, int64_t directory, struct known_list *ret);
void entries_release(struct known_list *l);
/* One of that name that was not met yet; NULL: there is none. */
struct known *entries_named(const struct known_list *l, const char *name);

struct new_entry {
	int64_t directory, mtime, place, child;
	uint64_t size;
	const char *name;
	uint32_t first;
	char kind;
	const uint8_t *sha256, *md5; /* NULL: not known */
};
#define NO_MTIME INT64_MIN
#define NO_PLACE (-1)
int entries_put(struct catalogue *c, const struct new_entry *e);
/* Where the content is: one number, which no other content of the title has. */
int64_t entries_place(const struct iso_entry *e);
int64_t entries_mtime(const struct timespec *t);
int64_t entries_seconds(int64_t ns); /* whole ones, as in a struct timespec */
/* Of content that was read already, of that title. */
int entries_sha256(struct catalogue *c, int64_t title, uint64_t size, int64_t place, uint8_t ret[SHA256_BYTES],
		   bool *ret_known);

/* ---- find.c ---- */

/* The path of a directory in a session, or in the newest before it in which it has one; *session becomes that.  "" the
 * root.  To be freed. */
int find_path(struct catalogue *c, int64_t directory, uint32_t *session, char **ret);

/* c->shelf. */
int shelf_read(struct catalogue *c);
void shelf_release(struct catalogue *c);

/* Tells of the row, whose columns are those of ST_FIND, on each disc that has it. */
struct telling {
	struct catalogue *c;
	const struct catalogue_asked *asked;
	int64_t directory; /* whose path is at hand; 0 none */
	uint32_t asked_session, session;
	char *path;
	uint64_t copies; /* discs that have what is told of; 0: not counted */
};
int telling_begin(struct catalogue *c, const struct catalogue_asked *asked, struct telling *ret);
void telling_end(struct telling *t);
/* accepts: 1, 0, or an error; NULL: any path. */
int telling_row(struct telling *t, sqlite3_stmt *row, enum catalogue_evidence by,
		int (*accepts)(void *context, const char *path), void *context);

enum find_column {
	FIND_ID,
	FIND_DIRECTORY,
	FIND_NAME,
	FIND_KIND,
	FIND_SIZE,
	FIND_MTIME,
	FIND_FIRST,
	FIND_LAST,
	FIND_SHA256,
	FIND_MD5,
	FIND_TITLE
};

/* ---- words.c ---- */

struct words;
int words_new(const char *const *words, size_t n, struct words **ret); /* -ENOMEM */
void words_free(struct words *w);
DEFINE_FREEP(struct words, words_free)
/* For the index of names; NULL: it does not know such short ones. */
const char *words_query(const struct words *w);
bool words_match_name(const struct words *w, const char *name);
int words_match_path(void *words, const char *path); /* 1, 0; -ENOMEM */

#endif
