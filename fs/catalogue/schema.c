/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The tables and every statement that is ever run on them.
 *
 * title	what a disc has become; newest: its newest session that is in here; names: rows of entry
 * disc		a piece on the shelf: a title up to a session
 * session	of a title, also broken ones; complete 0: something could not be read
 * directory	one directory of a title, whatever its names were; where its records lie in the newest session
 * entry	a version of a name in a directory: sessions first to last, last NULL: the newest has it; child: the
 *		directory that has this name; place: where the content lies, mtime: nanoseconds
 * entry_name	the index of names, by three characters, without the names themselves: rowid is that of entry
 *
 * What is in a directory stays as it is when that is renamed or removed: only its own entry ends.
 */
#include "fs/catalogue/internal.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define APPLICATION_ID 0x63646163 /* "cdac" */
#define VERSION 1

static const char tables[] =
	"CREATE TABLE title("
	"id INTEGER PRIMARY KEY, identity BLOB NOT NULL, root INTEGER NOT NULL, newest INTEGER NOT NULL,"
	"names INTEGER NOT NULL);"
	"CREATE TABLE disc("
	"id INTEGER PRIMARY KEY AUTOINCREMENT, title INTEGER NOT NULL REFERENCES title, newest INTEGER NOT NULL,"
	"medium TEXT NOT NULL, bytes INTEGER NOT NULL, place TEXT NOT NULL, path, added INTEGER NOT NULL,"
	"seen INTEGER NOT NULL);"
	"CREATE TABLE session("
	"title INTEGER NOT NULL REFERENCES title, number INTEGER NOT NULL, start INTEGER NOT NULL,"
	"created INTEGER NOT NULL, label NOT NULL, message TEXT, uuid BLOB, broken INTEGER NOT NULL,"
	"complete INTEGER NOT NULL, added INTEGER NOT NULL, PRIMARY KEY(title,number)) WITHOUT ROWID;"
	"CREATE TABLE directory("
	"id INTEGER PRIMARY KEY, title INTEGER NOT NULL REFERENCES title, ino INTEGER, lba INTEGER NOT NULL,"
	"bytes INTEGER NOT NULL);"
	"CREATE INDEX directory_by_ino ON directory(title,ino);"
	"CREATE TABLE entry("
	"id INTEGER PRIMARY KEY, directory INTEGER NOT NULL REFERENCES directory, name NOT NULL,"
	"kind TEXT NOT NULL, size INTEGER, mtime INTEGER, place INTEGER, first INTEGER NOT NULL, last INTEGER,"
	"child INTEGER REFERENCES directory, sha256 BLOB, md5 BLOB);"
	"CREATE INDEX entry_by_directory ON entry(directory);"
	"CREATE INDEX entry_by_child ON entry(child) WHERE child IS NOT NULL;"
	"CREATE INDEX entry_by_size ON entry(size,mtime) WHERE size IS NOT NULL;"
	"CREATE INDEX entry_by_sha256 ON entry(size,sha256) WHERE sha256 IS NOT NULL;"
	"CREATE INDEX entry_by_md5 ON entry(size,md5) WHERE md5 IS NOT NULL;"
	"CREATE VIRTUAL TABLE entry_name USING fts5(text,content='',tokenize='trigram',detail='none',columnsize=0);";

#define FIND_COLUMNS "e.id,e.directory,e.name,e.kind,e.size,e.mtime,e.first,e.last,e.sha256,e.md5,d.title"
#define OF_TITLE "directory IN (SELECT id FROM directory WHERE title=?1)"

