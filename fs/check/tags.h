/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tags.h - checksum tags of libisofs (xorriso -md5 on): lines of text in blocks of their own
 *
 * Three of them follow the descriptors, the directories and the data of a session: each has the MD5 of all blocks from
 * the session's first one up to itself, the first two say where the next is.  Described in libisofs, doc/checksums.txt.
 */
#ifndef FS_CHECK_TAGS_H
#define FS_CHECK_TAGS_H

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

#endif
