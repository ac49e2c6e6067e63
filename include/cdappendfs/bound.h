/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bound.h - what a directory entry can cost at most (DESIGN 8, Space)
 *
 * Pure upper bounds of what burner/session writes; its unit tests hold the encoder to them.  Bytes count directory records
 * and continuation areas of one name in both trees; records do not cross sectors, so a sector may lose up to 253 bytes.
 */
#ifndef CDAPPENDFS_BOUND_H
#define CDAPPENDFS_BOUND_H

#include "cdappendfs/bytes.h"

#define BOUND_SECTIONS 90u		/* of one file, DESIGN 7 */
#define BOUND_FILE_BYTES (90ull * (0x100000000ull - 2048u))
/* A record of 254 bytes that does not fit, or an entry of 255 and the CE entry behind it, leave that much unused at the end of a sector. */
#define BOUND_SECTOR_PAYLOAD (2048u - 254u - 28u)
/* What every session has besides its directories and data: descriptors, path tables' rounding, commit record.  Before the length is rounded up to
 * BOUND_ALIGN_SECTORS.  The first session above a head at LBA 0 saves that too. */
#define BOUND_SESSION_SECTORS (20u + 6u + 1u)
#define BOUND_SAVED_HEAD_SECTORS 28u
#define BOUND_ALIGN_SECTORS 32u

/* Rock Ridge tree: the record (<= 254) and what does not fit goes to the continuation area. name and target in bytes. */
static inline uint64_t bound_record_bytes(uint64_t name_bytes, uint64_t target_bytes)
{
	/* fixed part, ISO name kept from an older session, PX, TF, CE, PN or ZF, TW, NM */
	uint64_t record = 34 + 34 + 44 + 26 + 28 + 20 + 20 + name_bytes + 5 * (name_bytes / 250 + 1);
	/* a slash may cost two bytes; the headers of SL entries and of the components they cut; CE entries of further areas */
	uint64_t link = target_bytes ? 2 * target_bytes + target_bytes / 200 * 16 + 80 : 0;
	return record + link + 2;
}
static inline uint64_t bound_joliet_bytes(uint64_t name_bytes)
{
	return 34 + 2 * (name_bytes < 64 ? name_bytes : 64);
}
/* Each section of a multi-extent file beyond the first repeats the record in both trees. */
static inline uint64_t bound_section_bytes(uint64_t sections) { return sections > 1 ? (sections - 1) * (2 * 254u) : 0; }
/* Sectors of a directory that holds so many bytes of records (and continuations), however they fall; with "." and "..". */
static inline uint64_t bound_directory_sectors(uint64_t bytes) { return (bytes + 256) / BOUND_SECTOR_PAYLOAD + 2; }
/* One pair of the link table. */
#define BOUND_LINK_BYTES 8u
/* Path table entries of one directory, L and M, both trees. */
static inline uint64_t bound_path_table_bytes(uint64_t name_bytes) { return 2 * (8 + 32) + 2 * (8 + 2 * (name_bytes < 64 ? name_bytes : 64) + 2); }

#endif
