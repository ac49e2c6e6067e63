/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pvd.c - the few fields of a primary volume descriptor (ECMA-119 8.4) that tell sessions apart
 *
 * Tolerant where readers are (the both-endian halves are not compared, escape sequences not looked at), strict where
 * a wrong value would lead astray: block size, root record, and that the root lies on the medium.
 */
#include <string.h>

#include "burner/format/volume_descriptor.h"
#include "burner/medium/internal.h"
#include "burner/base/own.h"

int pvd_check(const uint8_t sector[SECTOR_BYTES], uint64_t low, uint64_t n_sectors)
{
	const uint8_t *root = descriptor_root(sector);
	uint64_t lba = record_extent(root), sectors = sectors_of(record_bytes(root));

	if (!descriptor_is_primary(sector))
		return -EBADMSG;
	if (record_length(root) < RECORD_MIN_BYTES || !(record_flags(root) & ISO_DIRECTORY) || sectors == 0 ||
	    lba <= DESCRIPTORS_LBA || lba < low || lba + sectors > n_sectors)
		return -EBADMSG;
	return 0;
}

void pvd_session(const uint8_t sector[SECTOR_BYTES], uint32_t start_lba, uint32_t descriptor_lba,
		 struct disc_session *ret)
{
	struct timespec created;

	memset(ret, 0, sizeof(*ret));
	ret->files_in_pieces = PIECES_UNKNOWN;
	ret->start_lba = start_lba;
	ret->descriptor_lba = descriptor_lba;
	ret->sectors = descriptor_space_sectors(sector);
	if (descriptor_created(sector, &created))
		ret->created = created.tv_sec;
	descriptor_volume_id(sector, ret->volume_id);
}

void pvd_session_ours(const struct appuse *a, struct disc_session *ret)
{
	memcpy(ret->uuid, a->uuid, sizeof(ret->uuid));
	ret->tells_shared = a->flags & APPUSE_SHARED;
	ret->shared_bytes = a->shared_bytes;
	ret->found_bytes = a->found_bytes;
	ret->files_in_pieces = a->flags & APPUSE_PIECES ? a->files_in_pieces : PIECES_UNKNOWN;
	/* LBAs have 32 bits; the last one means "none". */
	ret->capacity_sectors = a->capacity_sectors < UINT32_MAX ? a->capacity_sectors : 0;
}
