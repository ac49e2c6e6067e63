/* SPDX-License-Identifier: GPL-3.0-or-later */
/* media.h - what an image is to stand for: -o media= */
#ifndef FS_DAEMON_MEDIA_H
#define FS_DAEMON_MEDIA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEDIA_CD_SPEED 153600.0 /* bytes per second of 1x */
#define MEDIA_NAMES \
	"cd74, cd80, dvd, dvd-dl, bd, bd-dl, bdxl-100, bdxl-128, mdisc-dvd, mdisc-bd, mdisc-bd-dl, mdisc-bdxl-100"

struct media {
	bool unbounded;		 /* "none" */
	uint64_t sectors;	 /* else */
	double bytes_per_second; /* of single speed */
};

/* One of these names, "none", or a size.  -EINVAL. */
int media_parse(const char *value, struct media *ret);
/* What the user should know of a size that he gave; "" nothing. */
void media_note(const char *value, const struct media *m, char *ret, size_t size);

#endif
