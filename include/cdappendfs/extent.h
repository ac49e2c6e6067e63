/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * extent.h - where the bytes of a file are
 *
 * A file's content is an array of extents in ascending offset that touch each other and cover [0, size) exactly (the
 * last one may be cut by the file's size: its length counts file bytes, the sector behind it may be longer). The
 * stage copies up by 2048-byte block of the file, so every extent edge inside a file that we wrote is a multiple of
 * 2048; foreign multi-extent files may have other edges.
 */
#ifndef CDAPPENDFS_EXTENT_H
#define CDAPPENDFS_EXTENT_H

#include <stdint.h>

enum extent_kind {
	EXTENT_HOLE,  /* zeros; pos is 0, body is 0 or, in the stage, EXTENT_ASIDE */
	EXTENT_DISC,  /* pos = byte address on the disc (lba * 2048 for what we write); body is 0 */
	EXTENT_STAGE, /* pos = byte position in body number `body` of the stage */
};

struct extent {
	uint64_t offset; /* bytes from the start of the file */
	uint64_t length; /* bytes, never 0 */
	uint64_t pos;
	uint32_t body;
	uint32_t kind; /* enum extent_kind */
};

/* Body of a hole: room was set aside for what will be written there (fallocate). */
#define EXTENT_ASIDE 1u
static inline int extent_is_aside(const struct extent *e) { return e->kind == EXTENT_HOLE && e->body; }

/* Index of the extent that holds byte `offset` of a file; n when none does. */
uint32_t extent_at(const struct extent *e, uint32_t n, uint64_t offset);

/* zisofs (RRIP ZF entry): all zero when the file is stored plainly.  The extents then hold the compressed stream, and
 * only their sum is its length; the size of the file is the uncompressed one. */
struct zisofs {
	uint8_t algorithm[2]; /* "pz", or "PZ" for version 2 */
	uint8_t header_words; /* header size in 4-byte words */
	uint8_t block_shift;  /* log2 of the uncompressed block size */
};
static inline int zisofs_used(const struct zisofs *z) { return z->algorithm[0] != 0; }

#endif
