/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * span.h - `cdappendfs-sync --span`: what is told of a set of discs
 */
#ifndef FS_CMD_SPAN_H
#define FS_CMD_SPAN_H

#include <stdbool.h>

#include "fs/control/client.h"

/* Which disc would take what, as lines of JSON or as text.  COMMAND_DONE, or COMMAND_FAILED after a message. */
int span_list(const struct control_mount *mount, bool split, bool json, bool quiet);
/* Of a result, as text: which disc of the set it is, what waits for the next one, and, unless this command
 * goes on by itself, what to do then. */
void span_tell(const struct client_result *r, const struct control_mount *mount, bool split, bool goes_on);

#endif
