/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * wal.h - the write-ahead log of the journal, held back until the data it names is on the disk
 *
 *	wal_init -> (SQLite opens its database through wal->vfs) … COMMIT -> wal_flush -> wal_settle … -> wal_release
 *
 * A COMMIT writes into memory only: it cannot fail for want of space and no reader of the disk can see it.
 * wal_flush() then writes and syncs it, after the bodies were synced, without the connection's mutex.  Reads of the
 * log see what is held.
 *
 * Threads: SQLite's calls and wal_settle() under the connection's mutex; wal_flush() by one thread at a time, while
 * nobody commits.
 */
#ifndef FS_STAGE_WAL_H
#define FS_STAGE_WAL_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JOURNAL_FILE "journal.db"
#define JOURNAL_WAL_FILE "journal.db-wal"

struct wal {
	sqlite3_vfs vfs; /* vfs.c */
	char name[40];
	bool registered;
	int dir_fd, db_fd; /* borrowed: the directory, the database in it */
	int fd;		   /* -1: there is no file (read_only), or it is closed */
	bool read_only, created;
	uint8_t *held; /* bytes [start, start + length) of the file, not written yet */
	uint64_t start;
	size_t length, capacity;
};

/* SQLite's handle of it. */
struct wal_file {
	sqlite3_file base;
	struct wal *wal;
};

int wal_init(struct wal *w, int dir_fd, int db_fd, bool read_only);		 /* registers w->vfs under w->name */
int wal_open_file(struct wal *w, sqlite3_file *file, int flags, int *ret_flags); /* for vfs.c; SQLite's errors */
/* Writes and syncs what is held.  -ENOSPC, -EIO: it stays held, to be tried again. */
int wal_flush(struct wal *w);
void wal_settle(struct wal *w);	 /* flushed: forget it */
void wal_release(struct wal *w); /* after the database was closed */

#endif
