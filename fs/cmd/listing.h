/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * listing.h - what cdappendfs-info lists: a line for each, or a member of an array of JSON
 *
 * Of a mount its daemon tells, else the newest session of the disc is read.  Both print what they find, also before an
 * error, and return the exit status.
 */
#ifndef FS_CMD_LISTING_H
#define FS_CMD_LISTING_H

#include <stdbool.h>

#include "fs/control/protocol.h"

enum listing { LIST_NOTHING, LIST_CHANGES, LIST_PIECES, LIST_NAMES };

/* All but the changes (changes.h). */
int listing_of_mount(enum listing what, bool json, const struct control_mount *mount);
int listing_of_disc(enum listing what, bool json, const char *path);

#endif
