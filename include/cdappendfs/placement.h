/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * placement.h - where a burned session put what was staged: what a rebase needs
 */
#ifndef CDAPPENDFS_PLACEMENT_H
#define CDAPPENDFS_PLACEMENT_H

#include <stdint.h>

/* Staged data; arrays ascend by (body, pos). All in bytes. */
struct burn_placement { uint32_t body; uint64_t pos; uint64_t length; uint64_t disc_pos; };
/* Directories (the Rock Ridge tree); arrays ascend by ino. */
struct burn_directory { uint64_t ino; uint32_t lba; uint32_t bytes; };

#endif
