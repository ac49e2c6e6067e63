/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * burner/format: checksum tags of libisofs, and the attribute isofs.ca
 *
 * Input: the attribute; or a tag's line: the last word, its MD5, is put behind it.
 */
#include "tests/fuzz/common/target.h"

#include <stdio.h>

#include "burner/format/checksums.h"

static void decode(const uint8_t sector[SECTOR_BYTES])
{
	uint8_t again[SECTOR_BYTES];
	struct tag t, u;

	if (!tag_decode(sector, &t))
		return;
	MUST(tag_encode(&t, again) == 0 && tag_decode(again, &u) && memcmp(u.md5, t.md5, MD5_BYTES) == 0);
	MUST(u.kind == t.kind && u.lba == t.lba && u.sectors == t.sectors && u.next_lba == t.next_lba);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t sector[SECTOR_BYTES] = {0}, md5[MD5_BYTES];
	size_t n = min_u64(size, SECTOR_BYTES - 64);
	struct checksums sums;

	if (checksums_decode(data, size, &sums) == 0)
		MUST(sums.n >= 2 && sums.array_lba > sums.start_lba);
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
