/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fs/iso over one directory record: its System Use area and continuation areas, byte by byte
 *
 * Input: bytes of the System Use area (1 byte says how many, 2 more: flags of the record, SP's skip), then what is in
 * the continuation areas.
 */
#include "tests/fuzz/common/image.h"

#define AREA_SECTORS 3u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t base = IMAGE_HAND, zeros[SECTOR_BYTES];
	struct input in = {data, size}, whole = {&base, 1};
	uint8_t record[256] = {0}, skip;
	struct disc_image m;
	size_t n, id = 5;
	const uint8_t *bytes;

	walk_seed(hash_of(data, size));
	image_make(&m, &whole);
	bytes = take_bytes(&in, take_u8(&in), &n);
	n = min_u64(n, 255 - 33 - id);
	record[0] = (uint8_t)(33 + id + n);
	put_both32(record + 2, IMAGE_FILE_LBA + 8);
	put_both32(record + 10, 200);
	record[25] = take_u8(&in);
	record[32] = (uint8_t)id;
	memcpy(record + 33, "R.\0/;1", id);
	memcpy(record + 33 + id, bytes, n);
	skip = take_u8(&in) & 15;
	/* It is the only one behind the root's own two; SP's last byte is the skip. */
	n = m.data[IMAGE_ROOT_LBA * SECTOR_BYTES] + 34u;
	image_patch(&m, IMAGE_ROOT_LBA, (uint32_t)n, zeros, SECTOR_BYTES - n);
	image_patch(&m, IMAGE_ROOT_LBA, 34 + 6, &skip, 1);
	image_patch(&m, IMAGE_ROOT_LBA + 1, 0, zeros, SECTOR_BYTES);
	image_patch(&m, IMAGE_ROOT_LBA + 1, 0, record, record[0]);
	bytes = take_bytes(&in, AREA_SECTORS * SECTOR_BYTES, &n);
	image_patch(&m, IMAGE_AREA_LBA, 0, bytes, n);
	walk_session(&m.disc.disc, 16);
	image_release(&m);
	return 0;
}
