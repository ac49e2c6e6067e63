/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * checksums.h - MD5 sums as libisofs has them (xorriso -md5 on): tags of a session, sums of its files
 *
 * Tags are lines of text in blocks of their own.  Three of them follow the descriptors, the directories and the data of
 * a session: each has the MD5 of all blocks from the session's first one up to itself, the first two say where the next
 * is.  A fourth is for blocks 16 to 31 and is not looked at.  In front of the third lies an array of MD5 sums: entry 0
 * is of the session up to the array, 1 to n of its files, as they are stored, n + 1 of all entries before it.  The
 * attribute "isofs.ca" of the root says where the array is, "isofs.cx" of a file which entry is its own.  Described in
 * libisofs, doc/checksums.txt and susp_aaip_isofs_names.txt.
 */
#ifndef BURNER_FORMAT_CHECKSUMS_H
#define BURNER_FORMAT_CHECKSUMS_H

#include <stdbool.h>
#include <stdint.h>

#include "burner/base/bytes.h"
#include "burner/base/md5.h"

enum tag_kind { TAG_DESCRIPTORS, TAG_TREE, TAG_SESSION };
struct tag {
	enum tag_kind kind;
	uint32_t lba;		     /* of itself */
	uint32_t start_lba, sectors; /* what it is of */
	uint32_t next_lba;	     /* 0: it is the last */
	uint8_t md5[MD5_BYTES];
};
/* False: it is none, is damaged, or says what cannot be. */
bool tag_decode(const uint8_t sector[SECTOR_BYTES], struct tag *ret);
/* As md5_of(). */
int tag_encode(const struct tag *t, uint8_t sector[SECTOR_BYTES]);

/* The value of isofs.ca: numbers of 4 bytes and one of 1, each behind its length, and the kind of the sums. */
struct checksums {
	uint32_t start_lba, array_lba; /* of the session; of the array */
	uint32_t n;		       /* entries: those of files, and two */
};
#define CHECKSUMS_ROOT_NAME "isofs.ca"
#define CHECKSUMS_ROOT_BYTES 20u
void checksums_encode(const struct checksums *c, uint8_t ret[CHECKSUMS_ROOT_BYTES]);
/* -EBADMSG: it is none of MD5 sums, or says what cannot be. */
int checksums_decode(const uint8_t *value, size_t bytes, struct checksums *ret);
/* The value of isofs.cx: an entry of the array, big-endian. */
#define CHECKSUMS_FILE_NAME "isofs.cx"
#define CHECKSUMS_FILE_BYTES 4u
/* A sum of zeros: the file could not be read when it was summed. */
bool checksum_is_none(const uint8_t md5[MD5_BYTES]);
/* Sectors of the array for so many files, without the tag behind it. */
static inline uint64_t checksums_sectors(uint64_t files) { return sectors_of((files + 2) * MD5_BYTES); }

#endif
