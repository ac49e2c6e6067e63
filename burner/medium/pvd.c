/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pvd.c - the few fields of a primary volume descriptor (ECMA-119 8.4) that tell sessions apart
 *
 * Where a descriptor is looked for that may be none, it must be right in all that tells one: block size, root record,
 * and that the root lies on the medium.  That of the head is taken as Linux takes it: the first primary one of the set,
 * if only its root, or that of the Joliet tree, begins on the medium.
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

/* Does the root directory begin on the medium? */
static bool root_is_on(const uint8_t sector[SECTOR_BYTES], uint32_t low, uint64_t n_sectors)
{
	uint32_t block;
	uint64_t lba;

	if (descriptor_root_lba(sector, &block) || !descriptor_block_bytes(sector))
		return false;
	lba = (uint64_t)block * descriptor_block_bytes(sector) >> SECTOR_SHIFT;
	return lba > DESCRIPTORS_LBA && lba >= low && lba < n_sectors;
}

int pvd_find(struct disc *d, uint32_t start_lba, uint64_t n_sectors, uint8_t ret[SECTOR_BYTES], uint32_t *ret_lba)
{
	uint32_t first = start_lba + SYSTEM_AREA_SECTORS;
	uint8_t sector[SECTOR_BYTES];
	bool any = false, usable = false, seen = false;

	/* A Joliet tree is looked for as well while none has a root.  Linux looks further; but behind these blocks
	 * sessions begin, and one that a burn has just begun is none. */
	for (uint32_t lba = first; !(any && usable) && lba - first < DESCRIPTORS_SECTORS; lba++) {
		int r = lba < n_sectors ? disc_read(d, lba, sector, 1) : -EIO;

		if (r < 0 && (lba == first || (r != -EIO && r != -EBADMSG)))
			return r;
		/* The head is written from its end: with nothing here yet it is none. */
		seen |= r == 0 && lba == first && is_volume_descriptor(sector);
		if (r < 0 || (is_volume_descriptor(sector) && descriptor_type(sector) == ISO_VD_END) ||
		    (any && !is_volume_descriptor(sector)))
			break;
		usable |= (descriptor_is_joliet(sector) || descriptor_is_any_primary(sector)) &&
			  root_is_on(sector, start_lba, n_sectors);
		if (any || !descriptor_is_any_primary(sector))
			continue;
		any = true;
		memcpy(ret, sector, SECTOR_BYTES);
		*ret_lba = lba;
	}
	if (!any && !seen)
		return -EMEDIUMTYPE;
	return any && usable ? 0 : -EBADMSG;
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
	ret->has_message = a->flags & APPUSE_MESSAGE;
	ret->tells_shared = a->flags & APPUSE_SHARED;
	ret->shared_bytes = a->shared_bytes;
	ret->found_bytes = a->found_bytes;
	ret->files_in_pieces = a->flags & APPUSE_PIECES ? a->files_in_pieces : PIECES_UNKNOWN;
	ret->parity_lba = a->parity_lba;
	ret->parity_sectors = a->parity_sectors;
	ret->adoption_lba = a->adoption_lba;
	ret->adoption_sectors = a->adoption_sectors;
	/* LBAs have 32 bits; the last one means "none". */
	ret->capacity_sectors = a->capacity_sectors < UINT32_MAX ? a->capacity_sectors : 0;
}
