/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * path_table.h - records of path tables (ECMA-119 9.4)
 *
 *	0  1	length of the identifier
 *	1  1	length of the extended attribute record, in blocks
 *	2  4	location of the extent; little-endian in a table of type L, big-endian in one of type M
 *	6  2	number of the parent directory, from 1; likewise
 *	8	the identifier, and a byte of zero when its length is odd
 */
#ifndef BURNER_FORMAT_PATH_TABLE_H
#define BURNER_FORMAT_PATH_TABLE_H

#include "burner/base/bytes.h"

#define PATH_RECORD_FIXED_BYTES 8u
#define PATH_RECORD_MAX (PATH_RECORD_FIXED_BYTES + 256u)
#define PATH_RECORD_MIN (PATH_RECORD_FIXED_BYTES + 2u)
#define PATH_PARENTS_MAX 65535u /* numbers of parents have 16 bits */

enum path_table_type { PATH_TABLE_L, PATH_TABLE_M };

struct path_record {
	const uint8_t *identifier;
	uint8_t identifier_bytes, attribute_blocks;
	uint16_t parent;
	uint32_t lba;
};

/* Of a record, with its padding. */
static inline unsigned path_record_bytes(unsigned identifier_bytes)
{
	return PATH_RECORD_FIXED_BYTES + identifier_bytes + identifier_bytes % 2;
}
void path_record_encode(const struct path_record *r, enum path_table_type type, uint8_t *ret);
/* Looks only at the fixed bytes: the identifier is where it must be.  -EBADMSG: without identifier or parent. */
int path_record_decode(const uint8_t *bytes, enum path_table_type type, struct path_record *ret);

#endif
