/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * zisofs.h - compressed files: a header, pointers, a stream of zlib for each block
 *
 *	version 1 (ZF "pz")				version 2 (ZF "PZ")
 *	 0  8	37 E4 53 96 C9 DB D6 07			 0  8	EF 22 55 A1 BC 1B 95 A0
 *	 8  4	uncompressed size			 8  1	0
 *	12  1	header size / 4				 9  1	header size / 4
 *	13  1	log2 of the block size			10  1	1
 *	14  2	reserved				11  1	log2 of the block size
 *							12  8	uncompressed size
 *							20  4	reserved
 * Behind the header lie n + 1 pointers (4 or 8 bytes, little-endian) to the streams of the n blocks, from the beginning
 * of the file; block i lies between pointers i and i + 1, and is all zeros when they are equal.  What the header says
 * must agree with the ZF entry.
 *
 * We write version 1 with blocks of 32 KiB, which all readers know; both are read.
 *
 * Threads: a codec belongs to one at a time.
 */
#ifndef BURNER_FORMAT_ZISOFS_H
#define BURNER_FORMAT_ZISOFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "burner/base/own.h"
#include "cdappendfs/extent.h"

#define ZISOFS_SHIFT_MIN 12u
#define ZISOFS_SHIFT_MAX 20u
#define ZISOFS_HEADER_MAX 24u

/* ---- what we write ---- */

#define ZISOFS_BLOCK_BYTES 32768u
#define ZISOFS_HEADER_BYTES 16u
#define ZISOFS_POINTER_BYTES 4u
#define ZISOFS_FILE_BYTES UINT32_MAX /* of a file, and of what it becomes, at most */
static const struct zisofs zisofs_written = {{'p', 'z'}, ZISOFS_HEADER_BYTES / 4, 15};

static inline uint64_t zisofs_blocks(uint64_t size) { return (size + ZISOFS_BLOCK_BYTES - 1) / ZISOFS_BLOCK_BYTES; }
/* Where the first stream begins. */
static inline uint64_t zisofs_table_end(uint64_t size)
{
	return ZISOFS_HEADER_BYTES + (zisofs_blocks(size) + 1) * ZISOFS_POINTER_BYTES;
}
void zisofs_header_encode(uint32_t size, uint8_t out[ZISOFS_HEADER_BYTES]);

/* ---- what we read ---- */

/* Bytes of its header and of a pointer, as the ZF entry says.  false: none that can be. */
bool zisofs_measure(const struct zisofs *z, uint32_t *ret_header_bytes, uint32_t *ret_pointer_bytes);
/* Does a header say what the entry says, of a file of that size? */
bool zisofs_header_agrees(const struct zisofs *z, const uint8_t header[ZISOFS_HEADER_MAX], uint64_t size);
/* No stream for a block can be longer: a longer one is damage. */
size_t zisofs_stream_max(uint32_t block_bytes);

/* ---- blocks ---- */

/* What zlib keeps between two blocks, for one direction. Zeroed: nothing. */
struct zisofs_codec {
	void *z;
	bool deflates;
};
/* *ret: the length of the stream, 0 for a block of zeros.  `out` has zisofs_stream_max() of it.  -ENOMEM. */
int zisofs_deflate(struct zisofs_codec *c, const void *block, uint32_t length, uint8_t *out, size_t *ret);
/* All of the block, from a stream of that length.  -EBADMSG, -ENOMEM. */
int zisofs_inflate(struct zisofs_codec *c, const void *stream, size_t length, void *block, uint32_t block_bytes);
void zisofs_codec_release(struct zisofs_codec *c);

#endif
