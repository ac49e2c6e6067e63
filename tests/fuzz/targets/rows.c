/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fs/stage and all above it: a journal in good order whose rows are nonsense
 *
 * Input: steps (see step()) on the rows of common/stage_use.h, in SQL.
 */
#include <stdio.h>

#include <sqlite3.h>

#include "cdappendfs/extent.h"
#include "burner/base/own.h"
#include "tests/fuzz/common/scratch.h"
#include "tests/fuzz/common/stage_use.h"
#include "tests/fuzz/common/target.h"

#define STEPS_MAX 40u
#define NODE_COLUMNS \
	"generation,mode,uid,gid,nlink,size,rdev,parent,atime,atime_ns,mtime,mtime_ns,ctime,ctime_ns,base_lba,base_" \
	"bytes,zisofs," \
	"extents,target,birth,birth_ns,xattrs_at,xattrs"

static const char *const node_columns[] = {"ino",      "generation", "mode",   "uid",	  "gid",      "nlink",
					   "size",     "rdev",	     "parent", "atime",	  "atime_ns", "mtime",
					   "base_lba", "base_bytes", "zisofs", "extents", "target",   "birth",
					   "birth_ns", "xattrs_at",  "xattrs"};
static const char *const state_keys[] = {"identity",  "fingerprint", "disc",   "commit", "generation",
					 "next_body", "ino_limit",   "result", "other"};

static sqlite3_stmt *prepare(sqlite3 *database, const char *sql)
{
	sqlite3_stmt *s = NULL;

	MUST(sqlite3_prepare_v2(database, sql, -1, &s, NULL) == SQLITE_OK);
	return s;
}

/* A row that breaks a constraint is not put. */
static void run(sqlite3_stmt *s)
{
	(void)!sqlite3_step(s);
	sqlite3_finalize(s);
}

/* Mostly one that there is. */
static void bind_ino(sqlite3_stmt *s, int place, struct input *in)
{
	const struct stage_template *t = stage_use_template();
	uint8_t which = take_u8(in);

	sqlite3_bind_int64(s, place, (sqlite3_int64)(which < 128 ? t->inos[which % t->n_inos] : take_number(in)));
}

static void bind_value(sqlite3_stmt *s, int place, struct input *in)
{
	static const uint32_t modes[] = {0100644, 0040755, 0120777, 0010644, 0020600, 0060600, 0140777, 0170000, 0};
	uint8_t kind = take_u8(in) % 8;
	size_t n;
	const void *bytes;

	if (kind < 3) {
		sqlite3_bind_int64(s, place, (sqlite3_int64)take_number(in));
	} else if (kind == 3) {
		sqlite3_bind_int64(s, place, modes[take_u8(in) % ARRAY_LENGTH(modes)]);
	} else if (kind == 4) {
		sqlite3_bind_double(s, place, (double)take_number(in) / 3);
	} else if (kind < 7) {
		bytes = take_bytes(in, take_u8(in), &n);
		if (kind == 5)
			sqlite3_bind_blob64(s, place, bytes, n, SQLITE_TRANSIENT);
		else
			sqlite3_bind_text64(s, place, bytes, n, SQLITE_TRANSIENT, SQLITE_UTF8);
	}
}

/* A map of a file, in order but for what the input wants. */
static void put_extents(sqlite3 *database, struct input *in)
{
	uint8_t packed[8 * 32] = {0};
	unsigned n = take_u8(in) % 9;
	uint64_t offset = 0;
	sqlite3_stmt *s = prepare(database, "UPDATE node SET extents=?1, size=?2 WHERE ino=?3");

	for (unsigned i = 0; i < n; i++) {
		uint8_t *p = packed + 32 * i;

		put_le64(p, offset);
		put_le64(p + 8, take_number(in));
		put_le64(p + 16, take_number(in));
		put_le32(p + 24, take_u8(in));
		put_le32(p + 28, take_u8(in) % 4);
		if (get_le32(p + 28) != EXTENT_STAGE)
			put_le32(p + 24, 0);
		offset += get_le64(p + 8);
	}
	sqlite3_bind_blob64(s, 1, packed, (sqlite3_uint64)n * 32, SQLITE_TRANSIENT);
	sqlite3_bind_int64(s, 2, (sqlite3_int64)offset);
	bind_ino(s, 3, in);
	run(s);
}

