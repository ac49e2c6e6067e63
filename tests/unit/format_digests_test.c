/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The digest table's arithmetic, and both kinds of commit records. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "burner/base/own.h"
#include "burner/format/bound.h"
#include "burner/format/commit_record.h"
#include "burner/format/digest_table.h"

static void shapes(void **state)
{
	static const struct {
		uint32_t pieces, levels, sectors;
	} cases[] = {{1, 1, 1},
		     {64, 1, 1},
		     {65, 2, 3},
		     {4096, 2, 65},
		     {4097, 3, 65 + 2 + 1},
		     {1u << 18, 3, 4096 + 64 + 1},
		     {(1u << 18) + 1, 4, 4097 + 65 + 2 + 1},
		     {1u << 27, 5, (1u << 21) + (1u << 15) + (1u << 9) + 8 + 1},
		     {UINT32_MAX, 6, (1u << 26) + (1u << 20) + (1u << 14) + (1u << 8) + 4 + 1}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct digest_shape s = digest_table_shape(cases[i].pieces);

		assert_int_equal(s.n_levels, cases[i].levels);
		assert_int_equal(s.sectors, cases[i].sectors);
		assert_int_equal(s.n[s.n_levels - 1], 1);
		assert_int_equal(s.first[s.n_levels - 1], s.sectors - 1);
	}
}

static uint64_t needed(uint64_t sectors) { return digest_table_shape((uint32_t)((sectors + 31) / 32)).sectors; }

/* All that comes before the table has a digest, the table has room for it, and not a sector is wasted. */
static void check_place(uint64_t body, uint32_t unit)
{
	uint64_t table, all = digest_table_place(body, unit, &table), before = all - 1 - table;

	assert_int_equal(all % unit, 0);
	assert_true(before >= body && needed(before) <= table && table <= needed(before) + 1);
	/* A unit less would not do. */
	if (all > unit)
		assert_true(digest_table_body(all - unit) < body);
	assert_true(digest_table_body(all) >= body);
}

static void places(void **state)
{
	static const uint64_t near[] = {1, 2048, 2048 * 64, 131072, 2048 * 64 * 64, 1u << 23, 49000000, UINT32_MAX};

	(void)state;
	for (uint64_t body = 1; body < 5000; body++) {
		check_place(body, 32);
		check_place(body, 16);
		check_place(body, 1);
	}
	for (size_t i = 0; i < ARRAY_LENGTH(near); i++)
		for (uint64_t body = near[i] > 300 ? near[i] - 300 : 1; body < near[i] + 300; body++) {
			check_place(body, 32);
			check_place(body, 16);
			/* Bounds count by 32. */
			assert_true(digest_table_place(body, 16, &(uint64_t){0}) <= bound_session_sectors(body));
			assert_true(bound_session_room(bound_session_sectors(body)) >= body);
		}
	assert_int_equal(digest_table_body(0), 0);
	assert_int_equal(digest_table_body(2), 0);
	assert_int_equal(digest_table_body(3), 1);
	/* A byte more: a block of the table lies where zeros were, in all but one of 32 cases. */
	assert_int_equal(bound_session_sectors(30), 32);
	assert_int_equal(bound_session_sectors(31), 64);
	for (uint64_t sectors = 1000; sectors < 1u << 30; sectors += sectors / 3) {
		uint64_t data = bound_undigested(sectors);

		assert_true(data < 50 || bound_session_sectors(data - 50) <= sectors);
	}
}

static void tables(void **state)
{
	enum { PIECES = 64 * 64 + 3 };
	struct digest_shape s = digest_table_shape(PIECES);
	_free_ uint8_t *table = calloc(s.sectors, SECTOR_BYTES);
	uint8_t root[32], sha[32], zeros[65536] = {0};

	(void)state;
	assert_non_null(table);
	for (uint32_t i = 0; i < PIECES; i++)
		memset(table + (size_t)i * 32, (int)i, 32);
	assert_int_equal(digest_table_finish(table, PIECES, root), 0);
	/* From the last piece up to the root. */
	sha256_of(table + (size_t)64 * 2048, 2048, sha);
	assert_memory_equal(table + (size_t)s.first[1] * 2048 + (size_t)64 * 32, sha, 32);
	sha256_of(table + (size_t)(s.first[1] + 1) * 2048, 2048, sha);
	assert_memory_equal(table + (size_t)s.first[2] * 2048 + 32, sha, 32);
	sha256_of(table + (size_t)s.first[2] * 2048, 2048, sha);
	assert_memory_equal(root, sha, 32);
	for (uint32_t n = 1; n <= 32; n++) {
		uint8_t of_zeros[32];

		assert_int_equal(sha256_of(zeros, (size_t)n * 2048, sha), 0);
		assert_int_equal(digest_of_piece(NULL, n, of_zeros), 0);
		assert_memory_equal(sha, of_zeros, 32);
		assert_int_equal(digest_of_piece(zeros, n, of_zeros), 0);
		assert_memory_equal(sha, of_zeros, 32);
		zeros[(size_t)n * 2048 - 1] = 1;
		assert_int_equal(sha256_of(zeros, (size_t)n * 2048, sha), 0);
		assert_int_equal(digest_of_piece(zeros, n, of_zeros), 0);
		assert_memory_equal(sha, of_zeros, 32);
		zeros[(size_t)n * 2048 - 1] = 0;
	}
}

