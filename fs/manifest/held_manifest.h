/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * held_manifest.h - a manifest with what it owns, for who changes it before it is planned (fs/sharing)
 */
#ifndef FS_MANIFEST_HELD_MANIFEST_H
#define FS_MANIFEST_HELD_MANIFEST_H

#include <stdbool.h>
#include <stdint.h>

#include "burner/base/arena.h"
#include "cdappendfs/placement.h"
#include "fs/manifest/manifest.h"
#include "fs/manifest/reader.h"
#include "fs/manifest/spool.h"

/* What a file was on the disc before it was written anew: the base's file of its number or of its name. */
struct former {
	uint64_t pos;
	uint32_t node, first, n;
}; /* pos: on the disc; first, n: in former_extents */
/* A file whose content is what the base has of it, though the stage may know another place. */
struct as_burned {
	uint32_t row, first, n;
}; /* first, n: in former_extents */
/* A file some of whose staged content was found on the disc (fs/sharing/share.c): the extents that it has in the
 * tree, in manifest.extents. */
struct remapped {
	uint32_t node, first, n;
};

/* What manifest_free() frees; the manifest is its first member. */
struct held_manifest {
	struct manifest manifest;
	struct bulk bulk; /* its arrays, and the plan's */
	struct arena strings;
	struct disc *disc;
	struct stage *stage;
	uint8_t *sums; /* manifest.sums */
	struct burn_home *homes;
	uint32_t n_homes;
	struct former *formers; /* in the order of the disc */
	uint32_t n_formers;
	struct extent *former_extents;
	uint32_t n_former_extents;
	struct remapped *remapped; /* ascending by node */
	uint32_t n_remapped;
	size_t extent_space, remapped_space;
	uint32_t lowest_directory_lba; /* in the base */
	uint64_t found_bytes;	       /* of what is staged, on the disc already or in the stage twice */
	struct body_reader reader;
	struct spool *spool; /* NULL: the disc itself is read */
	/* the streams of compressed files (fs/manifest/packed.h); the nodes, ascending */
	int packed_fd; /* 0: none */
	uint64_t packed_bytes;
	uint32_t *packed, n_packed;
	bool rehearsing;		 /* the spool is being filled */
	char *lost[MANIFEST_LOST_NAMED]; /* paths whose extended attributes are left out, the first of n_lost */
	uint64_t n_lost;
	char *associated; /* path of an associated file of the base, which is left out; NULL: there is none */
};

#endif
