/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rescue.h - a disc copied into an image file, around what cannot be read of it
 *
 *	rescue_begin -> rescue_run -> look at it -> rescue_release
 *
 * Block N of the image is block N of the disc; what lies between its tracks is a hole.  First it is read in large
 * pieces, and those that cannot be read are left for later; then these in smaller ones, and at last block by block.  A
 * map beside the image says all the time what it has, and both go on from there, by whomever they were begun.
 *
 * Errors with a message in *ret_why (allocated, or NULL).  One thread.
 */
#ifndef FS_CHECK_RESCUE_H
#define FS_CHECK_RESCUE_H

#include "cdappendfs/burn.h"
#include "fs/check/mapfile.h"

struct rescue_asked {
	struct disc *disc; /* borrowed, as all else */
	const char *image, *map;
	const char *made_by; /* for the map's comment */
	bool keep_map;	     /* also when all was read */
	unsigned retries;    /* of blocks that could not be read, each by itself */
	/* a further phase has begun, of which progress tells */
	void (*phase)(void *context, const char *what);
	const struct burn_progress *progress;
};
struct rescue {
	const struct rescue_asked *asked;
	struct disc_recorded *recorded;
	size_t n_recorded, n_audio;
	struct mapfile map;				 /* nothing but what is recorded is in its gaps */
	uint64_t end_bytes;				 /* of the image */
	uint64_t all_sectors, had_sectors, read_sectors; /* that are recorded; that it had before; that were read now */
	bool resumed, map_kept;
	/* rescue.c and rescue_file.c alone: */
	int fd;
	bool map_made; /* by us, and there is no image yet */
	uint8_t *bytes;
	struct map_place place;
	int64_t saved_ms;
};
/* Looks at the image and the map, makes them, and sees that there is room.  ret is to be released in any case.
 * -ENODATA: nothing is recorded on it. */
int rescue_begin(const struct rescue_asked *asked, struct rescue *ret, char **ret_why);
/* Reads what is missing.  0, also when some cannot be read: mapfile_bytes() of the map.  After errors, too, what was
 * read is kept. -ECANCELED; -ENOMEDIUM, -ENODEV: of the drive. */
int rescue_run(struct rescue *r, char **ret_why);
void rescue_release(struct rescue *r);

/* ---- rescue_file.c, for rescue.c ---- */

int rescue_file_begin(struct rescue *r, char **ret_why);
/* n blocks that were read. */
int rescue_file_put(struct rescue *r, uint32_t lba, uint32_t n, char **ret_why);
/* The map as it is now, when the image has what it says. */
int rescue_file_save(struct rescue *r, char **ret_why);
/* All is done: the map stays where something is missing, or it was asked for. */
int rescue_file_end(struct rescue *r, char **ret_why);

#endif
