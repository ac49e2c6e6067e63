/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * link_table.h - the link table of a session: which directories hold the names of files that have several
 *
 * All numbers little-endian.
 *	 0  16	magic "CDAPPENDFS-LNK 1"
 *	16   4	pairs of the first section: (serial number of a file, of a directory that holds a name of it)
 *	20   4	pairs of the second: (serial number of a directory, of its parent); directories of the first
 *		section and all above but the root
 *	32	the pairs, 4 + 4 bytes each; both sections in ascending order, without equals
 * Some pairs may speak of directories that are gone.
 */
#ifndef BURNER_FORMAT_LINK_TABLE_H
#define BURNER_FORMAT_LINK_TABLE_H

#include "burner/base/bytes.h"

#define LINKS_MAGIC "CDAPPENDFS-LNK 1" /* 16 bytes without the terminator */
#define LINKS_HEADER_BYTES 32u
#define LINKS_PAIR_BYTES 8u
#define LINKS_PAIRS_MAX (1u << 27) /* of a section */

struct link_pair {
	uint32_t child, parent;
};

/* For search_first() with a struct link_pair as key. */
static inline bool link_pair_before(const void *list, size_t i, const void *key)
{
	const struct link_pair *a = (const struct link_pair *)list + i, *b = key;

	return a->child < b->child || (a->child == b->child && a->parent < b->parent);
}

static inline void link_pair_encode(const struct link_pair *pair, uint8_t record[LINKS_PAIR_BYTES])
{
	put_le32(record, pair->child);
	put_le32(record + 4, pair->parent);
}

static inline struct link_pair link_pair_decode(const uint8_t record[LINKS_PAIR_BYTES])
{
	return (struct link_pair){get_le32(record), get_le32(record + 4)};
}

void links_header_encode(uint32_t n_names, uint32_t n_ways, uint8_t header[LINKS_HEADER_BYTES]);
/* bytes: of the whole table.  -EBADMSG: it is none of that length. */
int links_header_decode(const uint8_t header[LINKS_HEADER_BYTES], uint32_t bytes, uint32_t *ret_names,
			uint32_t *ret_ways);

#endif
