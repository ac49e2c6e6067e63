/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rows that say what no row of ours says: a column of another type, a number that its field cannot hold, a name that is
 * none.  SQLite keeps whatever it was given, and its answers to questions of another type are numbers, too.
 *
 * All rows are looked at once, when a stage is opened for use; so those who read them later need not.  What rows say of
 * each other the tree knows (fs/tree/sound.c), and of extents their readers.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "burner/base/bytes.h"
#include "burner/base/own.h"
#include "burner/base/printable.h"
#include "burner/base/xattrs.h"
#include "fs/stage/internal.h"

#define TARGET_MAX 4095u /* of a symbolic link, as Linux and our reader of discs have it */

enum range { ANY, NOT_NEGATIVE, POSITIVE, FIELD, GENERATION };

/* NODE_COLUMNS; times may be of any year, and numbers of devices use all bits. */
static const struct {
	const char *name;
	enum range range;
} columns[] = {
	{"ino", POSITIVE},	  {"generation", GENERATION},
	{"mode", FIELD},	  {"uid", FIELD},
	{"gid", FIELD},		  {"nlink", FIELD},
	{"size", NOT_NEGATIVE},	  {"rdev", ANY},
	{"parent", NOT_NEGATIVE}, {"atime", ANY},
	{"atime_ns", ANY},	  {"mtime", ANY},
	{"mtime_ns", ANY},	  {"ctime", ANY},
	{"ctime_ns", ANY},	  {"base_lba", FIELD},
	{"base_bytes", FIELD},	  {"zisofs", FIELD},
	{"birth", ANY},		  {"birth_ns", ANY},
	{"xattrs_at", ANY},
};
_Static_assert(ARRAY_LENGTH(columns) == COLUMN_EXTENTS, "one per column");

static bool is_in(const struct stage *s, enum range range, int64_t value)
{
	switch (range) {
	case ANY:
		return true;
	case NOT_NEGATIVE:
		return value >= 0;
	case POSITIVE:
		return value > 0;
	case FIELD:
		return value >= 0 && value <= UINT32_MAX;
	case GENERATION:
		return value >= 0 && value <= (int64_t)s->generation;
	}
	return false;
}

static bool is_number(const struct stage *s, sqlite3_stmt *row, int column, enum range range)
{
	return sqlite3_column_type(row, column) == SQLITE_INTEGER && is_in(s, range, sqlite3_column_int64(row, column));
}

static bool is_bytes_or_none(sqlite3_stmt *row, int column)
{
	int type = sqlite3_column_type(row, column);

	return type == SQLITE_BLOB || type == SQLITE_NULL;
}

static bool is_mode(int64_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
	case S_IFDIR:
	case S_IFLNK:
	case S_IFIFO:
	case S_IFCHR:
	case S_IFBLK:
	case S_IFSOCK:
		return mode <= (S_IFMT | 07777);
	default:
		return false;
	}
}

/* Its length is that of the text; a link of a damaged disc may have none. */
static bool is_target(sqlite3_stmt *row, int column)
{
	const char *target = sqlite3_column_blob(row, column);
	size_t n = (size_t)sqlite3_column_bytes(row, column);

	return is_bytes_or_none(row, column) && n <= TARGET_MAX && (n == 0 || !memchr(target, 0, n));
}

/* A set, or a place on the disc, or neither. */
static bool has_xattrs_or_none(sqlite3_stmt *row)
{
	size_t bytes = (size_t)sqlite3_column_bytes(row, COLUMN_XATTRS);

	return is_bytes_or_none(row, COLUMN_XATTRS) && (!bytes || !sqlite3_column_int64(row, COLUMN_BIRTH + 2)) &&
	       xattrs_check(sqlite3_column_blob(row, COLUMN_XATTRS), bytes) == 0;
}

static void note_number(struct stage *s, uint64_t ino) { s->highest_ino = max_u64(s->highest_ino, ino); }

