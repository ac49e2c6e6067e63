/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * opening.h - from the command line to a tree: disc, stage, recovery, base
 *
 *	opening_resolve (real paths; in the caller's directory) -> opening_open -> … -> opening_release
 *
 * The stage's lock is taken first, then the medium's: whoever holds the stage of a disc will also have its lock.
 * Both are given back in the other order, so that one who gets the stage finds the medium free.  One thread.
 */
#ifndef FS_DAEMON_OPENING_H
#define FS_DAEMON_OPENING_H

#include "cdappendfs/burn.h"
#include "fs/iso/iso.h"
#include "fs/daemon/options.h"
#include "fs/stage/stage.h"
#include "fs/tree/tree.h"

struct opening {
	const struct options *options;
	char *disc_path, *mountpoint, *staging; /* absolute; staging NULL: the default */
	int mount_directory;			/* the mount point, until it is mounted; 0 not open */
	bool read_only;
	bool created; /* the image is of our making, and taken back unless the mount comes up */
	struct stat made;
	struct disc *disc;
	struct disc_state state;
	struct disc_session *sessions;
	size_t n_sessions;
	struct stage *stage; /* NULL when read-only */
	struct iso *base;    /* NULL: blank */
	const char *older;   /* the base is not the newest session: why, static; NULL: it is */
	bool said_older;
	struct tree *tree;
	int holding; /* a drive's name (holding.h); 0 none */
	/* of an image: as given, or as its stage keeps it */
	uint64_t capacity_sectors;
	bool unbounded;
};

/* 0, or the exit status: what is wrong was said. */
int opening_resolve(struct opening *o, const struct options *options);
int opening_open(struct opening *o);
/* It would keep busy what the mount point is in. */
void opening_forget_directory(struct opening *o);
void opening_release(struct opening *o);

#endif
