/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * discard.h - `cdappendfs-sync --discard PATH…`: single paths of what is staged are dropped
 */
#ifndef FS_CMD_DISCARD_H
#define FS_CMD_DISCARD_H

#include <stdbool.h>

/* Together, or where that cannot be one after the other; what was dropped is printed, what could not be is told.
 * COMMAND_DONE, or COMMAND_FAILED when one could not. */
int discard_paths(char *const *paths, int n, bool json, bool quiet);
/* Neither a mount point nor a mounted disc: then it is a path in a mount. */
bool discard_is_path(const char *argument);
/* The mount that a path lies in, which may be gone, and the path in it, "" the mount point itself; relative ones
 * from the current directory.  Links are followed but for the last one.  -ENOENT: it is in none. */
struct control_mount;
int discard_locate(const char *path, struct control_mount *ret, char inside[4096]);

#endif
