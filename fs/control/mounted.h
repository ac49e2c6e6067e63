/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mounted.h - a mount of ours, taken hold of by its number
 *
 *	mounted_find -> mounted_unmount, or what else is done to it -> mounted_release
 *
 * A name leads to where its owner wants it to lead: whoever may rename a directory above a mount point can put a
 * symbolic link in its place, and what is unmounted by name is another mount then.  So a mount is remembered by its
 * number and its device, and its place is looked up when it is needed; a renamed directory is followed.  Nothing here
 * asks the mount itself: root may not enter a user's, and one whose daemon is dead would not answer.
 */
#ifndef FS_CONTROL_MOUNTED_H
#define FS_CONTROL_MOUNTED_H

#include <limits.h>

#include "fs/control/protocol.h"

struct mounted {
	int parent; /* the directory that the mount point is in */
	int root;   /* the mount's own; while it is open the mount is busy */
	char last[NAME_MAX + 1];
};

/* Number, device, owner and place of the mount that covers that open directory. -ENOENT: none of ours does. */
int mounted_on(int directory, struct control_mount *ret);
/*
 * The mount with the number and device of that one. -ENOENT: it is not mounted any more (in our mount namespace);
 * -ESTALE: it cannot be reached: something is mounted over it, or its path changes all the time; or an errno.
 */
int mounted_find(const struct control_mount *mount, struct mounted *ret);
/* As umount2(2), of nothing but that mount.  Needs the privilege; lets go of root. */
int mounted_unmount(struct mounted *m, int flags);
void mounted_release(struct mounted *m);
/* What -ENOENT and -ESTALE mean. */
const char *mounted_why(int error);

#endif
