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
#define BOUND_SECTOR_PAYLOAD (2048u - 254u)
/* Descriptors, saved head, commit record, root directories, path tables' rounding, alignment of start and end. */
#define BOUND_SESSION_SECTORS (48u + 1u + 8u + 8u + 32u + 32u)

/* Rock Ridge tree: the record (<= 254) and what does not fit goes to the continuation area. name and target in bytes. */
static inline uint64_t bound_record_bytes(uint64_t name_bytes, uint64_t target_bytes)
{
	uint64_t record = 34 + 14 + 28 + 44 + 26 + 16 + name_bytes + 5 * (name_bytes / 250 + 1);
	uint64_t link = target_bytes ? target_bytes + target_bytes / 2 + 2 * 8 + target_bytes / 100 * 40 + 64 : 0;
	return record + link + 16;
}
static inline uint64_t bound_joliet_bytes(uint64_t name_bytes)
{
	return 34 + 2 * (name_bytes < 64 ? name_bytes : 64);
}
/* Each section of a multi-extent file beyond the first repeats the record in both trees. */
static inline uint64_t bound_section_bytes(uint64_t sections) { return sections > 1 ? (sections - 1) * (2 * 200u) : 0; }
/* Sectors of a directory that holds so many bytes of records (and continuations), however they fall. */
static inline uint64_t bound_directory_sectors(uint64_t bytes) { return bytes / BOUND_SECTOR_PAYLOAD + 2; }
/* Path table entries of one directory, L and M, both trees. */
static inline uint64_t bound_path_table_bytes(uint64_t name_bytes) { return 2 * (8 + 32) + 2 * (8 + 2 * (name_bytes < 64 ? name_bytes : 64) + 2); }

#endif
