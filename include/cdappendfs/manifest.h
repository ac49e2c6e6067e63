/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * manifest.h - the frozen, merged tree that a session is made of
 *
 * Made by fs/commit, read by burner/session.  Plain values: nodes in one array, directory entries in another; the root is node 0.
 * Every directory but the root has exactly one entry; a file has nlink entries (hard links).  Entries of a directory are
 * consecutive, in strcmp order of their names, without "." and "..".  Inode numbers are the PX serials to be written.
 */
#ifndef CDAPPENDFS_MANIFEST_H
#define CDAPPENDFS_MANIFEST_H

#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "cdappendfs/extent.h"

struct manifest_node {
	uint64_t ino;			/* <= UINT32_MAX */
	uint64_t size;			/* bytes; 0 unless a regular file */
	uint64_t rdev;			/* makedev() value of device nodes */
	struct timespec atime, mtime, ctime;
	uint32_t mode;			/* st_mode */
	uint32_t uid, gid;
	uint32_t nlink;			/* files: number of entries; directories: 2 + sub-directories */
	uint32_t first_entry, n_entries;	/* directories: their entries in manifest.entries */
	uint32_t parent;		/* directories: index of the parent node (root: 0) */
	uint32_t first_extent, n_extents;	/* regular files: in manifest.extents; zisofs: the stored stream */
	struct zisofs zisofs;
	const char *target;		/* symlinks: NUL-terminated; owned by the manifest */
};

struct manifest_entry {
	const char *name;		/* NUL-terminated, 1..255 bytes, no '/'; owned by the manifest */
	uint32_t node;
	/* The ISO name (without version) and Joliet name (UTF-16BE, length in bytes) of the record it is copied from, or NULL / 0. */
	const char *iso_name;
	const uint8_t *joliet_name;
	uint8_t joliet_bytes;
};

struct manifest {
	struct manifest_node *nodes;
	uint32_t n_nodes;
	struct manifest_entry *entries;
	uint32_t n_entries;
	struct extent *extents;		/* kinds: DISC, STAGE, HOLE */
	uint32_t n_extents;
	/* Staged data: fills buf or fails; called from one thread. */
	int (*read_body)(void *context, uint32_t body, uint64_t pos, void *buf, size_t length);
	/* Bytes on the disc that are written anew (DISC extents that cannot be shared); the same rules; any alignment. */
	int (*read_disc)(void *context, uint64_t pos, void *buf, size_t length);
	void *context;
};

#endif
