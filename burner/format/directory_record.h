/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * directory_record.h - directory records (ECMA-119 9.1), bytes as libiso9660's iso9660_dir_t has them
 *
 * A disc's records are read where they are, byte by byte: nothing is copied, no alignment is needed, and what the disc
 * says is looked at by record_is_sound() first.  Of numbers in both byte orders the little-endian half counts, as in
 * Linux: from_733() takes it too, but shifts into the sign bit.  Flags: ISO_DIRECTORY, ISO_ASSOCIATED, ISO_MULTIEXTENT
 * (cdio/iso9660.h).  Any thread.
 */
#ifndef BURNER_FORMAT_DIRECTORY_RECORD_H
#define BURNER_FORMAT_DIRECTORY_RECORD_H

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cdio/iso9660.h>

#include "burner/base/bytes.h"

#define RECORD_MIN_BYTES 34u  /* one byte of identifier: "." and the root's, too */
#define RECORD_MAX_BYTES 254u /* even, and its length has 8 bits */

static_assert(sizeof(iso9660_dir_t) == 33 && offsetof(iso9660_dir_t, extent) == 2 &&
		      offsetof(iso9660_dir_t, size) == 10 && offsetof(iso9660_dir_t, recording_time) == 18 &&
		      offsetof(iso9660_dir_t, file_flags) == 25 && offsetof(iso9660_dir_t, filename) == 32,
	      "ECMA-119 9.1, byte positions from 0");

static inline uint8_t record_length(const uint8_t *r) { return r[offsetof(iso9660_dir_t, length)]; }
static inline uint8_t record_flags(const uint8_t *r) { return r[offsetof(iso9660_dir_t, file_flags)]; }
static inline uint8_t record_id_length(const uint8_t *r) { return r[offsetof(iso9660_dir_t, filename)]; }
static inline const uint8_t *record_id(const uint8_t *r) { return r + sizeof(iso9660_dir_t); }
static inline const uint8_t *record_date(const uint8_t *r) { return r + offsetof(iso9660_dir_t, recording_time); }
/* Data Length. */
static inline uint32_t record_bytes(const uint8_t *r) { return get_le32(r + offsetof(iso9660_dir_t, size)); }
/* Location of Extent: its extended attribute record, if it has one. */
static inline uint32_t record_extent(const uint8_t *r) { return get_le32(r + offsetof(iso9660_dir_t, extent)); }
/* Numbers in both byte orders: do their halves say the same? */
static inline bool halves_agree32(const uint8_t *number) { return get_le32(number) == get_be32(number + 4); }
static inline bool record_halves_agree(const uint8_t *r)
{
	return halves_agree32(r + offsetof(iso9660_dir_t, extent)) && halves_agree32(r + offsetof(iso9660_dir_t, size));
}
/* Where the data begin: behind the extended attribute record. -EBADMSG when no disc has such an address. */
static inline int record_lba(const uint8_t *r, uint32_t *ret)
{
	uint32_t extended = r[offsetof(iso9660_dir_t, xa_length)];

	return __builtin_add_overflow(record_extent(r), extended, ret) ? -EBADMSG : 0;
}
/* A unit without a gap is one run of blocks. */
static inline bool record_is_interleaved(const uint8_t *r) { return r[offsetof(iso9660_dir_t, interleave_gap)]; }
static inline bool record_is_dot(const uint8_t *r) { return record_id_length(r) == 1 && record_id(r)[0] == 0; }
static inline bool record_is_dots(const uint8_t *r) { return record_id_length(r) == 1 && record_id(r)[0] <= 1; }
/* Where the System Use area begins: behind an identifier of so many bytes and its padding. */
static inline unsigned record_system_use_at(unsigned id_length)
{
	return (unsigned)sizeof(iso9660_dir_t) + id_length + !(id_length & 1);
}
static inline const uint8_t *record_system_use(const uint8_t *r, size_t *ret_n)
{
	unsigned start = record_system_use_at(record_id_length(r));

	*ret_n = start < record_length(r) ? record_length(r) - start : 0;
	return r + start;
}
/* A record at r with so many bytes up to the end of its sector or directory. */
static inline bool record_is_sound(const uint8_t *r, uint32_t room)
{
	return record_length(r) >= RECORD_MIN_BYTES && record_length(r) <= room && record_id_length(r) &&
	       sizeof(iso9660_dir_t) + record_id_length(r) <= record_length(r);
}

struct directory_record {
	const uint8_t *identifier;
	unsigned identifier_bytes;
	uint32_t lba, bytes;
	uint8_t flags;
	int64_t time; /* seconds since the epoch */
};
/* The record up to its System Use area; length: of all of it. Padding is left as it is. */
void record_encode(const struct directory_record *r, unsigned length, uint8_t *ret);

#endif
