/* SPDX-License-Identifier: GPL-3.0-or-later */
/* burner/older.c: sets of blocks, held against a map of them; what one area can name. */
#include "burner/older.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#define BLOCKS 400u

static uint32_t seed = 1;
static uint32_t random_number(uint32_t below)
{
	seed = seed * 1664525u + 1013904223u;
	return (uint32_t)((uint64_t)seed * below >> 32);
}

static void add_some(struct burn_ranges *r, bool map[BLOCKS], unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		uint32_t lba = random_number(BLOCKS), sectors = random_number(BLOCKS - lba < 30 ? BLOCKS - lba : 30);

		assert_int_equal(burn_ranges_add(r, lba, sectors), 0);
		memset(map + lba, true, sectors);
	}
	burn_ranges_settle(r);
}

/* Ascending, apart, not empty, and just those of the map. */
static void check_ranges(const struct burn_ranges *r, const bool map[BLOCKS])
{
	bool got[BLOCKS] = {false};

	for (size_t i = 0; i < r->n; i++) {
		assert_true(r->list[i].sectors > 0);
		assert_true(i == 0 || r->list[i].lba > r->list[i - 1].lba + r->list[i - 1].sectors);
		memset(got + r->list[i].lba, true, r->list[i].sectors);
	}
	assert_memory_equal(got, map, sizeof(got));
}

static void test_sets(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 3000; round++) {
		struct burn_ranges a = {0}, b = {0};
		bool in_a[BLOCKS] = {false}, in_b[BLOCKS] = {false};

		add_some(&a, in_a, random_number(30));
		add_some(&b, in_b, random_number(30));
		check_ranges(&a, in_a);
		for (uint32_t from = 0; from < BLOCKS; from += 37)
			for (uint32_t to = from + 1; to < BLOCKS; to += 11)
				assert_int_equal(burn_ranges_meet(&a, from, to),
						 memchr(in_a + from, true, to - from) != NULL);
		assert_int_equal(burn_ranges_subtract(&a, &b), 0);
		for (unsigned i = 0; i < BLOCKS; i++)
			in_a[i] &= !in_b[i];
		check_ranges(&a, in_a);
		burn_ranges_release(&a);
		burn_ranges_release(&b);
	}
}

/* Damage here and there cuts what is left into more ranges than a header has room for: the rest waits. */
static void test_no_more_than_one_area_can_name(void **state)
{
	struct burn_older o = {.n_sessions = 1};
	struct burn_ranges damaged = {0};

	(void)state;
	assert_int_equal(burn_ranges_add(&o.ranges, 32, 100000), 0);
	assert_int_equal(burn_ranges_add(&damaged, 10, 5), 0);
	assert_int_equal(older_leave_out(&o, &damaged), 0);
	assert_true(o.ranges.n == 1 && !o.left_out.n && !o.more);
	for (uint32_t i = 200; i > 0; i--)
		assert_int_equal(burn_ranges_add(&damaged, 32 + i * 100, 3), 0);
	assert_int_equal(older_leave_out(&o, &damaged), 1);
	assert_int_equal(o.ranges.n, 127);
	assert_int_equal(o.ranges.list[126].lba, 32 + 126 * 100 + 3);
	assert_int_equal(o.left_out.n, 200);
	assert_true(o.more);
	assert_int_equal(older_leave_out(&o, &damaged), 0);
	burn_ranges_release(&damaged);
	burn_older_release(&o);
}

/* What is left out may be all of a session, or what nothing proves: neither counts any more. */
static void test_counts_follow(void **state)
{
	static const struct burn_range blocks[] = {{32, 100}, {132, 100}, {232, 100}};
	struct burn_older o = {.sessions = malloc(sizeof(blocks)), .n_blocks = 3, .n_sessions = 3};
	struct burn_ranges damaged = {0};

	(void)state;
	memcpy(o.sessions, blocks, sizeof(blocks));
	assert_int_equal(burn_ranges_add(&o.ranges, 32, 300), 0);
	assert_int_equal(burn_ranges_add(&o.proven, 232, 100), 0);
	assert_int_equal(burn_ranges_add(&damaged, 132, 100), 0);
	assert_int_equal(older_leave_out(&o, &damaged), 1);
	assert_int_equal(o.n_sessions, 2);
	assert_int_equal(o.unproven_sectors, 100);
	assert_int_equal(burn_ranges_add(&damaged, 300, 10), 0);
	assert_int_equal(burn_ranges_add(&damaged, 50, 10), 0);
	assert_int_equal(older_leave_out(&o, &damaged), 1);
	assert_int_equal(o.n_sessions, 2);
	assert_int_equal(o.unproven_sectors, 90);
	burn_ranges_release(&damaged);
	burn_older_release(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sets),
		cmocka_unit_test(test_no_more_than_one_area_can_name),
		cmocka_unit_test(test_counts_follow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
