/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fs/iso/zisofs.c: what the ZF entry and the file say
 *
 * Input: algorithm, header words, block shift (1 byte each), size (number), flags (1); then the file.  Flag 1: its
 * header is made to agree with the entry; flag 2: the file is in two extents; flag 4: it is on the disc only in part;
 * flag 8: the file is made, of compressed blocks, and what follows is damage to it (place, 2 bytes, and value).
 */
#include <errno.h>
#include <zlib.h>

#include "burner/base/own.h"
#include "fs/iso/iso.h"
#include "tests/fuzz/common/target.h"
#include "tests/fuzz/common/walk.h"

#define FILE_SECTORS 32u
#define MADE_MAX_BYTES 100000u

static void make_header(uint8_t *file, const struct zisofs *z, uint64_t size)
{
	static const uint8_t magic1[8] = {0x37, 0xe4, 0x53, 0x96, 0xc9, 0xdb, 0xd6, 0x07},
			     magic2[8] = {0xef, 0x22, 0x55, 0xa1, 0xbc, 0x1b, 0x95, 0xa0};

	if (z->algorithm[0] == 'P') {
		const uint8_t about[4] = {0, z->header_words, 1, z->block_shift};

		memcpy(file, magic2, 8);
		memcpy(file + 8, about, 4);
		put_le64(file + 12, size);
	} else {
		memcpy(file, magic1, 8);
		put_le32(file + 8, (uint32_t)size);
		file[12] = z->header_words;
		file[13] = z->block_shift;
	}
}

/* Streams for blocks of 1 << block_shift bytes, as many as have room; every fourth block is zeros. Returns the length
 * of the file. */
static size_t make_blocks(uint8_t *file, const struct zisofs *z, uint64_t size)
{
	static uint8_t block[1 << 20];
	size_t header = z->header_words * 4u, width = z->algorithm[0] == 'P' ? 8 : 4;
	uint64_t bytes = 1ull << (z->block_shift & 31), n = (size + bytes - 1) / bytes;
	size_t at = header + (size_t)min_u64(n + 1, 1000) * width;

	if (bytes > sizeof(block) || n > 999 || size > MADE_MAX_BYTES)
		return FILE_SECTORS * SECTOR_BYTES;
	for (uint64_t i = 0; i <= n; i++) {
		uLongf room = FILE_SECTORS * SECTOR_BYTES - at;
		size_t length = (size_t)min_u64(bytes, size - min_u64(size, i * bytes));

		put_le32(file + header + i * width, (uint32_t)at);
		memset(block, (int)i, length);
		if (i < n && i % 4 != 3 && compress(file + at, &room, block, length) == Z_OK)
			at += room;
	}
	return at;
}

static void read_all(struct disc *d, const struct zisofs *z, const struct extent *e, uint32_t n, uint64_t size)
{
	static uint8_t buf[300000];
	const uint64_t places[] = {0, 1, 4095, 4096, size / 2, size - 1, walk_below(size)};

	for (size_t i = 0; i < ARRAY_LENGTH(places); i++) {
		uint64_t at = min_u64(places[i], size);
		int r = iso_zisofs_read(d, z, e, n, size, at, buf, min_u64(1 + walk_below(sizeof(buf)), size - at));

		MUST(r == 0 || r == -EBADMSG || r == -EIO || r == -EINVAL);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	struct zisofs z = {.algorithm = {take_u8(&in) & 1 ? 'P' : 'p', 'Z'},
			   .header_words = take_u8(&in),
			   .block_shift = take_u8(&in)};
	uint64_t uncompressed = take_number(&in);
	uint8_t flags = take_u8(&in);
	static uint8_t file[FILE_SECTORS * SECTOR_BYTES];
	struct memory_disc disc;
	size_t n;
	const uint8_t *bytes = take_bytes(&in, sizeof(file), &n);
	struct extent e[2] = {{.length = n, .kind = EXTENT_DISC}};
	uint32_t n_extents = n > 0;

	walk_seed(hash_of(data, size));
	memset(file, 0, sizeof(file));
	if (flags & 8) {
		in = (struct input){bytes, n};
		n = make_blocks(file, &z, uncompressed);
		e[0].length = n;
		n_extents = 1;
	} else {
		memcpy(file, bytes, n);
	}
	if (flags & 1)
		make_header(file, &z, uncompressed);
	while (flags & 8 && in.left) {
		uint16_t at = take_u16(&in);

		file[at % sizeof(file)] = take_u8(&in);
	}
	if (flags & 2 && n > 1) {
		e[0].length = n / 2;
		e[1] = (struct extent){.offset = n / 2, .length = n - n / 2, .pos = n / 2, .kind = EXTENT_DISC};
		n_extents = 2;
	}
	memory_disc_init(&disc, file, flags & 4 ? FILE_SECTORS / 2 : FILE_SECTORS);
	read_all(&disc.disc, &z, e, n_extents, uncompressed);
	return 0;
}
