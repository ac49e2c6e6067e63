/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * twin.h - TW, a System Use entry of ours alone; readers skip entries that they do not know (SUSP 4)
 *
 * Only in sessions of ours whose application use says so (APPUSE_TWINS).  20 bytes, numbers little-endian:
 *	 4   4	LBA of the records of the directory's twin in the Joliet tree
 *	 8   4	its length in bytes; 0, 0: there is none
 *	12   4	sectors of continuation areas behind the directory's own records
 *	16   4	number of the attempt that gave the entry its Joliet name (joliet.h), from 0
 */
#ifndef BURNER_FORMAT_TWIN_H
#define BURNER_FORMAT_TWIN_H

#include "burner/format/susp.h"

#define TWIN_BYTES 20u

struct twin {
	uint32_t lba, bytes, area_sectors, attempt;
};
void twin_encode(const struct twin *twin, uint8_t entry[TWIN_BYTES]);
/* -EBADMSG: it is too short. */
int twin_decode(const uint8_t *entry, struct twin *ret);

#endif
