/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sync_check.h - what a mount is asked before it is asked to burn
 */
#ifndef FS_CMD_SYNC_CHECK_H
#define FS_CMD_SYNC_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "fs/control/client.h"

/* Files and rewritable media are never closed: COMMAND_DONE, or a status after a message. */
int sync_check_finalize(const struct control_mount *mount);
/* Is at least so much staged?  *ret_little: what to say where it is not.  COMMAND_DONE, or a status after a message. */
int sync_check_staged(const struct control_mount *mount, uint64_t least_bytes, bool *ret,
		      struct client_result *ret_little);

#endif
