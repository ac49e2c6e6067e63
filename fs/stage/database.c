/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The journal's connection: one, with one transaction that is open from the first change after a commit.
 *
 * cache_spill is off and the log is held in memory (wal.c), so nothing SQLite writes between two flushes can fail for
 * want of space; space is asked for before: a change that needs room is refused while the host file system is nearly
 * full. If SQLite nevertheless gives the transaction up (no memory, unreadable database), what is in memory no longer
 * matches it: the stage is marked as failed and every later call says so.  What was durable stays durable.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "burner/base/bytes.h"
#include "burner/base/own.h"
#include "fs/sqlite/sqlite.h"
#include "fs/stage/internal.h"
#include "fs/stage/vfs.h"

#define SPACE_CHECK_CHANGES 256u
#define FLOOR_PART 4u /* of the reserve: rows are refused below; deletions still go */
#define PAGE_BYTES 4096u
#define HELD_LIMIT_BYTES (64u << 20) /* a log that cannot be written does not eat the memory */
#define EARLY_SYNC_CHANGES 40000u    /* do not let the transaction grow for two seconds */
/* The bytes SQLite itself locks, so that the sqlite3 program waits its turn. */
#define SQLITE_LOCK_START 0x40000000
#define SQLITE_LOCK_LENGTH 512

int db_errno(struct stage *s, int rc) { return sqlite_errno(s->db, rc); }

static int on_commit(void *context, sqlite3 *db, const char *name, int frames)
{
	struct stage *s = context;

	(void)db, (void)name;
	s->wal_frames = (unsigned)frames;
	return SQLITE_OK;
}

/* vfs.c would refuse it, without these words. */
static int check_beside(struct stage *s, const char *name)
{
	_close_ int fd = openat(s->dir_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	return stage_place_check_file(s->directory, name, fd, &s->why);
}

static int open_files(struct stage *s)
{
	struct flock lock = {.l_type = F_WRLCK,
			     .l_whence = SEEK_SET,
			     .l_start = SQLITE_LOCK_START,
			     .l_len = SQLITE_LOCK_LENGTH};
	struct stat st, log;
	int r;

	if (!s->read_only && fstatat(s->dir_fd, JOURNAL_FILE, &st, AT_SYMLINK_NOFOLLOW) && errno == ENOENT &&
	    stage_place_check_mark(s))
		return -EBADMSG; /* and no empty one in its place */
	s->db_fd = openat(s->dir_fd, JOURNAL_FILE,
			  (s->read_only ? O_RDONLY : O_RDWR | O_CREAT) | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
	if (s->db_fd < 0)
		return errno == ENOENT && stage_place_check_mark(s) ? -EBADMSG : -errno;
	r = stage_place_check_file(s->directory, JOURNAL_FILE, s->db_fd, &s->why);
	if (!r)
		r = check_beside(s, JOURNAL_WAL_FILE);
	if (!r)
		r = check_beside(s, JOURNAL_ROLLBACK_FILE);
	if (r || fstat(s->db_fd, &st))
		return r ? r : -errno;
	/* SQLite would throw the log away when the database is empty; it never is, once there is a log. */
	if (st.st_size == 0 && !fstatat(s->dir_fd, JOURNAL_WAL_FILE, &log, AT_SYMLINK_NOFOLLOW) && log.st_size > 0)
		return -EBADMSG;
	if (!s->read_only && fcntl(s->db_fd, F_OFD_SETLK, &lock))
		return errno == EAGAIN || errno == EACCES ? -EBUSY : -errno;
	return 0;
}

static int prepare_all(struct stage *s)
{
	for (int i = 0; i < ST_N; i++) {
		int rc = sqlite3_prepare_v3(s->db, stage_schema_sql(s, (enum statement)i), -1,
					    SQLITE_PREPARE_PERSISTENT, &s->statements[i], NULL);

		if (rc)
			return (rc & 0xff) == SQLITE_ERROR ? -EBADMSG : db_errno(s, rc); /* not our tables */
	}
	return 0;
}

static int open_database(struct stage *s)
{
	int flags = (s->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE) | SQLITE_OPEN_NOMUTEX |
		    SQLITE_OPEN_PRIVATECACHE;
	int r = wal_init(&s->wal, s->dir_fd, s->db_fd, s->read_only);

	if (r)
		return r;
	r = db_errno(s, sqlite3_open_v2(JOURNAL_FILE, &s->db, flags, s->wal.name));
	if (r)
		return r;
	sqlite_distrust(s->db);
	sqlite3_limit(s->db, SQLITE_LIMIT_TRIGGER_DEPTH, 1);
	/* Closing changes nothing unless db_close() allows it: a damaged journal is left as it is. */
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)NULL);
	sqlite3_extended_result_codes(s->db, 1);
	sqlite3_wal_hook(s->db, on_commit, s);
	r = stage_schema_setup(s);
	return r ? r : prepare_all(s);
}

