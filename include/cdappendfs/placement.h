/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * placement.h - where a burned session put what was staged: what a rebase needs
 */
#ifndef CDAPPENDFS_PLACEMENT_H
#define CDAPPENDFS_PLACEMENT_H

#include <stddef.h>
#include <stdint.h>

/* Staged data; arrays ascend by (body, pos). All in bytes. */
struct burn_placement { uint32_t body; uint64_t pos; uint64_t length; uint64_t disc_pos; };
/* Holes of files that were burned as zeros; arrays ascend by (ino, offset): what is still a hole there is those zeros now. */
struct burn_hole { uint64_t ino, offset, length, disc_pos; };
/* Directories (the Rock Ridge tree); arrays ascend by ino. */
struct burn_directory { uint64_t ino; uint32_t lba; uint32_t bytes; };

/* All of a session. */
struct burn_placements {
	const struct burn_placement *data;
	const struct burn_hole *holes;
	const struct burn_directory *directories;
	size_t n_data, n_holes, n_directories;
};

#endif
