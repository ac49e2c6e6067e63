/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The journal's tables and every statement that is ever run on them.
 *
 * state	key -> number or blob: identity, fingerprint, commit, generation, counters, last result
 * node		one changed file each; extents: packed array, 32 bytes each, little-endian (see rows.c); xattrs: a set
 *		of extended attributes (burner/base/xattrs.h), or where on the disc it is; version 1 had neither these
 *		nor the time of birth
 * name		(directory, name bytes) -> inode number, 0 for a name that is gone
 * body		the files in bodies/
 */
#include <errno.h>
#include <string.h>

#include "burner/base/own.h"
#include "fs/stage/internal.h"

#define JOURNAL_APPLICATION_ID 0x63646170 /* "cdap" */
#define JOURNAL_VERSION 2

static const char *const texts[ST_N] = {
	[ST_BEGIN] = "BEGIN IMMEDIATE",
	[ST_COMMIT] = "COMMIT",
	[ST_SAVE] = "SAVEPOINT step",
	[ST_RELEASE] = "RELEASE step",
	[ST_ROLLBACK_TO] = "ROLLBACK TO step",
	[ST_PAGES] = "PRAGMA page_count",
	[ST_STATE_GET] = "SELECT value FROM state WHERE key=?1",
	[ST_STATE_PUT] = "INSERT OR REPLACE INTO state(key,value) VALUES(?1,?2)",
	[ST_STATE_DELETE] = "DELETE FROM state WHERE key=?1",
	[ST_NODE_GET] = "SELECT " NODE_COLUMNS " FROM node WHERE ino=?1",
	[ST_NODE_PUT] =
		"INSERT OR REPLACE INTO node(" NODE_COLUMNS ") VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,"
		"?)",
	[ST_NODE_DELETE] = "DELETE FROM node WHERE ino=?1",
	[ST_NODE_PARENT] = "UPDATE node SET parent=?2 WHERE ino=?1",
	[ST_NODE_RENEW] = "UPDATE node SET generation=?2 WHERE ino=?1",
	[ST_NODE_DROP] = "DELETE FROM node WHERE generation<=?1",
	[ST_NODE_NEWER] = "SELECT 1 FROM node WHERE generation>?1 LIMIT 1",
	[ST_NODES_ALL] = "SELECT " NODE_COLUMNS " FROM node ORDER BY ino",
	[ST_NODES_EXTENTS] = "SELECT extents FROM node WHERE extents IS NOT NULL",
	[ST_NODES_CLEAR] = "DELETE FROM node",
	[ST_NODE_INOS] = "SELECT ino FROM node ORDER BY ino",
	[ST_NAME_GET] = "SELECT ino FROM name WHERE parent=?1 AND name=?2",
	[ST_NAME_INSERT] = "INSERT INTO name(parent,name,ino,generation) VALUES(?1,?2,?3,?4) ON CONFLICT DO NOTHING",
	[ST_NAME_UPDATE] = "UPDATE name SET ino=?3,generation=?4 WHERE parent=?1 AND name=?2",
	[ST_NAME_DELETE] = "DELETE FROM name WHERE parent=?1 AND name=?2",
	[ST_NAME_DROP] = "DELETE FROM name WHERE generation<=?1",
	[ST_NAME_NEWER] = "SELECT 1 FROM name WHERE generation>?1 LIMIT 1",
	[ST_NAMES_OF] = ("SELECT n.name,n.ino,d.mode FROM name n LEFT JOIN node d ON d.ino=n.ino WHERE n.parent=?1 "
			 "ORDER BY n.name"),
	[ST_NAMES_DELETE] = "DELETE FROM name WHERE parent=?1",
	[ST_NAMES_ALL] = "SELECT parent,name,ino FROM name ORDER BY parent,name",
	[ST_NAMES_WHOLE] = "SELECT parent,name,ino,generation FROM name",
	[ST_NAMES_ASTRAY] = ("SELECT d.ino FROM (SELECT DISTINCT parent FROM name) n JOIN node d ON d.ino=n.parent "
			     "WHERE d.mode&61440<>16384"), /* S_IFMT, S_IFDIR */
	[ST_NAMES_COUNT] = "SELECT parent,count(*) FROM name GROUP BY parent",
	[ST_NAMES_CLEAR] = "DELETE FROM name",
	[ST_BODY_PUT] = "INSERT OR REPLACE INTO body(number,sparse,generation) VALUES(?1,?2,?3)",
	[ST_BODY_DELETE] = "DELETE FROM body WHERE number=?1",
	[ST_BODIES_ALL] = "SELECT number,sparse,generation FROM body",
};

