/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * moves.h - paths carried through what was renamed between two trees
 */
#ifndef FS_CMD_MOVES_H
#define FS_CMD_MOVES_H

#include "fs/diff/diff.h"

/*
 * What came of a path, or of the nearest directory above it.  forward: of one of the older tree, renamed or deleted;
 * else of one of the newer tree, renamed or added.  NULL: nothing.
 */
const struct diff_change *moves_nearest(const struct diff *d, const char *path, bool forward);
/* What it is called in the other tree; *ret, to be freed, NULL when nothing renamed it.  0 or -ENOMEM. */
int moves_carry(const struct diff *d, const char *path, bool forward, char **ret);

#endif
