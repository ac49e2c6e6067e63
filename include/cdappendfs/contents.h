/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * contents.h - the content table of a session: where the content of files lies that it wrote
 *
 * All numbers little-endian.
 *	 0  16	magic "CDAPPENDFS-CNT 1"
 *	16   4	entries
 *	20   4	runs
 *	32	the entries, 32 bytes each, in ascending order of digest:
 *		 0  16	content digest
 *		16   8	size in bytes, not 0
 *		24   4	content in one piece: its LBA; in several: number of its first run
 *		28   4	pieces, from 1
 *	then	the runs, 8 bytes each: LBA, sectors; together as many as the size has
 * The content digest: the first 16 bytes of SHA-256 over the size (8 bytes) and samples of the content: all of it up to CONTENT_WHOLE_BYTES, else
 * CONTENT_SAMPLES pieces of CONTENT_SAMPLE_BYTES, the first at the beginning, the last at the end, the others evenly between, each at a multiple of 2048 (content_sample()).
 * So it says what may be equal, in bounded time; whoever uses an entry compares the bytes.
 */
#ifndef CDAPPENDFS_CONTENTS_H
#define CDAPPENDFS_CONTENTS_H

#include <errno.h>
#include <string.h>

#include "cdappendfs/bytes.h"
#include "cdappendfs/manifest.h"

#define CONTENTS_MAGIC "CDAPPENDFS-CNT 1"	/* 16 bytes without the terminator */
#define CONTENTS_HEADER_BYTES 32u
#define CONTENTS_ENTRY_BYTES 32u
#define CONTENTS_RUN_BYTES 8u
#define CONTENTS_MAX (1u << 26)		/* entries, and runs, of a table */

#define CONTENT_DIGEST_BYTES 16u
#define CONTENT_WHOLE_BYTES (256u << 10)
#define CONTENT_SAMPLE_BYTES (16u << 10)
#define CONTENT_SAMPLES 16u

struct content_entry {
	uint8_t digest[CONTENT_DIGEST_BYTES];
	uint64_t size;
	uint32_t where, n_runs;
};

/* Place of sample i of a content of more than CONTENT_WHOLE_BYTES bytes; the last one ends it. */
static inline uint64_t content_sample(uint64_t size, unsigned i)
{
	uint64_t room = size - CONTENT_SAMPLE_BYTES, step = room / (CONTENT_SAMPLES - 1);

	return i + 1 == CONTENT_SAMPLES ? room : step * i / SECTOR_BYTES * SECTOR_BYTES;
}

/* burner/session/digest.c: of a node's content, which is not empty.  buffer: CONTENT_WHOLE_BYTES.  Errors of the manifest's callbacks, -ENOMEM. */
int content_digest(const struct manifest *m, uint32_t node, uint8_t *buffer, uint8_t ret[CONTENT_DIGEST_BYTES]);

static inline void contents_header_encode(uint32_t n_entries, uint32_t n_runs, uint8_t header[CONTENTS_HEADER_BYTES])
{
	memset(header, 0, CONTENTS_HEADER_BYTES);
	memcpy(header, CONTENTS_MAGIC, 16);
	put_le32(header + 16, n_entries);
	put_le32(header + 20, n_runs);
}

/* bytes: of the whole table.  -EBADMSG: it is none of that length. */
static inline int contents_header_decode(const uint8_t header[CONTENTS_HEADER_BYTES], uint32_t bytes, uint32_t *ret_entries, uint32_t *ret_runs)
{
	uint64_t n_entries = get_le32(header + 16), n_runs = get_le32(header + 20);

	if (memcmp(header, CONTENTS_MAGIC, 16) != 0 || CONTENTS_HEADER_BYTES + n_entries * CONTENTS_ENTRY_BYTES + n_runs * CONTENTS_RUN_BYTES != bytes)
		return -EBADMSG;
	*ret_entries = (uint32_t)n_entries;
	*ret_runs = (uint32_t)n_runs;
	return 0;
}

static inline void content_entry_encode(const struct content_entry *e, uint8_t record[CONTENTS_ENTRY_BYTES])
{
	memcpy(record, e->digest, CONTENT_DIGEST_BYTES);
	put_le64(record + 16, e->size);
	put_le32(record + 24, e->where);
	put_le32(record + 28, e->n_runs);
}

static inline struct content_entry content_entry_decode(const uint8_t record[CONTENTS_ENTRY_BYTES])
{
	struct content_entry e = {.size = get_le64(record + 16), .where = get_le32(record + 24), .n_runs = get_le32(record + 28)};

	memcpy(e.digest, record, CONTENT_DIGEST_BYTES);
	return e;
}

#endif
