/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * placement.h - where a burned session put what was staged: what a rebase needs
 */
#ifndef CDAPPENDFS_PLACEMENT_H
#define CDAPPENDFS_PLACEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "burner/base/bulk.h"
#include "cdappendfs/extent.h"

/* Staged data; arrays ascend by (body, pos). All in bytes. */
struct burn_placement {
	uint32_t body;
	uint64_t pos;
	uint64_t length;
	uint64_t disc_pos;
};
/* Makes any list one that ascends without overlaps, and returns how long it is: data that several files hold may lie in
 * several places; one is as good as the other. */
size_t placements_tidy(struct bulk *bulk, struct burn_placement *list, size_t n);

/* Holes of files that were burned as zeros; arrays ascend by (ino, offset): what is still a hole there is those zeros
 * now. */
struct burn_hole {
	uint64_t ino, offset, length, disc_pos;
};
/* Directories that were written: their records in the Rock Ridge tree, and the sectors they take in both,
 * continuation areas included; arrays ascend by ino. */
struct burn_directory {
	uint64_t ino;
	uint32_t lba, bytes, sectors;
};

/*
 * Files of which the tree did not know what the session says; arrays ascend by ino.  parent: the directory of a name,
 * where the tree had `was`; links: what is to be added to its link count.
 */
struct burn_home {
	uint64_t ino, was, parent;
	int64_t links;
};

/* Files that were compressed (zisofs), in one piece: where the stream is; arrays ascend by ino. */
struct burn_packed {
	uint64_t ino, disc_pos, bytes;
	struct zisofs zisofs;
};

/* All of a session. */
struct burn_placements {
	const struct burn_placement *data;
	const struct burn_hole *holes;
	const struct burn_directory *directories;
	const struct burn_home *homes;
	const struct burn_packed *packed;
	size_t n_data, n_holes, n_directories, n_homes, n_packed;
	bool from_disc; /* recovery: only the directories are known */
};

#endif
