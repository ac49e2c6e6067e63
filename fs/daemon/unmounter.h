/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * unmounter.h - a process that waits to run fusermount3 when the mount of an ordinary user is to be taken away
 *
 *	unmounter_start (nothing is open, no threads) -> [unmounter_run, once] -> unmounter_quit
 *
 * The daemon itself may not: under "no new privileges" a set-uid program has none (sandbox.h). The process does
 * nothing else, and goes when the daemon goes, however that ends.
 */
#ifndef FS_DAEMON_UNMOUNTER_H
#define FS_DAEMON_UNMOUNTER_H

#include <sys/types.h>

struct unmounter {
	pid_t child;
	int pipe;
}; /* child 0: not started */

/* Borrows nothing. -errno: no process could be started. */
int unmounter_start(struct unmounter *u, const char *mountpoint);
/* Detaches the mount and waits until that is done; nothing when it was not started. */
void unmounter_run(struct unmounter *u);
void unmounter_quit(struct unmounter *u);

#endif
