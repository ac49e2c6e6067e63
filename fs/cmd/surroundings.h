/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * surroundings.h - what there is around a user: drives, mounts of ours, stages that wait
 *
 *	surroundings_look -> … -> surroundings_release
 */
#ifndef FS_CMD_SURROUNDINGS_H
#define FS_CMD_SURROUNDINGS_H

#include "burner/base/own.h"
#include "cdappendfs/drives.h"
#include "fs/control/protocol.h"
#include "fs/control/report.h"
#include "fs/salvage/salvage.h"

struct seen_mount {
	struct control_mount mount;
	bool writable, ours;	    /* ours: of this user, or root looks: its daemon was asked */
	struct report_parsed *info; /* NULL: it was not asked, or `why` it did not tell */
	char *why;
};

struct surroundings {
	struct seen_drive *drives;
	size_t n_drives;
	struct seen_mount *mounts;
	size_t n_mounts, mounts_room;
	struct salvage_stages stages; /* those of mounts left out */
};

/* All that can be seen.  COMMAND_DONE, or COMMAND_FAILED after a message for each that cannot. */
int surroundings_look(struct surroundings *ret);
void surroundings_release(struct surroundings *s);
/* The mount of that disc (real path); NULL: it is not mounted. */
const struct seen_mount *surroundings_mount_of(const struct surroundings *s, const char *disc);

#endif
