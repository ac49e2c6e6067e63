/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * internal.h - what the files of this room share; nobody outside includes it
 *
 *	opening.c	disc, stage, recovery, tree, in their order
 *	session.c	which session is mounted
 *	earlier.c	the earlier mount of the disc: waited for, or told
 *	sandbox.c	what the daemon gives up
 *	filter.c	of the system calls
 *	confine.c	of the files
 */
#ifndef FS_DAEMON_INTERNAL_H
#define FS_DAEMON_INTERNAL_H

#include "fs/daemon/opening.h"

/* ---- session.c ---- */

/* Says what, and why (NULL: as strerror(3)). Returns the exit status. */
int opening_fail(int error, const char *what, const char *why);
/* o->base: the session asked for, or the newest that is whole. 0, or the exit status. */
int opening_base(struct opening *o);
/* What cannot be read is made again by parity, if there is any. As below. */
struct disc *opening_wrap_healing(struct disc *disc);
/* -o check=reads: what is damaged goes to the log. NULL with errno; the disc is closed then. */
struct disc *opening_wrap_checked(const struct opening *o, struct disc *disc);

/* ---- earlier.c ---- */

/* Somebody has the drive. 0: one of us who finishes a burn, try again; else the exit status. */
int earlier_wait_for_drive(const struct opening *o, const char *why, bool *said);

/* What has been said to the user so far. */
struct patience {
	int64_t since_ms; /* that it waits for a mount that has vanished to say that it finishes; 0 not yet */
	bool told_held, told_finishing;
};
/* Somebody has the stage. 0: try again; else the exit status. */
int earlier_wait_for_holder(const struct opening *o, const struct stage_holder *holder, struct patience *p);

/* ---- filter.c ---- */

/* Of this build: it must trace itself and run a program; it must write a report. */
bool sandbox_has_sanitizer(void);
bool sandbox_has_report(void);
/* All threads. -errno: there is no filter. */
int filter_daemon(void);
int filter_unmounter(void);

#endif
