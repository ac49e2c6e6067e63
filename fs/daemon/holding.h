/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * holding.h - is it one of us that has a drive?
 *
 * A drive is held exclusively from mount to the end of the last burn, so a next mount cannot look at its disc, nor
 * find the stage and ask who holds that.  Therefore who has a drive also has a name: a socket in the abstract
 * namespace, "\0cdappendfs/drive/MAJOR:MINOR", to which nobody listens.  It goes with its process. The name is a hint
 * for whom to wait; what keeps others out is the kernel (O_EXCL).
 */
#ifndef FS_DAEMON_HOLDING_H
#define FS_DAEMON_HOLDING_H

/* The name of the drive at that path, as a descriptor above 2; -EADDRINUSE: one of us has it; other errors of stat(2)
 * and socket(2). */
int holding_take(const char *path);

#endif
