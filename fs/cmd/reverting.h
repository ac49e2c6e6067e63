/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * reverting.h - `cdappendfs-sync --revert N MOUNTPOINT [PATH…]`: the tree as it was in a session
 */
#ifndef FS_CMD_REVERTING_H
#define FS_CMD_REVERTING_H

#include <stdbool.h>

struct reverting {
	const char *session; /* number, date, label, latest */
	bool force, json, quiet;
	char *const *arguments; /* the mount point, and paths on the disc behind it */
	int n;
};

/* What to exit with. */
int reverting(const struct reverting *o);

#endif
