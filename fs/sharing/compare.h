/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * compare.h - which blocks of a staged content lie at the same offsets of another content
 */
#ifndef FS_SHARING_COMPARE_H
#define FS_SHARING_COMPARE_H

#include "cdappendfs/burn.h"
#include "fs/manifest/held_manifest.h"

/* read at once: less would fit the cache of a CPU better, and have a disk seek more often when neither side is in
 * memory */
#define COMPARE_BYTES (1u << 20)

/* Parts that are equal: whole blocks (the last one of the file as far as it goes), ascending. */
struct equal_run {
	uint64_t offset, length, pos;
}; /* pos: byte on the disc */
struct equal_runs {
	struct equal_run *list;
	size_t n, room;
	uint64_t bytes; /* of all */
};

struct comparison {
	struct held_manifest *held;
	const struct burn_progress *progress; /* asked between pieces, told what was read; NULL is fine */
	uint8_t *buffers[2];		      /* COMPARE_BYTES each */
	uint64_t first_pos, end_pos;	      /* of the disc, bytes: old content elsewhere counts as different */
	uint64_t done_bytes, all_bytes;
	unsigned n_unreadable; /* pieces of the disc */
};

/*
 * Compares what is to be written of a node with the content of `old` (all DISC, n of them).  What cannot be read of
 * the old content counts as different, and after some such pieces everything: each may take a drive long. whole:
 * nothing less than all is wanted; it ends with no runs at the first difference. -ECANCELED; -ENOMEM; -ENOMEDIUM,
 * -ENODEV; errors of the stage.
 */
int compare_node(struct comparison *c, uint32_t node, const struct extent *old, uint32_t n, bool whole,
		 struct equal_runs *ret);
/* Do a few samples promise that any is? */
bool compare_promises(struct comparison *c, uint32_t node, const struct extent *old, uint32_t n);
/* Is the content of both, which are of one size, the same?  1; 0, also when it cannot be read; -ECANCELED, -ENOMEM. */
int compare_nodes(struct comparison *c, uint32_t a, uint32_t b);
void equal_runs_release(struct equal_runs *r);

#endif
