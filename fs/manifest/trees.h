/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * trees.h - does another tree of a foreign disc name what the one that is shown does not?
 *
 * A session is made of the tree that is shown, and has a Joliet tree of the same names: what only Joliet named, or
 * only the primary tree where Joliet is shown, no reader would find any more.
 */
#ifndef FS_MANIFEST_TREES_H
#define FS_MANIFEST_TREES_H

#include "burner/base/bulk.h"
#include "fs/iso/iso.h"
#include "fs/manifest/manifest.h"

/* 0: nothing, or no other tree.  -EPERM: why names the first one (never empty).  -EBADMSG, -EIO: a tree cannot be read
 * to its end, so that is not known; why says which.  -ENOMEM, -EAGAIN, what the disc says.  Reads each directory of
 * all trees. */
int trees_compare(struct iso *shown, struct bulk *bulk, char why[MANIFEST_WHY_BYTES]);

#endif
