/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * partitions.c - does a partition lie behind the volume?
 *
 * Hybrid images (those that boot from a USB stick too) may carry a partition with the firmware's files behind the ISO
 * 9660 volume, which names only its own blocks: the next session would overwrite it.  MBR, GPT and Apple's map are
 * looked at, as far as they lie in the system area, the first two in blocks of 512 bytes.  A partition that begins
 * inside the volume and reaches beyond it is only padding there.
 */
#include "burner/medium/internal.h"

#include <string.h>

#include "burner/base/bytes.h"

#define BLOCK_BYTES 512u
#define AREA_BYTES (SYSTEM_AREA_SECTORS * SECTOR_BYTES)
#define GPT_ENTRY_BYTES 128u

struct area {
	uint8_t bytes[AREA_BYTES];
	uint64_t low, high; /* bytes of the disc: behind the volume */
};

static bool behind(const struct area *a, uint64_t first_block)
{
	return first_block < a->high / BLOCK_BYTES && first_block >= a->low / BLOCK_BYTES;
}

/* Four records at 446: type at 4, first block at 8. */
static bool mbr_behind(const struct area *a)
{
	if (get_le16(a->bytes + 510) != 0xaa55)
		return false;
	for (const uint8_t *p = a->bytes + 446; p < a->bytes + 510; p += 16)
		if (p[4] && behind(a, get_le32(p + 8)))
			return true;
	return false;
}

/* UEFI 5.3.2: array's block at 72, entries at 80, their size at 84; of each its type at 0 and first block at 32. */
static bool gpt_behind(const struct area *a)
{
	const uint8_t *header = a->bytes + BLOCK_BYTES;
	uint64_t at = get_le64(header + 72);
	uint32_t n = get_le32(header + 80), size = get_le32(header + 84);
	static const uint8_t unused[16];

	if (memcmp(header, "EFI PART", 8) != 0 || at >= AREA_BYTES / BLOCK_BYTES || size < GPT_ENTRY_BYTES ||
	    size > BLOCK_BYTES)
		return false;
	for (at *= BLOCK_BYTES; n && at + size <= AREA_BYTES; n--, at += size)
		if (memcmp(a->bytes + at, unused, sizeof(unused)) != 0 && behind(a, get_le64(a->bytes + at + 32)))
			return true;
	return false;
}

/*
 * Apple's map (Inside Macintosh: Devices, 3-13 and 3-26): block 0 has "ER" and at 2 the block size; from block 1 on an
 * entry a block: "PM", at 4 how many there are, 8 the first block, 48 the type.
 */
static bool apple_behind(const struct area *a)
{
	uint32_t bytes = !memcmp(a->bytes, "ER", 2) ? get_be16(a->bytes + 2) : BLOCK_BYTES;

	if (bytes < BLOCK_BYTES || bytes % BLOCK_BYTES)
		bytes = BLOCK_BYTES;
	for (uint32_t i = 1, n = 1; i <= n && (i + 1) * bytes <= AREA_BYTES; i++) {
		const uint8_t *p = a->bytes + (size_t)i * bytes;
		uint64_t first = (uint64_t)get_be32(p + 8) * bytes;

		if (memcmp(p, "PM", 2) != 0)
			return false;
		n = get_be32(p + 4);
		if (strncmp((const char *)p + 48, "Apple_Free", 10) != 0 &&
		    strncmp((const char *)p + 48, "Apple_Void", 10) != 0 && first >= a->low && first < a->high)
			return true;
	}
	return false;
}

int partition_behind(struct disc *d, uint64_t end_sectors, uint64_t n_sectors)
{
	struct area a = {.low = end_sectors * SECTOR_BYTES, .high = n_sectors * SECTOR_BYTES};

	int r = disc_read(d, 0, a.bytes, SYSTEM_AREA_SECTORS);

	return r < 0 ? r : mbr_behind(&a) || gpt_behind(&a) || apple_behind(&a);
}
