/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pvd.c - the few fields of a primary volume descriptor (ECMA-119 8.4) that tell sessions apart
 *
 * Tolerant where readers are (the both-endian halves are not compared, escape sequences not looked at), strict where
 * a wrong value would lead astray: block size, root record, and that the root lies on the medium.
 */
#include <string.h>

#include "burner/format/date.h"
#include "burner/medium/internal.h"
#include "burner/base/own.h"

int pvd_check(const uint8_t sector[SECTOR_BYTES], uint64_t low, uint64_t n_sectors)
{
	const uint8_t *root = sector + 156;
	uint64_t lba = get_le32(root + 2), sectors = sectors_of(get_le32(root + 10));

	if (sector[0] != 1 || memcmp(sector + 1, "CD001", 5) != 0 || sector[6] != 1 ||
	    get_le16(sector + 128) != SECTOR_BYTES)
		return -EBADMSG;
	if (root[0] < 34 || !(root[25] & 2) || sectors == 0 || lba <= DESCRIPTORS_LBA || lba < low ||
	    lba + sectors > n_sectors)
		return -EBADMSG;
	return 0;
}

void pvd_session(const uint8_t sector[SECTOR_BYTES], uint32_t start_lba, uint32_t descriptor_lba,
		 struct disc_session *ret)
{
	struct timespec created;
	size_t n = 32;

	memset(ret, 0, sizeof(*ret));
	ret->start_lba = start_lba;
	ret->descriptor_lba = descriptor_lba;
	ret->sectors = get_le32(sector + 80);
	if (date_decode_long(sector + 813, &created))
		ret->created = created.tv_sec;
	while (n > 0 && (sector[40 + n - 1] == ' ' || sector[40 + n - 1] == 0))
		n--;
	memcpy(ret->volume_id, sector + 40, n);
}

void pvd_session_ours(const struct appuse *a, struct disc_session *ret)
{
	memcpy(ret->uuid, a->uuid, sizeof(ret->uuid));
	ret->tells_shared = a->flags & APPUSE_SHARED;
	ret->shared_bytes = a->shared_bytes;
	ret->found_bytes = a->found_bytes;
}
