/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * manifest.h - the frozen, merged tree that a session is made of
 *
 * Made by fs/commit, read by burner/session.  Plain values: nodes in one array, directory entries in another; the
 * root is node 0. Every directory but the root has exactly one entry; a file has nlink entries (hard links).  Entries
 * of a directory are consecutive, in strcmp order of their names, without "." and "..".  Inode numbers are the PX
 * serials to be written.
 *
 * A linked manifest holds only what has changed: the directories to be written, which are closed upwards (the parent
 * of one is one), and of each the whole of its entries.  Sub-directories that stay where they are in an older session
 * are nodes with `kept` set and without entries; what is below them is not in the manifest.  The path tables of the
 * base say the rest.
 */
#ifndef CDAPPENDFS_MANIFEST_H
#define CDAPPENDFS_MANIFEST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "burner/base/bulk.h"
#include "cdappendfs/extent.h"
#include "cdappendfs/pieces.h"

/* What few nodes have. */
struct manifest_more {
	const uint8_t *xattrs; /* a set (burner/base/xattrs.h); owned by the manifest */
	uint32_t xattrs_bytes; /* 0: it has none */
};

struct manifest_node {
	uint64_t ino; /* <= UINT32_MAX */
	/* regular files: bytes; directories: sectors that it takes in the base, 0 when it is not there; others: 0 */
	uint64_t size;
	uint64_t rdev; /* makedev() value of device nodes */
	struct timespec atime, mtime, ctime;
	uint32_t mode; /* st_mode */
	uint32_t uid, gid;
	uint32_t nlink;			 /* files: number of names; directories: 2 + sub-directories */
	uint32_t kept;			 /* directories that stay: index in manifest.kept + 1; else 0 */
	uint32_t first_entry, n_entries; /* directories: their entries in manifest.entries */
	uint32_t parent;		 /* index of the parent node (root: 0); of several, the last that was met */
	union {
		struct {
			/* regular files: in manifest.extents; zisofs: the stored stream.  Of all others 0 */
			uint32_t first_extent, n_extents;
		};
		/* directories, while the manifest is made: their records in the base */
		struct {
			uint32_t lba, bytes;
		} listing;
	};
	struct zisofs zisofs;
	bool as_burned;	    /* regular files: the content is what the base has of it, at the same places */
	const char *target; /* symlinks: NUL-terminated; owned by the manifest */
	const struct manifest_more *more; /* NULL: nothing of it; owned by the manifest */
};
/* There is one for each file and directory of the disc. */
_Static_assert(sizeof(struct manifest_node) <= 136, "memory of a commit");

/* Where a directory of the base is: its records and their continuation areas, and the records of its Joliet twin (0,
 * 0: there is none). */
struct manifest_kept {
	uint32_t lba, bytes, area_sectors, twin_lba, twin_bytes;
};

/* A path table of the base in both its forms. */
struct manifest_table {
	uint32_t lba[2], bytes;
};

struct manifest_entry {
	const char *name; /* NUL-terminated, 1..255 bytes, no '/'; owned by the manifest */
	uint32_t node;
	/* The ISO name (without version) and Joliet name (UTF-16BE, length in bytes) of the record it is copied from,
	 * or NULL / 0. */
	const char *iso_name;
	const uint8_t *joliet_name;
	uint8_t joliet_bytes;
	/* + 1: which of the made names the record has in the base, a session of ours; 0: it is in none */
	uint32_t joliet_attempt;
	bool hidden; /* Existence, of its records' File Flags */
};

/* What the content table of the session will say of a file (burner/format/content_table.h). */
struct manifest_digest {
	uint8_t digest[16];
	uint32_t node;
};

struct manifest {
	struct manifest_node *nodes;
	uint32_t n_nodes;
	struct manifest_entry *entries;
	uint32_t n_entries;
	struct extent *extents; /* kinds: DISC, STAGE, HOLE */
	uint32_t n_extents;
	/* of what is stored of regular files: of those that were compressed, their streams; ascending by digest */
	struct manifest_digest *digests;
	uint32_t n_digests;
	/* MD5 sums of 16 bytes that the base has of files (burner/format/checksums.h): which of them is that of a node
	 * whose content is as it was, 0: none; NULL: there are none, or they were not asked for */
	const uint8_t *sums;
	uint32_t n_sums, *sum_of;
	bool linked;
	/* When linked: */
	struct manifest_kept *kept;
	uint32_t n_kept;
	struct manifest_table tables[2]; /* Rock Ridge, Joliet */
	uint32_t base_directories;	 /* entries of each table */
	uint64_t base_tree_sectors;	 /* of the whole tree, as the base says */
	bool base_nanoseconds;		 /* all its records of names have some */
	/* files of several sections: in the base, as it says (PIECES_UNKNOWN); of these, in its directories that are
	 * written or are no more */
	uint64_t base_pieces, replaced_pieces;
	uint32_t links_lba, links_bytes, links_sectors; /* the base's link table, as its descriptor says */
	struct bulk *bulk; /* where a plan keeps what grows with the tree; NULL: in memory */
	/* Staged data: fills buf or fails; called from one thread. */
	int (*read_body)(void *context, uint32_t body, uint64_t pos, void *buf, size_t length);
	/* Bytes on the disc that are written anew (DISC extents that cannot be shared); the same rules; any
	 * alignment. */
	int (*read_disc)(void *context, uint64_t pos, void *buf, size_t length);
	void *context;
};

/* Bytes [offset, offset + length) of the stored content of a node, which has as many.  What the callbacks say; -EINVAL:
 * there is no read_disc. */
int manifest_read(const struct manifest *m, uint32_t node, uint64_t offset, void *buf, uint64_t length);

#endif
