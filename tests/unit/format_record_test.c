/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * format_record_test.c - directory records, against their byte positions in ECMA-119 9.1, and on bytes of all kinds
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "burner/format/directory_record.h"

/* 9.1.12: an even number of bytes, as libiso9660 counts them too. */
static void test_lengths(void **state)
{
	(void)state;
	for (unsigned n = 1; n < 222; n++) {
		assert_int_equal(record_system_use_at(n), 33 + n + (n % 2 == 0));
		assert_int_equal(record_system_use_at(n), iso9660_dir_calc_record_size(n, 0));
	}
}

static void test_encode(void **state)
{
	static const uint32_t edges[] = {0, 1, 0xff00, 0x7fffffff, 0x80000000, 0xffffffff};

	(void)state;
	for (unsigned n = 1; n < 222; n++)
		for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
			unsigned length = record_system_use_at(n);
			uint8_t id[222], wanted[256] = {0}, made[256] = {0};
			struct directory_record r = {id, n, edges[i], ~edges[i], (uint8_t)(n * 37), 951827696};
			size_t use = 1;
			uint32_t lba;

			for (unsigned k = 0; k < n; k++)
				id[k] = (uint8_t)(k * n + 1);
			wanted[0] = (uint8_t)length;
			put_both32(wanted + 2, r.lba);
			put_both32(wanted + 10, r.bytes);
			memcpy(wanted + 18, "\144\2\35\14\42\70", 7);
			wanted[25] = r.flags;
			put_both16(wanted + 28, 1);
			wanted[32] = (uint8_t)n;
			memcpy(wanted + 33, id, n);
			record_encode(&r, length, made);
			assert_memory_equal(made, wanted, sizeof(made));

			assert_true(record_is_sound(made, length) && !record_is_sound(made, length - 1));
			assert_int_equal(record_length(made), length);
			assert_int_equal(record_flags(made), r.flags);
			assert_int_equal(record_bytes(made), r.bytes);
			assert_int_equal(record_extent(made), r.lba);
			assert_int_equal(record_lba(made, &lba), 0);
			assert_int_equal(lba, r.lba);
			assert_memory_equal(record_id(made), id, n);
			assert_ptr_equal(record_system_use(made, &use), made + length);
			assert_int_equal(use, 0);
			assert_false(record_is_interleaved(made));
		}
}

/* 9.1.2: the data begin behind the extended attribute record. */
static void test_extended_attributes(void **state)
{
	uint8_t r[34] = {0};
	uint32_t lba = 7;

	(void)state;
	for (unsigned n = 0; n < 256; n++) {
		r[1] = (uint8_t)n;
		put_le32(r + 2, 1000);
		assert_int_equal(record_lba(r, &lba), 0);
		assert_int_equal(lba, 1000 + n);
		put_le32(r + 2, UINT32_MAX - 100);
		assert_int_equal(record_lba(r, &lba), n > 100 ? -EBADMSG : 0);
		assert_int_equal(record_extent(r), UINT32_MAX - 100);
	}
}

/* Each pair of lengths, in as many bytes as there are: a sound record reads nothing behind them. */
static void test_soundness(void **state)
{
	static const uint8_t rooms[] = {1, 2, 32, 33, 34, 35, 100, 254, 255};

	(void)state;
	for (size_t i = 0; i < sizeof(rooms); i++)
		for (unsigned length = 0; length < 256; length++)
			for (unsigned n = 0; n < 256; n++) {
				uint8_t *r = malloc(rooms[i] < 34 ? 34 : rooms[i]);
				size_t use;

				memset(r, 0xff, rooms[i] < 34 ? 34 : rooms[i]);
				r[0] = (uint8_t)length;
				r[32] = (uint8_t)n;
				assert_int_equal(record_is_sound(r, rooms[i]),
						 length >= 34 && length <= rooms[i] && n && 33 + n <= length);
				if (record_is_sound(r, rooms[i])) {
					const uint8_t *area = record_system_use(r, &use);

					assert_true(!use || area + use == r + length);
					assert_true(record_id(r) + n <= r + length);
				}
				free(r);
			}
}

static void test_dots(void **state)
{
	uint8_t r[36] = {34};

	(void)state;
	for (unsigned n = 0; n < 3; n++)
		for (unsigned c = 0; c < 256; c++) {
			r[32] = (uint8_t)n;
			r[33] = (uint8_t)c;
			assert_int_equal(record_is_dot(r), n == 1 && c == 0);
			assert_int_equal(record_is_dots(r), n == 1 && c <= 1);
		}
	r[26] = 1; /* a unit without a gap */
	assert_false(record_is_interleaved(r));
	r[27] = 1;
	assert_true(record_is_interleaved(r));
	r[26] = 0;
	assert_true(record_is_interleaved(r));
	r[27] = 0;
	assert_false(record_is_interleaved(r));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_encode),
		cmocka_unit_test(test_extended_attributes),
		cmocka_unit_test(test_soundness),
		cmocka_unit_test(test_dots),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
