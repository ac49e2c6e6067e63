/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * holes.h - where the holes of burned files are on the disc: what a rebase needs besides the plan's placements
 */
#ifndef FS_COMMIT_HOLES_H
#define FS_COMMIT_HOLES_H

#include "cdappendfs/burn.h"

/* Ascending by (ino, offset); freed with free(). */
int burned_holes(const struct manifest *m, const struct burn_plan *plan, struct burn_hole **ret, size_t *ret_n);

#endif
