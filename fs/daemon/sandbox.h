/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sandbox.h - what the daemon gives up, so that a mistake in a decoder is worth little to who made the disc
 *
 *	sandbox_drop_capabilities (all files are open, no threads yet) -> mount -> sandbox_enter (before the first
 *	request)
 *
 * Nobody can take either back. A kernel without one of the means leaves that one out: the daemon serves as before.
 */
#ifndef FS_DAEMON_SANDBOX_H
#define FS_DAEMON_SANDBOX_H

#include <stdbool.h>

struct sandbox_options {
	bool drive;    /* SCSI commands are sent */
	bool dumpable; /* may be traced and may leave a core, for who looks for a mistake */
};

/* Of the calling thread and those it will make; best effort. */
void sandbox_drop_capabilities(const struct sandbox_options *options);
/*
 * The whole process: no new privileges, no programs run, no traces and cores, and EPERM for the system calls that a
 * file server never makes. -errno: the filter of system calls is missing, all else holds.
 */
int sandbox_enter(const struct sandbox_options *options);

#endif
