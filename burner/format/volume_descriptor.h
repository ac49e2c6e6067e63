/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * volume_descriptor.h - volume descriptors (ECMA-119 8), bytes as libiso9660's iso9660_pvd_t and iso9660_svd_t
 *
 * Types: ISO_VD_BOOT_RECORD, ISO_VD_PRIMARY, ISO_VD_SUPPLEMENTARY, ISO_VD_END (cdio/iso9660.h); of a boot record see
 * el_torito.h.  A descriptor is a sector; is_volume_descriptor(), and for the fields descriptor_is_primary() or
 * _is_joliet(), come first.  Of numbers in both byte orders the little-endian half counts.  Any thread.
 */
#ifndef BURNER_FORMAT_VOLUME_DESCRIPTOR_H
#define BURNER_FORMAT_VOLUME_DESCRIPTOR_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include <cdio/iso9660.h>

#include "burner/format/directory_record.h"

#define VOLUME_ID_BYTES ((unsigned)ISO_MAX_VOLUME_ID)
/* Where a field of iso9660_pvd_t is; a supplementary descriptor has the same there. */
#define DESCRIPTOR_FIELD(d, field) ((d) + offsetof(iso9660_pvd_t, field))

/* Any type: the Standard Identifier. */
bool is_volume_descriptor(const uint8_t sector[SECTOR_BYTES]);
static inline uint8_t descriptor_type(const uint8_t *d) { return *DESCRIPTOR_FIELD(d, type); }
/* A set of descriptors ends here: by its terminator, or by what is none. */
bool descriptor_ends_set(const uint8_t sector[SECTOR_BYTES]);
/* A primary one as it should be: of version 1 and with logical blocks of 2048 bytes. */
bool descriptor_is_primary(const uint8_t sector[SECTOR_BYTES]);
/* Its logical blocks: 512, 1024 or 2048 bytes; 0: none of these. */
unsigned descriptor_block_bytes(const uint8_t d[SECTOR_BYTES]);
/* A primary one as Linux takes it: of any version, with one of these block sizes. */
bool descriptor_is_any_primary(const uint8_t d[SECTOR_BYTES]);
/* Where the root directory is, in blocks: behind its extended attribute record. The record's other fields say nothing
 * that its "." does not say better.  -EBADMSG when no disc has such an address. */
int descriptor_root_lba(const uint8_t d[SECTOR_BYTES], uint32_t *ret_lba);
/* Numbers in both byte orders that readers use: do their halves agree? */
bool descriptor_halves_agree(const uint8_t d[SECTOR_BYTES]);
/* Is the root's record, and the version, what ECMA-119 8.4 has?  If not, other readers may see another disc, or none.
 */
bool descriptor_is_regular(const uint8_t d[SECTOR_BYTES]);
/* A supplementary one with an escape sequence of Joliet: UCS-2 level 1, 2 or 3. */
bool descriptor_is_joliet(const uint8_t sector[SECTOR_BYTES]);

/* The directory record of the root, 34 bytes. */
static inline const uint8_t *descriptor_root(const uint8_t *d) { return DESCRIPTOR_FIELD(d, root_directory_record); }
/* Volume Space Size, of blocks of any size. */
uint32_t descriptor_space_sectors(const uint8_t d[SECTOR_BYTES]);
/* The same; -EBADMSG when its halves differ. */
int descriptor_space_agreed(const uint8_t d[SECTOR_BYTES], uint32_t *ret_sectors);
void descriptor_set_space_sectors(uint8_t d[SECTOR_BYTES], uint32_t sectors);
/* As recorded, without the blanks and zeros at the end; its length (there may be zeros in it). */
size_t descriptor_volume_id(const uint8_t d[SECTOR_BYTES], char ret[VOLUME_ID_BYTES + 1]);
/* Volume Creation Date and Time, by the rule of date.h. */
bool descriptor_created(const uint8_t d[SECTOR_BYTES], struct timespec *ret);

/* One tree's path table: type L and type M have the same length. */
struct path_table {
	uint32_t lba[2], bytes; /* L, M */
};
void descriptor_path_table(const uint8_t d[SECTOR_BYTES], struct path_table *ret);

/* What a descriptor of ours says; the application's part is appuse_encode()'s. */
struct volume {
	uint8_t type; /* ISO_VD_PRIMARY; ISO_VD_SUPPLEMENTARY: Joliet, UCS-2 level 3 */
	const char *system_id, *volume_id, *application_id;
	uint32_t space_sectors;
	struct path_table table;
	uint32_t root_lba, root_bytes;
	int64_t root_time, created;
	/*
	 * NULL, or an older descriptor whose labels it keeps: the identifiers of system, volume (when volume_id is
	 * NULL), volume set, publisher, data preparer, application and of the three files, volume set size, volume
	 * sequence number, dates of expiration and effect.  As bytes, whatever their character set; of a descriptor of
	 * another type the identifiers as text.
	 */
	const uint8_t *labels;
};
void descriptor_encode(const struct volume *v, uint8_t ret[SECTOR_BYTES]);
void descriptor_encode_terminator(uint8_t ret[SECTOR_BYTES]);

#endif
