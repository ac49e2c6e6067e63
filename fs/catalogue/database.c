/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The connection: in WAL mode, so that who asks never waits for who changes; what changes begins with a lock, and waits
 * for others a while.
 */
#include "fs/catalogue/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "burner/base/io.h"
#include "burner/base/utf8.h"
#include "fs/sqlite/sqlite.h"

int sql_errno(const struct catalogue *c, int rc)
{
	int r = sqlite_errno(c->db, rc), kind = rc & 0xff;

	if (kind == SQLITE_ERROR || kind == SQLITE_CONSTRAINT)
		return -EBADMSG; /* not our tables */
	return r == -EIO && c->db && sqlite3_system_errno(c->db) == ENOSPC ? -ENOSPC : r;
}

int sql_why(const struct catalogue *c, int r, char **ret_why)
{
	if (!r || !ret_why || *ret_why)
		return r;
	switch (r) {
	case -EBUSY:
		return why_set(ret_why, r, "%s: another program changes the catalogue: try again later", c->path);
	case -EBADMSG:
		return why_set(ret_why, r,
			       "%s: the catalogue is damaged (%s): rename it, and add the discs again; their places "
			       "can be read from it by 'sqlite3 FILE .dump'",
			       c->path, c->db ? sqlite3_errmsg(c->db) : "it cannot be opened");
	case -ENOSPC:
		return why_set(ret_why, r, "%s: there is no room left for the catalogue: it stays as it was", c->path);
	case -EROFS:
		return why_set(ret_why, r, "%s: the catalogue cannot be written to", c->path);
	default:
		return why_set(ret_why, r, "%s: %s", c->path, strerror(-r));
	}
}

/* ---- statements ---- */

sqlite3_stmt *sql_statement(struct catalogue *c, enum statement which)
{
	sqlite3_stmt **row = &c->statements[which];

	if (!*row && sqlite3_prepare_v3(c->db, schema_statement(which), -1, SQLITE_PREPARE_PERSISTENT, row, NULL))
		return NULL;
	sqlite3_reset(*row);
	sqlite3_clear_bindings(*row);
	return *row;
}

int sql_step(struct catalogue *c, sqlite3_stmt *row)
{
	int rc = row ? sqlite3_step(row) : sqlite3_extended_errcode(c->db), r;

	if (rc == SQLITE_ROW)
		return 1;
	r = sql_errno(c, rc);
	if (row)
		sqlite3_reset(row);
	return !row && !r ? -EIO : r;
}

int sql_run(struct catalogue *c, enum statement which, unsigned n, const int64_t *numbers)
{
	sqlite3_stmt *row = sql_statement(c, which);
	int r;

	for (unsigned i = 0; row && i < n; i++)
		sqlite3_bind_int64(row, (int)i + 1, numbers[i]);
	do
		r = sql_step(c, row);
	while (r > 0);
	return r;
}

int sql_begin(struct catalogue *c)
{
	int r = sql_run(c, ST_BEGIN, 0, NULL);

	c->in_transaction = !r;
	shelf_release(c);
	return r;
}

int sql_end(struct catalogue *c, int r)
{
	if (!c->in_transaction)
		return r;
	if (!r)
		r = sql_run(c, ST_COMMIT, 0, NULL);
	/* What fails may have taken it back already. */
	if (r && !sqlite3_get_autocommit(c->db))
		sql_run(c, ST_ROLLBACK, 0, NULL);
	c->in_transaction = false;
	return r;
}

static bool is_utf8(const char *text)
{
	for (size_t n; *text; text += n) {
		n = utf8_length((const unsigned char *)text);
		if (!n)
			return false;
	}
	return true;
}

void sql_bind_name(sqlite3_stmt *row, int column, const char *name)
{
	if (is_utf8(name))
		sqlite3_bind_text(row, column, name, -1, SQLITE_TRANSIENT);
	else
		sqlite3_bind_blob(row, column, name, (int)strlen(name), SQLITE_TRANSIENT);
}

const char *sql_name(sqlite3_stmt *row, int column, size_t *ret_bytes)
{
	const unsigned char *text = sqlite3_column_text(row, column); /* of a BLOB, too: with a zero behind it */

	if (ret_bytes)
		*ret_bytes = text ? (size_t)sqlite3_column_bytes(row, column) : 0;
	return text ? (const char *)text : "";
}

/* ---- opening ---- */

/* What somebody has is for him alone. */
static int make_file(const char *path)
{
	_close_ int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0600);

	return fd < 0 ? quota_as_space(-errno) : 0;
}

static int open_file(struct catalogue *c, enum catalogue_use use)
{
	const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
	int r = use == CATALOGUE_CREATE ? make_file(c->path) : 0, rc;

	if (r)
		return r;
	rc = sqlite3_open_v2(c->path, &c->db, flags, NULL);
	if (rc == SQLITE_CANTOPEN && use == CATALOGUE_READ && access(c->path, R_OK) == 0) {
		sqlite3_close(c->db);
		rc = sqlite3_open_v2(c->path, &c->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);
	}
	return sql_errno(c, rc);
}

static int open_database(struct catalogue *c, enum catalogue_use use, unsigned wait_seconds, char **ret_why)
{
	int r;

	if (use != CATALOGUE_CREATE && access(c->path, F_OK) < 0)
		return errno == ENOENT ? why_set(ret_why, -ENOENT,
						 "%s: there is no catalogue yet: "
						 "'cdappendfs-catalogue add DISC' makes it",
						 c->path) :
					 -errno;
	r = open_file(c, use);
	if (r)
		return r;
	sqlite_distrust(c->db);
	sqlite3_extended_result_codes(c->db, 1);
	sqlite3_busy_timeout(c->db, (int)wait_seconds * 1000);
	if (use != CATALOGUE_READ) /* where it cannot be, it stays as it is, and is as safe */
		sqlite3_exec(c->db, "PRAGMA journal_mode=WAL", NULL, NULL, NULL);
	sqlite3_exec(c->db,
		     "PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY; "
		     "PRAGMA cache_size=-16000; PRAGMA journal_size_limit=1048576",
		     NULL, NULL, NULL);
	return schema_setup(c, use == CATALOGUE_CREATE, ret_why);
}

int catalogue_open(const char *path, enum catalogue_use use, unsigned wait_seconds, struct catalogue **ret,
		   char **ret_why)
{
	_cleanup_(catalogue_closep) struct catalogue *c = calloc(1, sizeof(*c));
	int r;

	if (!c || !(c->path = strdup(path)))
		return -ENOMEM;
	r = open_database(c, use, wait_seconds, ret_why);
	if (r)
		return sql_why(c, r, ret_why);
	*ret = TAKE_PTR(c);
	return 0;
}

void catalogue_close(struct catalogue *c)
{
	if (!c)
		return;
	shelf_release(c);
	for (int i = 0; i < ST_N; i++)
		sqlite3_finalize(c->statements[i]);
	sqlite3_close(c->db);
	free(c->path);
	free(c);
}
