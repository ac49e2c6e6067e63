/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * protocol.h - the control channel, as this room's users know it: how a mount is found that is to be asked
 *
 * What it is asked, and where, is in include/cdappendfs/control.h, which is installed for other programs too.
 */
#ifndef FS_CONTROL_PROTOCOL_H
#define FS_CONTROL_PROTOCOL_H

#include <sys/types.h>

#include "cdappendfs/control.h"

/* A line of /proc/self/mountinfo that is ours. */
struct control_mount {
	unsigned number; /* of the mount, while it lasts; one file system may have several mounts */
	unsigned major, minor;
	uid_t owner;	   /* user_id= */
	gid_t group;	   /* group_id= */
	char source[4096]; /* the disc */
	char mountpoint[4096];
};
/* fs/control/mounts.c: the mount at that path (its root, the newest one there). -ENOENT: no cdappendfs is mounted
 * there.  -ENOTSUP: there is no /proc to tell. */
int control_find_mount(const char *path, struct control_mount *ret);
/* fs/control/by_disc.c: the mount of that disc (device or image, by real path) as far as its owner is believed; of
 * several the writable one.  -ENOTUNIQ: root has to say which one (mounts.h). */
int control_find_disc(const char *path, struct control_mount *ret);

#endif
