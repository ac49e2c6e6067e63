/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pieces.h - whether a file may have several sections on the disc
 *
 * Readers of macOS and the BSDs, and others, know one section of a file: they show one of several, with its length,
 * without an error.  So a file gets several only where it saves much (burner/format/pieces.h has the rule itself).
 */
#ifndef CDAPPENDFS_PIECES_H
#define CDAPPENDFS_PIECES_H

#include <stdint.h>

enum share_mode {
	SHARE_AUTO,   /* equal content whole; parts of a file where that saves as much as least_bytes */
	SHARE_BLOCKS, /* parts of a file wherever that saves anything */
	SHARE_NONE,   /* nothing but what is as it was on the disc */
};

struct pieces_rule {
	enum share_mode share;
	uint64_t least_bytes; /* of SHARE_AUTO; 0: PIECES_LEAST_BYTES; PIECES_NEVER: not even a file beyond 4 GiB */
};
#define PIECES_LEAST_BYTES (16ull << 20)
#define PIECES_NEVER UINT64_MAX

/* How many files of a tree have several sections, where nobody can tell without reading all of it. */
#define PIECES_UNKNOWN UINT64_MAX

#endif
