/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * changes.h - what is staged in a mount, as cdappendfs-info --changes prints it
 *
 * As lines for a script they are printed as the daemon tells them.  For groups, and for those that cost most, all of
 * them are kept in memory.
 */
#ifndef FS_CMD_CHANGES_H
#define FS_CMD_CHANGES_H

#include <stdbool.h>
#include <stddef.h>

#include "fs/control/protocol.h"

struct changes_asked {
	/* CHANGES_AUTO: groups on a terminal, else lines */
	enum changes_form { CHANGES_AUTO, CHANGES_LINES, CHANGES_GROUPS, CHANGES_JSON } form;
	size_t top; /* only those so many that cost most; 0: all, by path */
};
/* The exit status. */
int changes_of_mount(const struct changes_asked *asked, const struct control_mount *mount);

#endif
