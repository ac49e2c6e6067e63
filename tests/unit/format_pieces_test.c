/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * burner/format/pieces.c: what of a file can stay, and whether that is worth its sections.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "burner/base/bytes.h"
#include "burner/format/bound.h"
#include "burner/format/pieces.h"

#define MIB (1ull << 20)
#define GIB (1ull << 30)

static void test_modes(void **state)
{
	const struct pieces_rule none = {SHARE_NONE, 0}, blocks = {SHARE_BLOCKS, 0}, never = {SHARE_AUTO, PIECES_NEVER};

	(void)state;
	for (uint64_t bytes = 4096; bytes < 64 * GIB; bytes *= 4) {
		assert_false(pieces_pay(&none, bytes, bytes, 2, 1));
		assert_true(pieces_pay(&blocks, bytes, 2048, 2, 1));
		assert_false(pieces_pay(&never, bytes, bytes, 2, 1));
	}
}

/* They save as much as is asked, and what their records take in each directory. */
static void test_worth(void **state)
{
	const struct pieces_rule usual = {SHARE_AUTO, 0}, any = {SHARE_AUTO, 1};
	const uint64_t two = bound_section_sectors(2, 1) * SECTOR_BYTES,
		       many = bound_section_sectors(90, 7) * SECTOR_BYTES;

	(void)state;
	assert_true(pieces_pay(&usual, GIB, 16 * MIB + two, 2, 1));
	assert_false(pieces_pay(&usual, GIB, 16 * MIB + two - 1, 2, 1));
	assert_true(pieces_pay(&usual, GIB, 16 * MIB + many, 90, 7));
	assert_false(pieces_pay(&usual, GIB, 16 * MIB + many - 1, 90, 7));
	assert_true(pieces_pay(&any, GIB, two + 1, 2, 1));
	assert_false(pieces_pay(&any, GIB, two, 2, 1));
	assert_false(pieces_pay(&any, GIB, 0, 2, 1));
	assert_int_equal(pieces_pay(&usual, GIB, 17 * MIB, 2, 0), pieces_pay(&usual, GIB, 17 * MIB, 2, 1));
}

/* Beyond one section there are several anyway. */
static void test_large(void **state)
{
	const struct pieces_rule usual = {SHARE_AUTO, 0};

	(void)state;
	assert_false(pieces_pay(&usual, SECTION_LAST_MAX_BYTES, 2048, 2, 1));
	assert_true(pieces_pay(&usual, SECTION_LAST_MAX_BYTES + 1, 2048, 3, 1));
}

static void expect(struct extent e, uint64_t file_bytes, uint64_t fresh_below, uint64_t offset, uint64_t length)
{
	struct extent part = {.kind = EXTENT_HOLE};

	assert_true(pieces_keepable(&e, file_bytes, fresh_below, &part));
	assert_int_equal(part.offset, offset);
	assert_int_equal(part.length, length);
	assert_int_equal(part.pos, e.pos + (offset - e.offset));
	assert_int_equal(part.kind, EXTENT_DISC);
}

static void refuse(struct extent e, uint64_t file_bytes, uint64_t fresh_below)
{
	struct extent part;

	assert_false(pieces_keepable(&e, file_bytes, fresh_below, &part));
}

static void test_keepable(void **state)
{
	(void)state;
	expect((struct extent){0, 10000, 4096, 0, EXTENT_DISC}, 10000, 0, 0, 10000);
	expect((struct extent){0, 10000, 4096, 0, EXTENT_DISC}, 20000, 0, 0, 8192);
	expect((struct extent){0, 10000, 4096, 0, EXTENT_DISC}, 10000, 2048, 2048, 7952);
	expect((struct extent){1000, 10000, 9192, 0, EXTENT_DISC}, 11000, 0, 2048, 8952);
	refuse((struct extent){0, 10000, 4097, 0, EXTENT_DISC}, 10000, 0);
	refuse((struct extent){1000, 10000, 8192, 0, EXTENT_DISC}, 11000, 0);
	refuse((struct extent){0, 2047, 4096, 0, EXTENT_DISC}, 5000, 0);
	refuse((struct extent){0, 2048, 4096, 0, EXTENT_DISC}, 2048, 2048);
	refuse((struct extent){0, 4096, 4096, 1, EXTENT_STAGE}, 4096, 0);
	refuse((struct extent){0, 4096, 0, 0, EXTENT_HOLE}, 4096, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_modes),
		cmocka_unit_test(test_worth),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_keepable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
