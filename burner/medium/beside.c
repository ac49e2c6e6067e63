/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * beside.c - file systems that name the same files as the ISO 9660 tree: UDF (ECMA-167) and HFS, HFS+
 *
 * What is appended they will not show.  HFS (Inside Macintosh: Files, 2-60) and HFS+ (Apple TN1150) begin with a
 * header at byte 1024, of the disc or of a partition of type Apple_HFS in an Apple partition map (Inside Macintosh:
 * Devices, 3-12), whose blocks have 512, 1024 or 2048 bytes; its numbers are big-endian.  Hybrid discs may have the
 * map in two sizes of blocks, so each is tried.  A partition of that type with another file system (the firmware's
 * boot files, as a rule) is a file like any other, and stays.
 */
#include <string.h>

#include "burner/base/bytes.h"
#include "burner/medium/internal.h"

#define HEADER_AT 1024u
#define AREA_BYTES (SYSTEM_AREA_SECTORS * SECTOR_BYTES)
#define PARTITIONS_MAX 64u

/* HFS: signature, size of an allocation block at 20, length of the volume's name at 36.  HFS+: signature, version 4 (5:
 * HFSX) at 2, size of a block at 40. */
static bool is_header(const uint8_t *p)
{
	uint32_t bytes;

	if (memcmp(p, "BD", 2) == 0)
		return (bytes = get_be32(p + 20)) != 0 && bytes % 512 == 0 && p[36] >= 1 && p[36] <= 27;
	if (memcmp(p, "H+", 2) != 0 && memcmp(p, "HX", 2) != 0)
		return false;
	bytes = get_be32(p + 40);
	return (get_be16(p + 2) == 4 || get_be16(p + 2) == 5) && bytes >= 512 && !(bytes & (bytes - 1));
}

/* Does a volume begin at that byte? */
static int volume_at(struct disc *d, uint64_t pos, uint64_t n_sectors)
{
	uint8_t sectors[2 * SECTOR_BYTES];
	uint64_t at = pos + HEADER_AT, lba = at / SECTOR_BYTES;
	uint32_t n = at % SECTOR_BYTES ? 2 : 1;
	int r;

	if (lba + n > n_sectors)
		return 0;
	r = disc_read(d, (uint32_t)lba, sectors, n);
	return r < 0 ? r : is_header(sectors + at % SECTOR_BYTES);
}

/* An entry of a map: "PM", number of entries at 4, first block at 8, type at 48. */
static int in_map(struct disc *d, const uint8_t *area, uint32_t block_bytes, uint64_t n_sectors)
{
	uint32_t n = 1;

	for (uint32_t i = 1; i <= n && i <= PARTITIONS_MAX && (i + 1) * block_bytes <= AREA_BYTES; i++) {
		const uint8_t *p = area + (size_t)i * block_bytes;
		int r;

		if (memcmp(p, "PM", 2) != 0)
			break;
		n = get_be32(p + 4);
		if (strncmp((const char *)p + 48, "Apple_HFS", 9) != 0)
			continue;
		r = volume_at(d, (uint64_t)get_be32(p + 8) * block_bytes, n_sectors);
		if (r)
			return r;
	}
	return 0;
}

static int find_hfs(struct disc *d, uint64_t n_sectors)
{
	uint8_t area[AREA_BYTES];
	int r = disc_read(d, 0, area, SYSTEM_AREA_SECTORS);

	if (r < 0 || is_header(area + HEADER_AT))
		return r < 0 ? r : 1;
	for (uint32_t block_bytes = 512; r == 0 && block_bytes <= SECTOR_BYTES; block_bytes *= 2)
		r = in_map(d, area, block_bytes, n_sectors);
	return r;
}

int beside_look(struct disc *d, uint32_t session_lba, uint64_t n_sectors, struct session_list *list)
{
	int udf = guess_udf(d, session_lba), hfs = find_hfs(d, n_sectors);

	list->udf = udf > 0;
	list->hfs = hfs > 0;
	list->unreadable |= udf == -EIO || hfs == -EIO;
	return udf < 0 && udf != -EIO ? udf : hfs < 0 && hfs != -EIO ? hfs : 0;
}

const char *beside_refusal(const struct session_list *list, oddities accepted)
{
	if (!list->n || list->sessions[list->n - 1].ours)
		return NULL;
	if (list->udf && !(accepted & ODDITY_BIT(ODDITY_UDF)))
		return oddity_refusal(ODDITY_UDF);
	return list->hfs && !(accepted & ODDITY_BIT(ODDITY_HFS)) ? oddity_refusal(ODDITY_HFS) : NULL;
}
