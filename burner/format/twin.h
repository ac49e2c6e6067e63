/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * twin.h - where a directory's Joliet twin is: a System Use entry of ours alone, as padding (PD, SUSP 5.2)
 *
 * Only in sessions of ours whose application use says so (APPUSE_TWINS).  Whatever stands in a PD entry readers ignore;
 * some refuse a whole disc for an entry that they do not know (pycdlib).  20 bytes, numbers little-endian:
 *	 0   4	PD, 20, 1
 *	 4   2	"TW": it is no other padding
 *	 6   4	LBA of the records of the directory's twin in the Joliet tree
 *	10   4	blocks of continuation areas behind the directory's own records
 *	14   3	blocks of the twin's records; 0: there is none
 *	17   3	number of the attempt that gave the entry its Joliet name (joliet.h), from 0
 *
 * It was an entry TW of as many bytes until version 0.2, which is read, too:
 *	 4   4	LBA of the twin
 *	 8   4	its length in bytes
 *	12   4	blocks of continuation areas
 *	16   4	number of the attempt
 */
#ifndef BURNER_FORMAT_TWIN_H
#define BURNER_FORMAT_TWIN_H

#include "burner/format/susp.h"

#define TWIN_BYTES 20u
#define TWIN_ATTEMPTS (1u << 24) /* below that */

struct twin {
	uint32_t lba, bytes, area_sectors, attempt; /* bytes: of whole blocks */
};
void twin_encode(const struct twin *twin, uint8_t entry[TWIN_BYTES]);
/* Of a PD or TW entry.  1, or 0: it is other padding; -EBADMSG: too short, or no such numbers. */
int twin_decode(const uint8_t *entry, struct twin *ret);

#endif
