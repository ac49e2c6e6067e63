/* SPDX-License-Identifier: GPL-3.0-or-later */
/* stages_json.h - what is staged for discs that are not mounted, as JSON */
#ifndef FS_CMD_STAGES_JSON_H
#define FS_CMD_STAGES_JSON_H

#include "burner/base/json.h"
#include "fs/salvage/salvage.h"

/* The member "stages" of an object: the keys of `cdappendfs-stage list --json`. */
void stages_json(struct json *j, const struct salvage_stages *s);

#endif
