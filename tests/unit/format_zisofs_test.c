/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * format_zisofs_test.c - headers and blocks of compressed files, both ways
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "burner/format/zisofs.h"

static void test_header(void **state)
{
	/* What mkzftree writes for 100,000 bytes. */
	static const uint8_t wanted[16] = {0x37, 0xe4, 0x53, 0x96, 0xc9, 0xdb, 0xd6, 0x07, 0xa0, 0x86, 1, 0, 4, 15};
	uint8_t header[ZISOFS_HEADER_MAX] = {0};
	uint32_t header_bytes, pointer_bytes;
	struct zisofs other = zisofs_written;

	(void)state;
	zisofs_header_encode(100000, header);
	assert_memory_equal(header, wanted, sizeof(wanted));
	assert_true(zisofs_measure(&zisofs_written, &header_bytes, &pointer_bytes));
	assert_true(header_bytes == 16 && pointer_bytes == 4);
	assert_true(zisofs_header_agrees(&zisofs_written, header, 100000));
	assert_false(zisofs_header_agrees(&zisofs_written, header, 100001));
	other.block_shift = 16;
	assert_false(zisofs_header_agrees(&other, header, 100000));
	other.block_shift = 21;
	assert_false(zisofs_measure(&other, &header_bytes, &pointer_bytes));
	other = (struct zisofs){{'P', 'Z'}, 5, 15};
	assert_false(zisofs_measure(&other, &header_bytes, &pointer_bytes));
	assert_true(zisofs_table_end(0) == 20 && zisofs_table_end(1) == 24 && zisofs_table_end(32768) == 24 &&
		    zisofs_table_end(32769) == 28);
}

/* From one that zeros fill to one that no compression makes smaller. */
static void make_block(uint8_t *block, uint32_t length, unsigned kind)
{
	uint64_t seed = kind;

	for (uint32_t i = 0; i < length; i++) {
		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		block[i] = (uint8_t)((seed >> 40) & ((1u << kind) - 1));
	}
}

static void test_blocks(void **state)
{
	static const uint32_t lengths[] = {1, 2, 100, 4096, 32767, 32768};
	struct zisofs_codec in = {0}, out = {0};
	uint8_t *block = malloc(ZISOFS_BLOCK_BYTES), *back = malloc(ZISOFS_BLOCK_BYTES),
		*stream = malloc(zisofs_stream_max(ZISOFS_BLOCK_BYTES));

	(void)state;
	assert_true(block && back && stream);
	for (unsigned kind = 0; kind <= 8; kind++)
		for (unsigned i = 0; i < ARRAY_LENGTH(lengths); i++) {
			size_t bytes = 1;

			make_block(block, lengths[i], kind);
			assert_int_equal(zisofs_deflate(&in, block, lengths[i], stream, &bytes), 0);
			assert_true(kind || !bytes); /* zeros have no stream */
			if (!bytes)
				continue;
			memset(back, 0x55, lengths[i]);
			assert_int_equal(zisofs_inflate(&out, stream, bytes, back, lengths[i]), 0);
			assert_memory_equal(back, block, lengths[i]);
			/* cut off; of another length; with another checksum */
			assert_int_equal(zisofs_inflate(&out, stream, bytes - 1, back, lengths[i]), -EBADMSG);
			if (lengths[i] > 1)
				assert_int_equal(zisofs_inflate(&out, stream, bytes, back, lengths[i] - 1), -EBADMSG);
			stream[bytes - 1] ^= 1;
			assert_int_equal(zisofs_inflate(&out, stream, bytes, back, lengths[i]), -EBADMSG);
		}
	zisofs_codec_release(&in);
	zisofs_codec_release(&out);
	free(block);
	free(back);
	free(stream);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_header), cmocka_unit_test(test_blocks)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
