/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * format_tables_test.c - records of path tables, of the link table and of the content table, against their bytes
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cdio/iso9660.h>
#include <cmocka.h>

#include "burner/format/content_table.h"
#include "burner/format/link_table.h"
#include "burner/format/path_table.h"

static void check_path_record(const struct path_record *r, enum path_table_type type, const char *wanted, unsigned n)
{
	uint8_t made[PATH_RECORD_MAX];
	struct path_record got;

	path_record_encode(r, type, made);
	assert_int_equal(path_record_bytes(r->identifier_bytes), n);
	assert_memory_equal(made, wanted, n);
	assert_int_equal(path_record_decode(made, type, &got), 0);
	assert_true(got.lba == r->lba && got.parent == r->parent && got.identifier_bytes == r->identifier_bytes &&
		    got.attribute_blocks == r->attribute_blocks && got.identifier == made + 8);
}

static void test_path_records(void **state)
{
	static const uint8_t root = 0;
	struct path_record one = {(const uint8_t *)"ABC", 3, 0, 0x8002, 0x84030201}, two = {&root, 1, 0, 1, 20};

	(void)state;
	check_path_record(&one, PATH_TABLE_L,
			  "\3\0\1\2\3\x84\2\x80"
			  "ABC\0",
			  12);
	check_path_record(&one, PATH_TABLE_M,
			  "\3\0\x84\3\2\1\x80\2"
			  "ABC\0",
			  12);
	check_path_record(&two, PATH_TABLE_L, "\1\0\x14\0\0\0\1\0\0\0", PATH_RECORD_MIN);
}

/* Nothing but the fixed bytes is looked at. */
static void test_hostile_path_records(void **state)
{
	struct path_record got;

	(void)state;
	for (unsigned i = 0; i < 256; i++) {
		uint8_t *bytes = malloc(PATH_RECORD_FIXED_BYTES);

		assert_non_null(bytes);
		memset(bytes, (int)i, PATH_RECORD_FIXED_BYTES);
		for (int type = PATH_TABLE_L; type <= PATH_TABLE_M; type++)
			assert_int_equal(path_record_decode(bytes, (enum path_table_type)type, &got), i ? 0 : -EBADMSG);
		bytes[0] = 0;
		assert_int_equal(path_record_decode(bytes, PATH_TABLE_L, &got), -EBADMSG);
		bytes[0] = 1;
		bytes[6] = bytes[7] = 0;
		assert_int_equal(path_record_decode(bytes, PATH_TABLE_M, &got), -EBADMSG);
		free(bytes);
	}
	assert_true(path_record_bytes(255) <= PATH_RECORD_MAX);
}

/* libiso9660 makes the same records. */
static void test_libiso9660(void **state)
{
	static uint8_t theirs[2][2048];
	uint8_t ours[2][2048] = {{0}};
	unsigned at = 0;

	(void)state;
	for (unsigned type = 0; type < 2; type++)
		iso9660_pathtable_init(theirs[type]);
	for (uint16_t i = 0; i < 40; i++) {
		char name[] = "ABCDEFGHIJ";
		struct path_record r = {(uint8_t *)name, (uint8_t)(i % 10 + 1), 0, (uint16_t)(i ? (i + 1) / 2 : 1),
					7u * i + 20};

		name[r.identifier_bytes] = 0;
		path_record_encode(&r, PATH_TABLE_L, ours[0] + at);
		path_record_encode(&r, PATH_TABLE_M, ours[1] + at);
		at += path_record_bytes(r.identifier_bytes);
		(void)iso9660_pathtable_l_add_entry(theirs[0], name, r.lba, r.parent);
		(void)iso9660_pathtable_m_add_entry(theirs[1], name, r.lba, r.parent);
	}
	assert_int_equal(iso9660_pathtable_get_size(theirs[0]), at);
	assert_memory_equal(ours[0], theirs[0], at);
	assert_memory_equal(ours[1], theirs[1], at);
}

static void test_pairs_and_runs(void **state)
{
	uint8_t record[8];
	struct link_pair pair;
	struct content_run run;

	(void)state;
	link_pair_encode(&(struct link_pair){0x84030201, 7}, record);
	assert_memory_equal(record, "\1\2\3\x84\7\0\0\0", sizeof(record));
	pair = link_pair_decode(record);
	assert_true(pair.child == 0x84030201 && pair.parent == 7);
	content_run_encode((struct content_run){0xfffffffe, 2}, record);
	assert_memory_equal(record, "\xfe\xff\xff\xff\2\0\0\0", sizeof(record));
	run = content_run_decode(record);
	assert_true(run.lba == 0xfffffffe && run.sectors == 2);
}

/* A header says no other length than the table has, even beyond 32 bits. */
static void test_headers(void **state)
{
	static const uint32_t edges[] = {0, 1, 2, 0x7fffffff, 0x80000000, 0xffffffff};
	uint8_t header[LINKS_HEADER_BYTES];
	uint32_t names, ways;

	(void)state;
	for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++)
		for (size_t k = 0; k < sizeof(edges) / sizeof(edges[0]); k++) {
			uint64_t bytes = LINKS_HEADER_BYTES + ((uint64_t)edges[i] + edges[k]) * LINKS_PAIR_BYTES;
			int r;

			links_header_encode(edges[i], edges[k], header);
			r = links_header_decode(header, (uint32_t)bytes, &names, &ways);
			assert_int_equal(r, bytes <= UINT32_MAX ? 0 : -EBADMSG);
			assert_true(r || (names == edges[i] && ways == edges[k]));
			header[15] ^= 1;
			assert_int_equal(links_header_decode(header, (uint32_t)bytes, &names, &ways), -EBADMSG);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_path_records), cmocka_unit_test(test_hostile_path_records),
		cmocka_unit_test(test_libiso9660),   cmocka_unit_test(test_pairs_and_runs),
		cmocka_unit_test(test_headers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