static struct commit_record record_with_table(void)
{
	struct commit_record r = {.uuid = "0123456789abcde",
				  .number = 7,
				  .start_lba = 960,
				  .sectors = 160,
				  .kind = COMMIT_DIGEST_TABLE,
				  .piece_sectors = 32,
				  .table_lba = 960 + 158,
				  .table_sectors = 1,
				  .previous_lba = 959};

	memset(r.sha256, 1, 32);
	memset(r.previous_sha256, 2, 32);
	memset(r.descriptors_sha256, 3, 32);
	return r;
}

/* Each of its bits counts. */
static void records(void **state)
{
	struct commit_record r = record_with_table(), got;
	uint8_t sector[SECTOR_BYTES];

	(void)state;
	assert_int_equal(commit_record_encode(&r, sector), 0);
	memset(&got, 0x55, sizeof(got));
	assert_int_equal(commit_record_decode(sector, &got), 0);
	assert_memory_equal(&r, &got, sizeof(r));
	assert_int_equal(commit_pieces(&r), 5);
	assert_int_equal(commit_piece_sectors(&r, 0), 32);
	assert_int_equal(commit_piece_sectors(&r, 4), 158 - 128);
	for (unsigned i = 0; i < SECTOR_BYTES; i++) {
		sector[i] ^= (uint8_t)(1u << i % 8);
		assert_int_equal(commit_record_decode(sector, &got), -ENODATA);
		sector[i] ^= (uint8_t)(1u << i % 8);
	}
	/* The first session of a disc that is written in sequence. */
	r.start_lba = r.previous_lba = 0;
	r.table_lba = 158;
	assert_int_equal(commit_record_encode(&r, sector), 0);
	assert_int_equal(commit_record_decode(sector, &got), 0);
	assert_memory_equal(&r, &got, sizeof(r));
	/* As cdappendfs 0.2 wrote them, and as it would read this one. */
	r = (struct commit_record){.uuid = "0123456789abcde", .number = 1, .start_lba = 32, .sectors = 160};
	memset(r.sha256, 9, 32);
	assert_int_equal(commit_record_encode(&r, sector), 0);
	assert_int_equal(commit_record_decode(sector, &got), 0);
	assert_memory_equal(&r, &got, sizeof(r));
	assert_memory_equal(sector, "CDAPPENDFS-END 1", 16);
	for (unsigned i = 0; i < 112; i++) {
		sector[i] ^= 0x80;
		assert_int_equal(commit_record_decode(sector, &got), -ENODATA);
		sector[i] ^= 0x80;
	}
	/* Of a version to come: a record, of which nothing can be said. */
	r.kind = 2;
	assert_int_equal(commit_record_encode(&r, sector), 0);
	assert_int_equal(commit_record_decode(sector, &got), 0);
	assert_false(commit_has_table(&got));
}

static void hostile_records(void **state)
{
	static const struct {
		uint32_t piece, table, sectors, previous;
	} wrong[] = {{0, 1118, 1, 0},	 {513, 1118, 1, 0},   {32, 960, 159, 0},     {32, 0, 1, 0},
		     {32, 1118, 0, 0},	 {32, 1118, 2, 0},    {32, 1117, 1, 0},	     {1, 1118, 1, 0},
		     {32, 1118, 1, 960}, {32, 1118, 1, 1119}, {32, UINT32_MAX, 1, 0}};
	struct commit_record r, got;
	uint8_t sector[SECTOR_BYTES];

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
		r = record_with_table();
		r.piece_sectors = wrong[i].piece;
		r.table_lba = wrong[i].table;
		r.table_sectors = wrong[i].sectors;
		r.previous_lba = wrong[i].previous;
		assert_int_equal(commit_record_encode(&r, sector), 0);
		assert_int_equal(commit_record_decode(sector, &got), -ENODATA);
	}
	r = record_with_table();
	r.start_lba = r.sectors = UINT32_MAX;
	assert_int_equal(commit_record_encode(&r, sector), 0);
	assert_int_equal(commit_record_decode(sector, &got), -ENODATA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shapes),  cmocka_unit_test(places),	      cmocka_unit_test(tables),
		cmocka_unit_test(records), cmocka_unit_test(hostile_records),
	};

	return cmocka_run_group_tests_name("format_digests", tests, NULL, NULL);
}
