/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * head.h - a target that publishes around what others keep in LBA 17-31
 *
 * Images that do not begin at LBA 32 (mkisofs, growisofs, xorriso -as mkisofs) have path tables, directories and file data right
 * behind their descriptors, inside the head: overwriting them would destroy files that all sessions share.
 */
#ifndef FS_COMMIT_HEAD_H
#define FS_COMMIT_HEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "cdappendfs/burn.h"

/* Takes ownership of inner, also when it fails (NULL); borrows disc. */
struct target *target_wrap_head(struct target *inner, struct disc *disc);
/* The head to publish instead of `head`, over `now` which is there. Repeating it on its own result changes nothing. */
void head_merge(const uint8_t now[16 * 2048], uint8_t head[16 * 2048]);

#endif
