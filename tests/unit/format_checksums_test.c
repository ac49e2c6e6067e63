/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * format_checksums_test.c - tags and attributes of MD5 sums, against bytes that libisofs wrote
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "burner/format/checksums.h"

/* Of a disc that xorriso 1.5.4 made. */
static const char xorrisos[] = "libisofs_sb_checksum_tag_v1 pos=50 range_start=32 range_size=18 next=56 "
			       "md5=d07297a8d6bc855d522a9cb32b183566 self=b31cd745b930868074d0a420cd9c5c5b\n";
static const char last[] = "libisofs_checksum_tag_v1 pos=208 range_start=32 range_size=176 "
			   "md5=c1b852538e06245d2fc0b0d046f61237 self=c63f45f870a67a6ab02469d19793f74e\n";

static void check_tag(const char *line, enum tag_kind kind)
{
	uint8_t sector[SECTOR_BYTES] = {0}, made[SECTOR_BYTES];
	struct tag tag;

	memcpy(sector, line, strlen(line));
	assert_true(tag_decode(sector, &tag));
	assert_int_equal(tag.kind, kind);
	assert_int_equal(tag_encode(&tag, made), 0);
	assert_memory_equal(made, sector, sizeof(made));
	for (size_t i = 0; i < strlen(line); i++) {
		sector[i] ^= 1;
		assert_false(tag_decode(sector, &tag));
		sector[i] ^= 1;
	}
}

static void test_tags(void **state)
{
	(void)state;
	check_tag(xorrisos, TAG_DESCRIPTORS);
	check_tag(last, TAG_SESSION);
}

static void test_attribute(void **state)
{
	static const uint8_t wanted[CHECKSUMS_ROOT_BYTES] = "\4\0\0\0\x20\4\0\0\x01\x02\4\0\0\0\x07\1\x10MD5";
	static const uint8_t shorter[] = "\1\x20\2\1\2\1\7\1\x10MD5";
	const struct checksums sums = {32, 0x102, 7};
	uint8_t made[CHECKSUMS_ROOT_BYTES];
	struct checksums got;

	(void)state;
	checksums_encode(&sums, made);
	assert_memory_equal(made, wanted, sizeof(made));
	assert_int_equal(checksums_decode(made, sizeof(made), &got), 0);
	assert_true(got.start_lba == 32 && got.array_lba == 0x102 && got.n == 7);
	assert_int_equal(checksums_decode(shorter, sizeof(shorter) - 1, &got), 0);
	assert_true(got.start_lba == 32 && got.array_lba == 0x102 && got.n == 7);
	for (size_t n = 0; n < sizeof(made); n++)
		assert_int_equal(checksums_decode(made, n, &got), -EBADMSG);
}

/* No array, one that begins before its session, or that ends nowhere. */
static void test_hostile_attributes(void **state)
{
	static const struct checksums bad[] = {{32, 100, 0}, {32, 100, 1},	 {32, 32, 2},
					       {100, 32, 2}, {0, UINT32_MAX, 2}, {0, 0xff000000, UINT32_MAX}};
	uint8_t made[CHECKSUMS_ROOT_BYTES];
	struct checksums got;

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
		checksums_encode(&bad[i], made);
		assert_int_equal(checksums_decode(made, sizeof(made), &got), -EBADMSG);
	}
	checksums_encode(&(struct checksums){32, 100, 2}, made);
	made[sizeof(made) - 1] = '6';
	assert_int_equal(checksums_decode(made, sizeof(made), &got), -EBADMSG);
}

static void test_none(void **state)
{
	uint8_t md5[MD5_BYTES] = {0};

	(void)state;
	assert_true(checksum_is_none(md5));
	for (size_t i = 0; i < sizeof(md5); i++, memset(md5, 0, sizeof(md5))) {
		md5[i] = 1;
		assert_false(checksum_is_none(md5));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_tags),
		cmocka_unit_test(test_attribute),
		cmocka_unit_test(test_hostile_attributes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