int db_open(struct stage *s)
{
	int r = open_files(s);

	if (!r)
		r = open_database(s);
	if (!r && !s->read_only && fsync(s->dir_fd))
		r = -EIO;
	if (r)
		db_close(s, false);
	return r;
}

void db_close(struct stage *s, bool clean)
{
	for (int i = 0; i < ST_N; i++) {
		sqlite3_finalize(s->statements[i]);
		s->statements[i] = NULL;
	}
	if (s->db && clean)
		sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, (int *)NULL);
	sqlite3_close(s->db);
	s->db = NULL;
	wal_release(&s->wal);
	close_fd(&s->db_fd);
}

bool db_dirty(struct stage *s) { return !sqlite3_get_autocommit(s->db); }

/* What the database file has still to grow by when the log is copied into it, the running transaction included. */
static int growth_bytes(struct stage *s, uint64_t *ret)
{
	struct stat st;
	uint64_t bytes;
	int r = db_step_locked(s, ST_PAGES);

	if (r < 0)
		return r;
	bytes = r ? stage_row_number(s->statements[ST_PAGES], 0) * PAGE_BYTES : 0;
	db_reset_locked(s, ST_PAGES);
	if (fstat(s->db_fd, &st))
		return -errno;
	*ret = bytes > (uint64_t)st.st_size ? bytes - (uint64_t)st.st_size : 0;
	return 0;
}

static int check_space_locked(struct stage *s)
{
	lock_assert(&s->lock);
	uint64_t pending = (uint64_t)s->changes * PAGE_BYTES, growth = 0, left, reserve;
	int r;

	if (s->wal_full || s->wal.length > HELD_LIMIT_BYTES)
		return -ENOSPC;
	r = growth_bytes(s, &growth);
	if (r)
		return r;
	/* A change touches few pages that no other one did, and mostly new ones, which are in growth too. */
	stage_host_space(s, &left, &reserve);
	if (left < reserve / FLOOR_PART + min_u64(pending, reserve / FLOOR_PART) + growth)
		return -ENOSPC;
	s->changes_checked = s->changes;
	return 0;
}

int db_begin_locked(struct stage *s, bool grows)
{
	lock_assert(&s->lock);
	int r;

	if (s->failed)
		return s->failed;
	if (s->read_only)
		return -EROFS;
	if (grows && (!s->changes || s->wal_full || s->changes - s->changes_checked >= SPACE_CHECK_CHANGES)) {
		r = check_space_locked(s);
		if (r)
			return r;
	}
	if (!db_dirty(s)) {
		r = db_run(s, ST_BEGIN);
		if (r)
			return r;
	}
	if (++s->changes == EARLY_SYNC_CHANGES) {
		s->early_sync = true;
		stage_sync_kick(s);
	}
	return grows && !s->begun.tv_sec ? stage_state_begin(s) : 0;
}

int db_commit_locked(struct stage *s)
{
	lock_assert(&s->lock);
	int r;

	if (s->failed)
		return s->failed;
	if (!db_dirty(s))
		return 0;
	r = db_run(s, ST_COMMIT);
	if (!r)
		s->changes = s->changes_checked = 0;
	return r;
}

void db_reset_locked(struct stage *s, enum statement statement)
{
	lock_assert(&s->lock);
	sqlite3_reset(s->statements[statement]);
	sqlite3_clear_bindings(s->statements[statement]);
}

int db_step_locked(struct stage *s, enum statement statement)
{
	lock_assert(&s->lock);
	bool open_before = db_dirty(s);
	int rc, r;

	if (s->failed) { /* what the database has now is older than what was said */
		db_reset_locked(s, statement);
		return s->failed;
	}
	rc = s->step(s->statements[statement]);
	if (rc == SQLITE_ROW)
		return 1;
	r = db_errno(s, rc);
	db_reset_locked(s, statement);
	if (r && open_before && !db_dirty(s)) { /* the whole transaction was given up */
		s->failed = r == -EBADMSG ? r : -EIO;
		return s->failed;
	}
	return r;
}

int db_run(struct stage *s, enum statement statement)
{
	int r;

	do
		r = db_step_locked(s, statement);
	while (r > 0);
	return r;
}

int db_save(struct stage *s) { return db_run(s, ST_SAVE); }

/* One that is not released may still be undone by the next: whether the step was made is not known. */
int db_release(struct stage *s)
{
	int r = db_run(s, ST_RELEASE);

	if (r && !s->failed)
		s->failed = r;
	return r;
}

int db_restore_locked(struct stage *s, int error)
{
	lock_assert(&s->lock);
	if (s->failed)
		return s->failed;
	if (db_run(s, ST_ROLLBACK_TO) || db_run(s, ST_RELEASE)) {
		s->failed = -EIO;
		return s->failed;
	}
	return error;
}
