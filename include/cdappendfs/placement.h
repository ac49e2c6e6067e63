/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * placement.h - where a burned session put what was staged: what a rebase needs
 */
#ifndef CDAPPENDFS_PLACEMENT_H
#define CDAPPENDFS_PLACEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "burner/base/bulk.h"

/* Staged data; arrays ascend by (body, pos). All in bytes. */
struct burn_placement {
	uint32_t body;
	uint64_t pos;
	uint64_t length;
	uint64_t disc_pos;
};
static inline int placements_compare(const void *a, const void *b)
{
	const struct burn_placement *x = a, *y = b;

	if (x->body != y->body)
		return x->body < y->body ? -1 : 1;
	if (x->pos != y->pos)
		return x->pos < y->pos ? -1 : 1;
	return x->disc_pos < y->disc_pos ? -1 : x->disc_pos > y->disc_pos;
}

/* Makes any list one that ascends without overlaps: data that several files hold may lie in several places; one is as
 * good as the other. */
static inline size_t placements_tidy(struct bulk *bulk, struct burn_placement *list, size_t n)
{
	size_t kept = 0;

	bulk_sort(bulk, list, n, sizeof(*list), placements_compare);
	for (size_t i = 0; i < n; i++) {
		struct burn_placement *last = kept ? &list[kept - 1] : NULL, one = list[i];
		bulk_pace(bulk, 1);
		uint64_t end = last && last->body == one.body ? last->pos + last->length : 0;

		if (end > one.pos) {
			uint64_t known = end - one.pos < one.length ? end - one.pos : one.length;

			one.pos += known;
			one.disc_pos += known;
			one.length -= known;
		}
		if (!one.length)
			continue;
		if (last && end == one.pos && last->body == one.body && last->disc_pos + last->length == one.disc_pos)
			last->length += one.length;
		else
			list[kept++] = one;
	}
	return kept;
}

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

/* All of a session. */
struct burn_placements {
	const struct burn_placement *data;
	const struct burn_hole *holes;
	const struct burn_directory *directories;
	const struct burn_home *homes;
	size_t n_data, n_holes, n_directories, n_homes;
	bool from_disc; /* recovery: only the directories are known */
};

#endif