const char *stage_schema_sql(const struct stage *s, enum statement statement)
{
	if (!s->first_version)
		return texts[statement];
	switch (statement) {
	case ST_NODE_GET:
		return "SELECT " NODE_COLUMNS_1 " FROM node WHERE ino=?1";
	case ST_NODES_ALL:
		return "SELECT " NODE_COLUMNS_1 " FROM node ORDER BY ino";
	case ST_NODE_PUT:
		return "SELECT 1"; /* nothing is put into what is only read */
	default:
		return texts[statement];
	}
}

#define TABLE_STATE "CREATE TABLE state(key TEXT PRIMARY KEY, value) WITHOUT ROWID"
/* As ALTER TABLE leaves it, so that a journal that was begun by an older version is like any other. */
#define TABLE_NODE_1 \
	"CREATE TABLE node(ino INTEGER PRIMARY KEY, generation INTEGER NOT NULL, mode INTEGER NOT NULL, uid INTEGER " \
	"NOT NULL, gid INTEGER NOT NULL, nlink INTEGER NOT NULL, size INTEGER NOT NULL, rdev INTEGER NOT NULL, " \
	"parent INTEGER NOT NULL, atime INTEGER NOT NULL, atime_ns INTEGER NOT NULL, mtime INTEGER NOT NULL, " \
	"mtime_ns INTEGER NOT NULL, ctime INTEGER NOT NULL, ctime_ns INTEGER NOT NULL, base_lba INTEGER NOT NULL, " \
	"base_bytes INTEGER NOT NULL, zisofs INTEGER NOT NULL, extents BLOB, target BLOB"
#define COLUMN_2A "birth INTEGER NOT NULL DEFAULT 0"
#define COLUMN_2B "birth_ns INTEGER NOT NULL DEFAULT 0"
#define COLUMN_2C "xattrs_at INTEGER NOT NULL DEFAULT 0"
#define COLUMN_2D "xattrs BLOB"
#define TABLE_NODE TABLE_NODE_1 ", " COLUMN_2A ", " COLUMN_2B ", " COLUMN_2C ", " COLUMN_2D ")"
#define TABLE_NAME \
	"CREATE TABLE name(parent INTEGER NOT NULL, name BLOB NOT NULL, ino INTEGER NOT NULL, generation INTEGER " \
	"NOT NULL, PRIMARY KEY(parent,name)) WITHOUT ROWID"
#define TABLE_BODY "CREATE TABLE body(number INTEGER PRIMARY KEY, sparse INTEGER NOT NULL, generation INTEGER NOT NULL)"

static const char schema[] = "BEGIN IMMEDIATE;" TABLE_STATE ";" TABLE_NODE ";" TABLE_NAME ";" TABLE_BODY ";"
			     "PRAGMA application_id=1667522928;" /* JOURNAL_APPLICATION_ID */
			     "PRAGMA user_version=2;"
			     "COMMIT;";
#define ADD "ALTER TABLE node ADD COLUMN "
static const char from_1_to_2[] = "BEGIN IMMEDIATE;" ADD COLUMN_2A ";" ADD COLUMN_2B ";" ADD COLUMN_2C ";" ADD COLUMN_2D
				  ";PRAGMA user_version=2;COMMIT;";
_Static_assert(JOURNAL_APPLICATION_ID == 1667522928, "as in the schema");

static int execute(struct stage *s, const char *sql) { return db_errno(s, sqlite3_exec(s->db, sql, NULL, NULL, NULL)); }

