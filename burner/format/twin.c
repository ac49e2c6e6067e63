/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/format/twin.h"

#include <assert.h>
#include <errno.h>

#define MAGIC SUSP_SIGNATURE('T', 'W')

static void put_le24(uint8_t *p, uint32_t v)
{
	put_le16(p, (uint16_t)v);
	p[2] = (uint8_t)(v >> 16);
}

static uint32_t get_le24(const uint8_t *p) { return get_le16(p) | (uint32_t)p[2] << 16; }

void twin_encode(const struct twin *twin, uint8_t entry[TWIN_BYTES])
{
	assert(twin->bytes % SECTOR_BYTES == 0 && twin->attempt < TWIN_ATTEMPTS);
	susp_header_encode(SUSP_SIGNATURE('P', 'D'), TWIN_BYTES, 1, entry);
	put_be16(entry + 4, MAGIC);
	put_le32(entry + 6, twin->lba);
	put_le32(entry + 10, twin->area_sectors);
	put_le24(entry + 14, twin->bytes / SECTOR_BYTES);
	put_le24(entry + 17, twin->attempt);
}

static int decode_padding(const uint8_t *entry, struct twin *ret)
{
	uint32_t sectors;

	if (susp_length(entry) != TWIN_BYTES || get_be16(entry + 4) != MAGIC)
		return 0;
	sectors = get_le24(entry + 14);
	if (sectors > UINT32_MAX / SECTOR_BYTES)
		return -EBADMSG;
	*ret = (struct twin){get_le32(entry + 6), sectors * SECTOR_BYTES, get_le32(entry + 10), get_le24(entry + 17)};
	return 1;
}

int twin_decode(const uint8_t *entry, struct twin *ret)
{
	struct twin twin;

	if (susp_signature(entry) == SUSP_SIGNATURE('P', 'D'))
		return decode_padding(entry, ret);
	if (susp_length(entry) < TWIN_BYTES)
		return -EBADMSG;
	twin = (struct twin){get_le32(entry + 4), get_le32(entry + 8), get_le32(entry + 12), get_le32(entry + 16)};
	if (twin.bytes % SECTOR_BYTES || twin.attempt >= TWIN_ATTEMPTS)
		return -EBADMSG;
	*ret = twin;
	return 1;
}
