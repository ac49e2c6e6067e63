/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tree_spread_test.c - first fit: what goes where, and that a set may be made disc by disc
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fs/tree/spread.h"

static void first_with_room(void **state)
{
	static const struct {
		uint64_t bytes;
		uint32_t disc;
	} rows[] = {{60, 0}, {50, 1}, {40, 0}, {50, 1}, {0, 0}, {1, 2}, {100, 3}, {99, 2}, {1, 4}};
	struct spread s;

	(void)state;
	assert_int_equal(spread_init(&s, 100, 100), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint32_t disc = 99;

		assert_int_equal(spread_place(&s, rows[i].bytes, &disc), 0);
		assert_int_equal(disc, rows[i].disc);
	}
	assert_int_equal(s.n, 5);
	spread_release(&s);
}

/* The first disc may be the smaller one, or full; or the larger one, and then it alone may have the room. */
static void first_is_another(void **state)
{
	struct spread s;
	uint32_t disc = 99;

	(void)state;
	assert_int_equal(spread_init(&s, 0, 10), 0);
	assert_int_equal(spread_place(&s, 10, &disc), 0);
	assert_int_equal(disc, 1);
	assert_int_equal(spread_place(&s, 11, &disc), -EFBIG);
	assert_int_equal(disc, 1);
	assert_int_equal(s.n, 2); /* no disc was begun for it */
	spread_release(&s);

	assert_int_equal(spread_init(&s, 20, 10), 0);
	assert_int_equal(spread_place(&s, 11, &disc), 0);
	assert_int_equal(disc, 0);
	assert_int_equal(spread_place(&s, 11, &disc), -EFBIG);
	assert_int_equal(spread_place(&s, 9, &disc), 0);
	assert_int_equal(disc, 0);
	spread_release(&s);
}

#define THINGS 300u

/* What is left after the first disc, spread again in the same order, lies as it was planned. */
static void disc_by_disc_is_the_same(void **state)
{
	uint64_t bytes[THINGS];
	uint32_t planned[THINGS], most = 0;

	(void)state;
	srand(7);
	for (unsigned round = 0; round < 50; round++) {
		uint64_t first = (uint64_t)rand() % 1000, filled[THINGS + 1] = {0};
		struct spread s;

		assert_int_equal(spread_init(&s, first, 1000), 0);
		for (size_t i = 0; i < THINGS; i++) {
			bytes[i] = (uint64_t)rand() % 1001;
			assert_int_equal(spread_place(&s, bytes[i], &planned[i]), 0);
			filled[planned[i]] += bytes[i];
			most = planned[i] > most ? planned[i] : most;
		}
		assert_true(filled[0] <= first);
		for (size_t disc = 1; disc < s.n; disc++)
			assert_in_range(filled[disc], 0, 1000);
		spread_release(&s);
		for (uint32_t disc = 1; disc <= most; disc++) {
			assert_int_equal(spread_init(&s, 1000, 1000), 0);
			for (size_t i = 0; i < THINGS; i++) {
				uint32_t now = 0;

				if (planned[i] < disc)
					continue;
				assert_int_equal(spread_place(&s, bytes[i], &now), 0);
				assert_int_equal(now + disc, planned[i]);
			}
			spread_release(&s);
		}
		most = 0;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_with_room),
		cmocka_unit_test(first_is_another),
		cmocka_unit_test(disc_by_disc_is_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