static int ask_number(struct stage *s, const char *sql, int64_t *ret)
{
	sqlite3_stmt *row = NULL;
	int rc = sqlite3_prepare_v2(s->db, sql, -1, &row, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(row);
	if (rc == SQLITE_ROW)
		*ret = sqlite3_column_int64(row, 0);
	sqlite3_finalize(row);
	return rc == SQLITE_ROW ? 0 : rc == SQLITE_DONE ? -EBADMSG : db_errno(s, rc);
}

static int quick_check(struct stage *s)
{
	sqlite3_stmt *row = NULL;
	int rc = sqlite3_prepare_v2(s->db, "PRAGMA quick_check(1)", -1, &row, NULL), r;

	if (rc == SQLITE_OK)
		rc = sqlite3_step(row);
	if (rc == SQLITE_ROW) {
		const char *text = (const char *)sqlite3_column_text(row, 0);

		r = text && !strcmp(text, "ok") ? 0 : -EBADMSG;
	} else {
		r = rc == SQLITE_DONE ? -EBADMSG : db_errno(s, rc);
	}
	sqlite3_finalize(row);
	return r;
}

static bool same_but_for_spaces(const char *a, const char *b)
{
	for (;; a++, b++) {
		a += strspn(a, " ");
		b += strspn(b, " ");
		if (*a != *b || !*a)
			return *a == *b;
	}
}

/* Nothing but our tables, as they were made: no trigger, no view, no column that runs anything. */
static int check_tables(struct stage *s)
{
	const char *const tables[] = {TABLE_STATE, s->first_version ? TABLE_NODE_1 ")" : TABLE_NODE, TABLE_NAME,
				      TABLE_BODY};
	unsigned found = 0;
	bool strange = false;
	sqlite3_stmt *row = NULL;
	int rc = sqlite3_prepare_v2(s->db, "SELECT sql FROM sqlite_schema", -1, &row, NULL);

	while (rc == SQLITE_OK && !strange && sqlite3_step(row) == SQLITE_ROW) {
		const char *text = (const char *)sqlite3_column_text(row, 0);
		unsigned i = 0;

		while (i < ARRAY_LENGTH(tables) && !(text && same_but_for_spaces(text, tables[i])))
			i++;
		strange = i == ARRAY_LENGTH(tables) || found & 1u << i;
		found |= strange ? 0 : 1u << i;
	}
	if (rc == SQLITE_OK)
		rc = sqlite3_finalize(row);
	if (rc)
		return db_errno(s, rc);
	return !strange && found == (1u << ARRAY_LENGTH(tables)) - 1 ?
		       0 :
		       stage_blame(s, "it has tables that are not ours");
}

/* A new file gets its log mode with full syncs; from then on wal.c and sync_thread.c order what reaches the disk. */
static int make_wal(struct stage *s)
{
	int r = execute(s, "PRAGMA page_size=4096; PRAGMA synchronous=FULL; PRAGMA journal_mode=WAL;");

	return r ? r : execute(s, "PRAGMA synchronous=OFF;");
}

/* The journal as it is found: looked at, and brought to this version. */
static int take_over(struct stage *s, int64_t version)
{
	int r;

	s->first_version = version == 1;
	r = check_tables(s);
	if (!r && !s->glance)
		r = quick_check(s);
	if (!r && !s->read_only)
		r = make_wal(s);
	if (!r && !s->read_only && s->first_version) {
		r = execute(s, from_1_to_2);
		s->first_version = r != 0;
	}
	return r;
}

int stage_schema_setup(struct stage *s)
{
	int64_t application = 0, version = 0, tables = 0;
	int r = execute(
		s, "PRAGMA locking_mode=EXCLUSIVE; PRAGMA temp_store=MEMORY; PRAGMA cache_spill=OFF; PRAGMA "
		   "trusted_schema=OFF;"
		   "PRAGMA cell_size_check=ON; PRAGMA cache_size=-8192; PRAGMA mmap_size=0; PRAGMA secure_delete=OFF;");

	if (!r)
		r = ask_number(s, "SELECT count(*) FROM sqlite_schema", &tables);
	if (!r)
		r = ask_number(s, "PRAGMA application_id", &application);
	if (!r)
		r = ask_number(s, "PRAGMA user_version", &version);
	if (r)
		return r;
	if (!tables && !application) { /* new, or a crash came before its first commit */
		r = stage_place_check_mark(s);
		if (r || s->read_only)
			return r ? r : -ENOENT;
		r = make_wal(s);
		return r ? r : execute(s, schema);
	}
	if (application == JOURNAL_APPLICATION_ID && version > JOURNAL_VERSION)
		return -EPROTO; /* of a later cdappendfs */
	return application == JOURNAL_APPLICATION_ID && version >= 1 ? take_over(s, version) : -EBADMSG;
}
