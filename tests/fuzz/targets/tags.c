/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fs/check: checksum tags of libisofs
 *
 * Input: a tag's line; the last word, its MD5, is put behind it.
 */
#include "tests/fuzz/common/target.h"

#include <stdio.h>

#include "fs/check/tags.h"

static void decode(const uint8_t sector[SECTOR_BYTES])
{
	struct tag t;

	if (!tag_decode(sector, &t))
		return;
	MUST(t.kind <= TAG_SESSION && (uint64_t)t.start_lba + t.sectors == t.lba);
	MUST(!t.next_lba || t.next_lba > t.lba);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t sector[SECTOR_BYTES] = {0}, md5[MD5_BYTES];
	size_t n = min_u64(size, SECTOR_BYTES - 64);

	memcpy(sector, data, n);
	decode(sector);
	MUST(md5_of(sector, n, md5) == 0);
	memcpy(sector + n, " self=", 6);
	for (unsigned i = 0; i < MD5_BYTES; i++)
		snprintf((char *)sector + n + 6 + 2 * (size_t)i, 3, "%02x", md5[i]);
	sector[n + 6 + 2 * MD5_BYTES] = '\n';
	decode(sector);
	return 0;
}
