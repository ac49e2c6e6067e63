/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * remount.h - `mount -o remount,ro MOUNTPOINT` and `remount,rw`, which mount(8) hands to cdappendfs as any mount
 */
#ifndef FS_DAEMON_REMOUNT_H
#define FS_DAEMON_REMOUNT_H

#include <stdbool.h>

#define REMOUNT_WHY_MAX 512u
/* Nothing but reading or writing changes. 0, or -errno with one line for the user in why. */
int remount(const char *mountpoint, bool read_only, char why[REMOUNT_WHY_MAX]);

#endif
