/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sqlite.h - what every database of ours needs of SQLite
 *
 * Threads: those of the connection.
 */
#ifndef FS_SQLITE_SQLITE_H
#define FS_SQLITE_SQLITE_H

#include <sqlite3.h>

/* 0 or an errno, negative; db, which may be NULL, is the connection that said it. */
int sqlite_errno(sqlite3 *db, int rc);
/* What the file says of itself is not believed: no row of a table runs anything. */
void sqlite_distrust(sqlite3 *db);

#endif
