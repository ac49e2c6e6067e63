/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * vfs.h - where SQLite finds the journal's files: in a directory that is open, by no path
 *
 *	wal_init -> vfs_register -> sqlite3_open_v2(JOURNAL_FILE, …, w->name) … sqlite3_close -> vfs_unregister
 *
 * The database is the descriptor that the stage has checked and locked; its log is wal.c's; the rollback journal of the
 * moment in which a database is made lies beside them.  Every other file is refused: there are no temporary ones.
 *
 * Threads: as wal.h.
 */
#ifndef FS_STAGE_VFS_H
#define FS_STAGE_VFS_H

#include <sys/stat.h>

#include "fs/stage/wal.h"

#define JOURNAL_ROLLBACK_FILE "journal.db-journal"

int vfs_register(struct wal *w); /* -ENOSYS, -ENOMEM */
void vfs_unregister(struct wal *w);

/* Is that a file which only this user can have put there, and nobody else may change?  NULL, or what is wrong. */
const char *vfs_why_not_ours(const struct stat *st);

#endif
