/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * open.c - from a path to a disc, from a disc to its write side
 */
#include <errno.h>

#include "burner/medium/drive.h"
#include "burner/medium/internal.h"
#include "burner/base/own.h"

int disc_open_path(const char *path, const struct disc_open_options *options, struct disc **ret, const char **ret_why)
{
	const char *why = NULL;
	int r;

	if (drive_path(path)) {
		r = drive_open(path, options, ret, &why);
	} else if (!container_name(path)) {
		r = image_open(path, options, ret, &why);
	} else if (options->writable) {
		why = "cue, nrg and toc files can only be read";
		r = -EROFS;
	} else {
		r = container_open(path, ret, &why);
	}
	if (r < 0 && ret_why)
		*ret_why = why;
	return r;
}

int disc_open_target(struct disc *d, const struct target_options *options, struct target **ret)
{
	struct image *image = image_of(d);
	struct drive *drive = drive_of(d);

	if (drive)
		return drive_target_new(drive, options, ret);
	if (!image || !image->writable)
		return -EROFS;
	return image_target_new(image, ret);
}
