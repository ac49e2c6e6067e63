/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * manifest.h - the SHA-256 of each file of a session
 */
#ifndef FS_CHECK_MANIFEST_H
#define FS_CHECK_MANIFEST_H

#include <stdint.h>

#include "cdappendfs/disc.h"

/* What they return, if not 0, ends it.  From the caller's thread. */
struct check_manifest {
	/* Each regular file, in the order of the tree; path from the root, with the slash before it.  sha256 NULL: it
	 * cannot be read, error (negative) says why. */
	int (*file)(void *context, const char *path, const uint8_t *sha256, int error);
	/* A directory that cannot be read to its end: what else is in it is not known. */
	int (*lost)(void *context, const char *path, int error);
	void *context;
};
/* session 0: the newest one that can be mounted.  -ENOENT: there is none. */
int check_manifest(struct disc *disc, uint32_t session, const struct check_manifest *asked);

#endif