static const char *const texts[ST_N] = {
	[ST_BEGIN] = "BEGIN IMMEDIATE",
	[ST_COMMIT] = "COMMIT",
	[ST_ROLLBACK] = "ROLLBACK",
	[ST_TITLES] = "SELECT id,root,newest FROM title WHERE identity=?1 ORDER BY id",
	[ST_TITLE_PUT] = "INSERT INTO title(identity,root,newest,names) VALUES(?1,0,0,0)",
	[ST_TITLE_GET] = "SELECT root,newest FROM title WHERE id=?1",
	[ST_TITLE_ROOT] = "UPDATE title SET root=?2 WHERE id=?1",
	[ST_TITLE_GROW] = "UPDATE title SET newest=?2,names=names+?3 WHERE id=?1",
	[ST_TITLE_RENEW] = "UPDATE title SET newest=0,names=0 WHERE id=?1",
	[ST_TITLE_TRIM] =
		"UPDATE title SET newest=?2,names=(SELECT count(*) FROM entry WHERE " OF_TITLE ") WHERE id=?1",
	[ST_TITLE_DELETE] = "DELETE FROM title WHERE id=?1",
	[ST_TITLE_NEWEST_KEPT] = "SELECT max(newest) FROM disc WHERE title=?1",
	[ST_SESSIONS] = "SELECT number,start,created,label,uuid,broken FROM session WHERE title=?1 ORDER BY number",
	[ST_SESSION_PUT] = "INSERT INTO session(title,number,start,created,label,message,uuid,broken,complete,added)"
			   " VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)",
	[ST_SESSIONS_DELETE] = "DELETE FROM session WHERE title=?1 AND number>?2",
	[ST_SESSIONS_SHOWN] = "SELECT s.number,s.created,s.label,s.message,s.broken,s.complete,s.added FROM session s "
			      "JOIN disc d ON d.title=s.title WHERE d.id=?1 AND s.number<=d.newest ORDER BY s.number",
	[ST_DISCS] = "SELECT d.id,(SELECT label FROM session s WHERE s.title=d.title AND s.number<=d.newest AND "
		     "NOT s.broken ORDER BY s.number DESC LIMIT 1),d.medium,d.place,d.path,t.identity,d.bytes,t.names,"
		     "d.added,d.seen,d.newest,(SELECT count(*) FROM session s WHERE s.title=d.title AND "
		     "s.number<=d.newest),d.title,EXISTS(SELECT 1 FROM session s WHERE s.title=d.title AND "
		     "s.number<=d.newest AND NOT s.complete) FROM disc d JOIN title t ON t.id=d.title ORDER BY d.id",
	[ST_DISCS_OF] = "SELECT id,newest,path FROM disc WHERE title=?1 ORDER BY id",
	[ST_DISC_PUT] = "INSERT INTO disc(title,newest,medium,bytes,place,path,added,seen) VALUES(?1,0,'',0,'',NULL,"
			"?2,?2)",
	[ST_DISC_SEEN] = "UPDATE disc SET newest=?2,bytes=?3,seen=?4,medium=?5,path=?6 WHERE id=?1",
	[ST_DISC_MOVE] = "UPDATE disc SET title=?2,newest=?3 WHERE id=?1",
	[ST_DISC_PLACE] = "UPDATE disc SET place=?2 WHERE id=?1",
	[ST_DISC_DELETE] = "DELETE FROM disc WHERE id=?1",
	[ST_PATH_TAKEN] = "UPDATE disc SET path=NULL WHERE path=?2 AND id<>?1 RETURNING id",
	[ST_DIRECTORY_PUT] = "INSERT INTO directory(title,ino,lba,bytes) VALUES(?1,?2,0,0)",
	[ST_DIRECTORY_SET] = "UPDATE directory SET ino=?2,lba=?3,bytes=?4 WHERE id=?1",
	[ST_DIRECTORY_BY_INO] = "SELECT id,lba,bytes FROM directory WHERE title=?1 AND ino=?2 ORDER BY id DESC LIMIT 1",
	[ST_DIRECTORIES_UNREAD] = "UPDATE directory SET lba=0,bytes=0 WHERE title=?1",
	[ST_DIRECTORIES_DELETE] = "DELETE FROM directory WHERE title=?1",
	[ST_ENTRIES_OF] = "SELECT e.id,e.name,e.kind,e.size,e.mtime,e.place,e.child,d.ino,d.lba,d.bytes FROM entry e "
			  "LEFT JOIN directory d ON d.id=e.child WHERE e.directory=?1 AND e.last IS NULL",
	[ST_ENTRY_PUT] = "INSERT INTO entry(directory,name,kind,size,mtime,place,first,child,sha256,md5) "
			 "VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)",
	[ST_ENTRY_CLOSE] = "UPDATE entry SET last=?2 WHERE id=?1",
	[ST_ENTRIES_FROM] = "SELECT id,name FROM entry WHERE " OF_TITLE " AND first>?2",
	[ST_ENTRIES_REOPEN] = "UPDATE entry SET last=NULL WHERE " OF_TITLE " AND last>=?2",
	[ST_ENTRY_DELETE] = "DELETE FROM entry WHERE id=?1",
	[ST_ENTRY_LINK] = "SELECT directory,name,last FROM entry WHERE child=?1 AND first<=?2 ORDER BY first DESC "
			  "LIMIT 1",
	[ST_ENTRIES_UNDIGESTED] = "SELECT e.id,e.directory,e.name,e.size,e.place,e.last FROM entry e CROSS JOIN "
				  "directory d ON d.id=e.directory WHERE e.id>?2 AND d.title=?1 AND e.kind='f' AND "
				  "e.size>0 AND e.sha256 IS NULL AND e.first<=?3 ORDER BY e.id LIMIT ?4",
	[ST_ENTRY_SHA256] = "UPDATE entry SET sha256=?2 WHERE id=?1",
	[ST_NAME_PUT] = "INSERT INTO entry_name(rowid,text) VALUES(?1,?2)",
	[ST_NAME_DELETE] = "INSERT INTO entry_name(entry_name,rowid,text) VALUES('delete',?1,?2)",
	[ST_FIND] = "SELECT " FIND_COLUMNS
		    " FROM entry_name n CROSS JOIN entry e ON e.id=n.rowid CROSS JOIN directory d ON "
		    "d.id=e.directory WHERE entry_name MATCH ?1",
	[ST_FIND_ALL] = "SELECT " FIND_COLUMNS " FROM entry e CROSS JOIN directory d ON d.id=e.directory",
	[ST_SHA256_ANY] = "SELECT 1 FROM entry WHERE sha256 IS NOT NULL LIMIT 1",
	[ST_SHA256_SIZE] = "SELECT 1 FROM entry WHERE size=?1 AND sha256 IS NOT NULL LIMIT 1",
	[ST_SHA256_PLACE] = "SELECT e.sha256 FROM entry e JOIN directory d ON d.id=e.directory WHERE e.size=?1 AND "
			    "e.sha256 IS NOT NULL AND e.place=?2 AND d.title=?3 LIMIT 1",
	[ST_MD5_SIZE] = "SELECT 1 FROM entry WHERE size=?1 AND md5 IS NOT NULL LIMIT 1",
	[ST_BY_SHA256] = "SELECT " FIND_COLUMNS " FROM entry e JOIN directory d ON d.id=e.directory WHERE e.size=?1 "
			 "AND e.sha256=?2",
	[ST_BY_MD5] = "SELECT " FIND_COLUMNS " FROM entry e JOIN directory d ON d.id=e.directory WHERE e.size=?1 AND "
		      "e.md5=?2",
	[ST_BY_TIME] = "SELECT " FIND_COLUMNS " FROM entry e JOIN directory d ON d.id=e.directory WHERE e.size=?1 AND "
		       "e.mtime IN(?2,?3) AND e.name=?4 AND e.kind='f'",
};

