/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * damage.h - names what of a planned session lies on blocks that are not what was written
 */
#ifndef FS_COMMIT_DAMAGE_H
#define FS_COMMIT_DAMAGE_H

#include "cdappendfs/burn.h"
#include "fs/manifest/manifest.h"

#define DAMAGE_BYTES 256u
/* For a message: "of /a, /b and 7 more", files and directories.  The log gets up to ten paths, and how many more. */
void damage_name(const struct manifest *m, const struct burn_plan *plan, const struct burn_damage *damage,
		 char ret[DAMAGE_BYTES]);

#endif
