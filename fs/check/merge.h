/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * merge.h - of several damaged copies of a disc one that is whole
 *
 *	merge_open -> (merge_add_copy) … -> merge_run -> the image is at merge_path(): look at it -> merge_publish
 *	-> merge_free, which takes away what was not published
 *
 * Each piece that a session of ours proves is taken from the copy in which it is right, or of several together; what
 * nothing proves, from the first copy in which it could be read and is no zeros.
 *
 * Threads: one.  Errors with a message in *ret_why (allocated, or NULL).
 */
#ifndef FS_CHECK_MERGE_H
#define FS_CHECK_MERGE_H

#include <stdint.h>

#include "burner/base/own.h"
#include "cdappendfs/burn.h"
#include "fs/check/mapfile.h"

struct merge;
/* The image that is to be made: -EEXIST, it is there. */
int merge_open(const char *out, struct merge **ret, char **ret_why);
/* An image file.  map: of ddrescue, NULL: none. */
int merge_add_copy(struct merge *m, const char *path, const char *map, char **ret_why);

struct merge_report {
	uint64_t lost_sectors;	    /* that are in no copy, or in none right; zeros, or as the first copy has them */
	uint64_t undecided_sectors; /* copies differ, and nothing proves which is right: the first one's */
	uint64_t undecided_boot;    /* the same of blocks 0 to 15, where sessions of ours prove the rest of the disc */
	uint64_t *taken_sectors;    /* of each copy, in the order in which they were added; of the merge */
};
int merge_run(struct merge *m, const struct burn_progress *progress, struct merge_report *ret, char **ret_why);
const char *merge_path(const struct merge *m);
/* Blocks that are in no copy: zeros in the image. */
const struct mapfile *merge_lost(const struct merge *m);
/* It gets its name. -EEXIST: somebody has made one meanwhile. */
int merge_publish(struct merge *m, char **ret_why);
void merge_free(struct merge *m);
DEFINE_FREEP(struct merge, merge_free)

#endif