static int check_node(struct stage *s, sqlite3_stmt *row)
{
	long long ino = sqlite3_column_int64(row, 0);

	for (int i = 0; i < COLUMN_EXTENTS; i++)
		if (!is_number(s, row, i, columns[i].range))
			return stage_blame(s, "column %s of node %lld holds what is no such number", columns[i].name,
					   ino);
	if (!is_mode(sqlite3_column_int64(row, 2)))
		return stage_blame(s, "node %lld is of no type that there is", ino);
	if (!is_bytes_or_none(row, COLUMN_EXTENTS) || sqlite3_column_bytes(row, COLUMN_EXTENTS) % EXTENT_PACKED_BYTES)
		return stage_blame(s, "the extents of node %lld are none", ino);
	if (!is_target(row, COLUMN_TARGET))
		return stage_blame(s, "the target of node %lld can be no link's", ino);
	if (!has_xattrs_or_none(row))
		return stage_blame(s, "the extended attributes of node %lld are none", ino);
	note_number(s, (uint64_t)ino);
	return 0;
}

static int check_name(struct stage *s, sqlite3_stmt *row)
{
	long long parent = sqlite3_column_int64(row, 0);

	if (!is_number(s, row, 0, POSITIVE) || !is_number(s, row, 2, NOT_NEGATIVE) || !is_number(s, row, 3, GENERATION))
		return stage_blame(s, "a name in directory %lld holds what is no such number", parent);
	if (sqlite3_column_type(row, 1) != SQLITE_BLOB ||
	    !stage_name_is_sound(sqlite3_column_blob(row, 1), (size_t)sqlite3_column_bytes(row, 1)))
		return stage_blame(s, "a name in directory %lld can be no file's", parent);
	note_number(s, (uint64_t)sqlite3_column_int64(row, 2));
	return 0;
}

static int check_astray(struct stage *s, sqlite3_stmt *row)
{
	return stage_blame(s, "a name is in node %lld, which is no directory", (long long)sqlite3_column_int64(row, 0));
}

static int check_body(struct stage *s, sqlite3_stmt *row)
{
	for (int i = 0; i < 3; i++)
		if (!is_number(s, row, i, FIELD))
			return stage_blame(s, "body %lld holds what is no such number",
					   (long long)sqlite3_column_int64(row, 0));
	return 0;
}

static int check_all(struct stage *s, enum statement statement, int (*is_sound)(struct stage *s, sqlite3_stmt *row))
{
	int r;

	while ((r = db_step_locked(s, statement)) > 0)
		if ((r = is_sound(s, s->statements[statement])))
			break;
	db_reset_locked(s, statement);
	return r;
}

int stage_sound(struct stage *s)
{
	int r;

	stage_lock(s);
	s->highest_ino = 0;
	r = check_all(s, ST_NODES_ALL, check_node);
	if (!r)
		r = check_all(s, ST_NAMES_WHOLE, check_name);
	if (!r)
		r = check_all(s, ST_NAMES_ASTRAY, check_astray);
	if (!r)
		r = check_all(s, ST_BODIES_ALL, check_body);
	stage_unlock(s);
	return r;
}

int stage_numbers_sound(struct stage *s, uint64_t first_ino)
{
	if (first_ino == 0 || s->highest_ino < max_u64(s->ino_limit, first_ino))
		return 0;
	return stage_blame(s, "node %llu has a number that was never given", (unsigned long long)s->highest_ino);
}

/* ---- words ---- */

int stage_blame(struct stage *s, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	stage_lock(s);
	why_put(&s->why, format, arguments);
	stage_unlock(s);
	va_end(arguments);
	return -EBADMSG;
}

const char *stage_blamed(const struct stage *s) { return s->why; }

int stage_say_damaged(const char *directory, const char *blame, char **ret_why)
{
	if (!blame)
		return why_set(
			ret_why, -EBADMSG,
			"the journal in %s is damaged, emptied or gone; nothing there was changed. Put journal.db "
			"back from a backup, or drop what is there with 'cdappendfs-stage discard %s'",
			directory, SHELL_WORD(directory));
	return why_set(
		ret_why, -EBADMSG,
		"the journal in %s says what no cdappendfs writes: %s; nothing there was changed. Save what can "
		"be read with 'cdappendfs-stage export %s DIRECTORY', put journal.db back from a backup, or drop "
		"what is there with 'cdappendfs-stage discard %s'; the disc can be read with -o ro",
		directory, blame, SHELL_WORD(directory), SHELL_WORD(directory));
}
