/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * overview.h - what cdappendfs says without arguments: drives, mounts, what is staged, and what to type next
 */
#ifndef FS_CMD_OVERVIEW_H
#define FS_CMD_OVERVIEW_H

#include <stdbool.h>

/* Prints it, as JSON or for people.  COMMAND_DONE; COMMAND_FAILED after a message, when something could not be looked
 * at: what else there is was printed all the same.  No other thread may run. */
int overview_print(bool json);

#endif
