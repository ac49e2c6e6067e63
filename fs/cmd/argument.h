/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * argument.h - the disc that an argument names: a disc, or any path in a mount of one
 *
 * An image is read beside its mount, whose daemon only appends to it.  A drive belongs to the mount alone, whose daemon
 * is asked for its blocks.
 */
#ifndef FS_CMD_ARGUMENT_H
#define FS_CMD_ARGUMENT_H

#include <limits.h>

#include "cdappendfs/disc.h"
#include "fs/control/protocol.h"
#include "fs/history/history.h"

struct argument {
	const char *given;
	char disc[PATH_MAX];	    /* as it was mounted, or its real path */
	bool mounted;		    /* in: */
	struct control_mount mount; /* of it */
	bool remote;		    /* its daemon reads it */
	/* of a path in a mount: in that, which may be gone; "": the mount itself, a disc */
	char inside[PATH_MAX];
};

/* COMMAND_DONE, or what to exit with after a message. */
int argument_find(const char *given, struct argument *ret);
struct argument_use {
	const char *done; /* "checked", "read", …, for the message */
	/* each block is asked of the medium: nothing is believed of what the daemon of a drive has in memory */
	bool from_medium;
};
extern const struct argument_use argument_to_read;
/* For reading; a->remote is set.  While it waits for a burn, a signal ends that. */
int argument_open(struct argument *a, const struct argument_use *use, struct disc **ret);

/* Both, and its sessions: of what asks about them. */
int argument_history(const char *given, struct argument *ret, struct disc **ret_disc, struct history *ret_history);

#endif
