/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * damage.h - names what of a planned session lies on blocks that are not what was written
 */
#ifndef FS_COMMIT_DAMAGE_H
#define FS_COMMIT_DAMAGE_H

#include "cdappendfs/burn.h"
#include "fs/manifest/manifest.h"

#define DAMAGE_BYTES 288u
/* For a message: "of /a, path table (L), parity and 7 more": files, directories and all else a session consists of. The
 * log gets up to ten of them, and how many more. */
void damage_name(const struct manifest *m, const struct burn_plan *plan, const struct burn_damage *damage,
		 char ret[DAMAGE_BYTES]);

#endif
