/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * users.h - who uses a file system that is mounted nowhere any more, as after `umount -l`
 */
#ifndef FS_CONTROL_USERS_H
#define FS_CONTROL_USERS_H

/*
 * Calls emit for each process with its working directory, root, program, an open file or a mapping on the file system
 * with that device number, as far as we may see it; name: of the program.  How many there are, or an errno.
 */
int users_of(unsigned major, unsigned minor, void (*emit)(void *context, int pid, const char *name), void *context);

#endif
