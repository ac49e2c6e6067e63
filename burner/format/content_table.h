/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * content_table.h - the content table of a session: where the content of files lies that it wrote
 *
 * All numbers little-endian.
 *	 0  16	magic "CDAPPENDFS-CNT 2"; 1: digests of the older kind
 *	16   4	entries
 *	20   4	runs
 *	32	the entries, 32 bytes each, in ascending order of digest:
 *		 0  16	content digest
 *		16   8	size in bytes, not 0
 *		24   4	content in one piece: its LBA; in several: number of its first run
 *		28   4	pieces, from 1
 *	then	the runs, 8 bytes each: LBA, sectors; together as many as the size has
 * The content digest: Poly1305 (RFC 8439) with CONTENT_KEY over the size (8 bytes) and samples of the content
 * (content_samples()): all of it up to 16 KiB; up to 256 KiB two pieces of 4 KiB, at the beginning and in the middle;
 * else 16 of 4 KiB, the first at the beginning, the last at the end, the others evenly between; each at a multiple of
 * 2048. In tables of kind 1, which are read, but not made any more, it is the first 16 bytes of SHA-256 over the size
 * and all of it up to 256 KiB, else 16 pieces of 16 KiB. So it says what may be equal, in bounded time; whoever uses
 * an entry compares the bytes.  It need not withstand an attack, and what it leaves out costs a comparison, if that
 * much is equal; then the files have blocks in common.
 */
#ifndef BURNER_FORMAT_CONTENT_TABLE_H
#define BURNER_FORMAT_CONTENT_TABLE_H

#include "burner/base/bytes.h"

/* 15 bytes without the terminator; then the kind of the digests, a digit */
#define CONTENTS_MAGIC "CDAPPENDFS-CNT "
#define CONTENTS_HEADER_BYTES 32u
#define CONTENTS_ENTRY_BYTES 32u
#define CONTENTS_RUN_BYTES 8u
#define CONTENTS_MAX (1u << 26) /* entries, and runs, of a table */

enum content_kind { CONTENT_SHA256 = 1, CONTENT_POLY1305 = 2 };
#define CONTENT_KIND CONTENT_POLY1305		       /* that our tables have */
#define CONTENT_KEY "cdappendfs: content digest no. 2" /* 32 bytes without the terminator */
#define CONTENT_DIGEST_BYTES 16u
#define CONTENT_SAMPLES_BYTES (256u << 10) /* of all samples of one content, at most */

struct content_entry {
	uint8_t digest[CONTENT_DIGEST_BYTES];
	uint64_t size;
	uint32_t where, n_runs;
};

/* What of a content of `size` bytes is digested: n pieces of so many bytes; n 1: all of it. */
struct content_samples {
	unsigned n;
	uint32_t bytes;
};
static inline struct content_samples content_samples(enum content_kind kind, uint64_t size)
{
	if (size <= (kind == CONTENT_SHA256 ? 256u << 10 : 16u << 10))
		return (struct content_samples){1, (uint32_t)size};
	return kind == CONTENT_SHA256 ? (struct content_samples){16, 16u << 10} :
					(struct content_samples){size <= 256u << 10 ? 2 : 16, 4u << 10};
}

/* Place of sample i: of two the second lies in the middle, of more the last one ends the content. */
static inline uint64_t content_sample_at(struct content_samples s, uint64_t size, unsigned i)
{
	uint64_t room = size - s.bytes;

	if (s.n == 2)
		return size / 2 * i / SECTOR_BYTES * SECTOR_BYTES;
	return i + 1 == s.n ? room : room / (s.n - 1) * i / SECTOR_BYTES * SECTOR_BYTES;
}

void contents_header_encode(enum content_kind kind, uint32_t n_entries, uint32_t n_runs,
			    uint8_t header[CONTENTS_HEADER_BYTES]);
/* bytes: of the whole table.  -EBADMSG: it is none of that length. */
int contents_header_decode(const uint8_t header[CONTENTS_HEADER_BYTES], uint32_t bytes, enum content_kind *ret_kind,
			   uint32_t *ret_entries, uint32_t *ret_runs);

void content_entry_encode(const struct content_entry *e, uint8_t record[CONTENTS_ENTRY_BYTES]);
struct content_entry content_entry_decode(const uint8_t record[CONTENTS_ENTRY_BYTES]);

/* A piece of a content that lies in several. */
struct content_run {
	uint32_t lba, sectors;
};
void content_run_encode(struct content_run run, uint8_t record[CONTENTS_RUN_BYTES]);
struct content_run content_run_decode(const uint8_t record[CONTENTS_RUN_BYTES]);

#endif
