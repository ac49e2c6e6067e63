/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * next.h - `cdappendfs-sync --span --next=DISC`: the next disc of a set takes the place of the one that is full
 *
 * By the programs that a person would call: cdappendfs-umount, cdappendfs-stage move, cdappendfs with the options of
 * the mount.  Between any two of them all that waits is staged, for one of the two discs.
 */
#ifndef FS_CMD_NEXT_H
#define FS_CMD_NEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "fs/control/mounts.h"

/* disc NULL: it is asked for at the terminal.  COMMAND_DONE: it is mounted where the other one was; COMMAND_FAILED
 * after a message that says how far it is. */
int next_disc(const struct control_mount *mount, const char *disc, bool quiet);
/* Before anything is burned: can these be next ones?  COMMAND_DONE, or COMMAND_FAILED after a message. */
int next_check(const struct control_mount *mount, const char *const *discs, size_t n);
/* What a person types up to then, with the options of the mount; to be freed, NULL: no memory. */
char *next_by_hand(const struct control_mount *mount);
/* Is there anybody to ask? */
bool next_can_ask(void);

#endif
