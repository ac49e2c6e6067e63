/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * placements.h - what a rebase needs of the data of a burned session, from the manifest and its plan
 *
 * The plan knows what it wrote.  Of files whose staged content was found elsewhere (fs/sharing) the tree still has the
 * staged extents, and of others the holes: both are on the disc now.
 */
#ifndef FS_MANIFEST_PLACEMENTS_H
#define FS_MANIFEST_PLACEMENTS_H

#include "fs/manifest/manifest.h"

/* As in struct burn_placements; freed with bulk_free().  -ENOMEM. */
int burned_data(const struct manifest *m, const struct burn_plan *plan, struct burn_placement **ret, size_t *ret_n);
int burned_holes(const struct manifest *m, const struct burn_plan *plan, struct burn_hole **ret, size_t *ret_n);

#endif
