/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * unmounter.h - a process that waits to take the mount away, when the daemon ends by itself
 *
 *	unmounter_start (nothing is open, no threads) -> unmounter_know (mounted; nobody was served yet) ->
 *	[unmounter_run] -> unmounter_quit
 *
 * The daemon itself may not: under "no new privileges" fusermount3, which is set-uid, has none, and nobody below
 * Landlock unmounts anything (sandbox.h).  The process is told once which mount it is, and knows one word then; it
 * does nothing else, nobody may look into it, and it goes when the daemon goes, however that ends.
 */
#ifndef FS_DAEMON_UNMOUNTER_H
#define FS_DAEMON_UNMOUNTER_H

#include <sys/types.h>

#include "fs/control/protocol.h"

struct unmounter {
	pid_t child;
	int pipe;
}; /* child 0: not started, or not any more */

/* -errno: no process could be started. */
int unmounter_start(struct unmounter *u);
void unmounter_know(struct unmounter *u, const struct control_mount *mount);
/* Detaches the mount and waits until that is done. -ENOENT: it was not there any more; -ESTALE: it could not be
 * reached, nothing was unmounted; -EPERM: refused; -ESRCH: nobody is there who could. */
int unmounter_run(struct unmounter *u);
void unmounter_quit(struct unmounter *u);

#endif