const char *schema_statement(enum statement which) { return texts[which]; }

static int pragma(struct catalogue *c, const char *text, int64_t *ret)
{
	sqlite3_stmt *row = NULL;
	int rc = sqlite3_prepare_v2(c->db, text, -1, &row, NULL);

	if (!rc) {
		rc = sqlite3_step(row);
		*ret = rc == SQLITE_ROW ? sqlite3_column_int64(row, 0) : 0;
	}
	sqlite3_finalize(row);
	return sql_errno(c, rc);
}

static int make(struct catalogue *c, char **ret_why)
{
	char text[128];
	int rc = sqlite3_exec(c->db, tables, NULL, NULL, NULL);

	if (rc == SQLITE_ERROR)
		return why_set(ret_why, -ENOTSUP, "%s: this SQLite cannot make the index of names: %s", c->path,
			       sqlite3_errmsg(c->db));
	snprintf(text, sizeof(text), "PRAGMA application_id=%d; PRAGMA user_version=%d", APPLICATION_ID, VERSION);
	if (!rc)
		rc = sqlite3_exec(c->db, text, NULL, NULL, NULL);
	return sql_errno(c, rc);
}

/* Of a database: is it ours, of this version, or empty (*ret_empty)? */
static int look(struct catalogue *c, bool *ret_empty, char **ret_why)
{
	int64_t id = 0, version = 0, n = 0;
	int r = pragma(c, "PRAGMA application_id", &id);

	if (!r)
		r = pragma(c, "PRAGMA user_version", &version);
	if (!r)
		r = pragma(c, "SELECT count(*) FROM sqlite_master", &n);
	*ret_empty = !r && !id && !version && !n;
	if (r || *ret_empty)
		return r;
	if (id != APPLICATION_ID || version < 1)
		return why_set(ret_why, -EBADMSG, "%s: it is a database, and no catalogue: give another file", c->path);
	if (version > VERSION)
		return why_set(ret_why, -EPROTO,
			       "%s: a newer cdappendfs has made it (schema %" PRId64 ", this one knows %d): use that "
			       "one, or another file",
			       c->path, version, VERSION);
	return 0;
}

int schema_setup(struct catalogue *c, bool create, char **ret_why)
{
	bool empty;
	int r = look(c, &empty, ret_why);

	if (r || !empty)
		return r;
	if (!create)
		return why_set(ret_why, -ENOENT, "%s: it is empty: no disc was added yet", c->path);
	r = sql_begin(c); /* another program may have been first */
	if (r)
		return r;
	r = look(c, &empty, ret_why);
	return sql_end(c, r || !empty ? r : make(c, ret_why));
}