static void put_state(sqlite3 *database, struct input *in)
{
	sqlite3_stmt *s = prepare(database, "INSERT OR REPLACE INTO state VALUES(?1,?2)");

	sqlite3_bind_text(s, 1, state_keys[take_u8(in) % ARRAY_LENGTH(state_keys)], -1, SQLITE_STATIC);
	bind_value(s, 2, in);
	run(s);
}

/* A commit that seems to be under way. */
static void put_commit(sqlite3 *database, struct input *in)
{
	sqlite3_stmt *s = prepare(database, "INSERT OR REPLACE INTO state VALUES('commit',?1)");
	uint8_t packed[60] = {0};

	packed[0] = take_u8(in) % 8;
	put_le32(packed + 4, (uint32_t)take_number(in));
	put_le32(packed + 8, (uint32_t)take_number(in));
	put_le64(packed + 48, take_number(in));
	packed[16] = take_u8(in) & 1 ? STAGE_USE_UUID : 0;
	sqlite3_bind_blob64(s, 1, packed, sizeof(packed), SQLITE_TRANSIENT);
	run(s);
}

static void step(sqlite3 *database, struct input *in)
{
	uint8_t kind = take_u8(in) % 8;
	char sql[200];
	sqlite3_stmt *s;

	switch (kind) {
	case 0:
		snprintf(sql, sizeof(sql), "UPDATE node SET %s=?1 WHERE ino=?2",
			 node_columns[take_u8(in) % ARRAY_LENGTH(node_columns)]);
		s = prepare(database, sql);
		bind_value(s, 1, in);
		bind_ino(s, 2, in);
		run(s);
		break;
	case 1:
		s = prepare(database, "INSERT OR REPLACE INTO node SELECT ?1," NODE_COLUMNS " FROM node WHERE ino=?2");
		bind_ino(s, 1, in);
		bind_ino(s, 2, in);
		run(s);
		break;
	case 2:
		s = prepare(database, "INSERT OR REPLACE INTO name VALUES(?1,?2,?3,1)");
		bind_ino(s, 1, in);
		bind_value(s, 2, in);
		bind_ino(s, 3, in);
		run(s);
		break;
	case 3:
		s = prepare(database, "INSERT OR REPLACE INTO body VALUES(?1,?2,?3)");
		for (int i = 1; i <= 3; i++)
			bind_value(s, i, in);
		run(s);
		break;
	case 4:
		s = prepare(database,
			    take_u8(in) & 1 ? "DELETE FROM name WHERE ino=?1" : "DELETE FROM node WHERE ino=?1");
		bind_ino(s, 1, in);
		run(s);
		break;
	case 5:
		put_extents(database, in);
		break;
	case 6:
		put_state(database, in);
		break;
	default:
		put_commit(database, in);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct stage_template *t = stage_use_template();
	struct input in = {data, size};
	sqlite3 *database = NULL;
	char path[400];

	scratch_empty();
	snprintf(path, sizeof(path), "%s/journal.db", stage_use_directory());
	scratch_write("stage/journal.db", t->db, t->n_db);
	MUST(sqlite3_open_v2(path, &database, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK);
	MUST(sqlite3_exec(database, "PRAGMA locking_mode=EXCLUSIVE; PRAGMA synchronous=OFF; BEGIN", NULL, NULL, NULL) ==
	     SQLITE_OK);
	for (unsigned i = 0; i < STEPS_MAX && in.left; i++)
		step(database, &in);
	MUST(sqlite3_exec(database, "COMMIT", NULL, NULL, NULL) == SQLITE_OK);
	sqlite3_close(database);
	stage_use();
	return 0;
}
