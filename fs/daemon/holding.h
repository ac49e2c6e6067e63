/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * holding.h - is it one of us that has a drive?
 *
 * A drive is held exclusively from mount to the end of the last burn, so a next mount cannot look at its disc, nor
 * find the stage and ask who holds that.  Therefore who has a drive also has a name: a socket in the abstract
 * namespace, "\0cdappendfs/drive/MAJOR:MINOR" (fs/control/names.h), on which nothing is said.  It goes with its
 * process. The name is a hint for whom to wait, and only from a process of the own user or root is it taken: others
 * could let a mount wait for ever.  What keeps others out is the kernel (O_EXCL).
 */
#ifndef FS_DAEMON_HOLDING_H
#define FS_DAEMON_HOLDING_H

#include <sys/socket.h>

/* The name of the drive at that path, as a descriptor above 2; errors of stat(2) and names_listen(). */
int holding_take(const char *path);
/* Who has it, of our own user or root.  -ECONNREFUSED: nobody; -EPERM: nobody but others; other errors of stat(2) and
 * names_connect(). */
int holding_find(const char *path, struct ucred *ret);

#endif
