/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fs/tree/map: against an array that names the source of every byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fs/tree/map.h"

#define SIZE 4096u

struct source {
	uint32_t kind, body;
	uint64_t pos;
};

static void model_set(struct source *model, const struct extent *e)
{
	for (uint64_t i = 0; i < e->length; i++)
		model[e->offset + i] = (struct source){e->kind, e->body, e->kind == EXTENT_HOLE ? 0 : e->pos + i};
}

static void compare(const struct map *m, const struct source *model, uint64_t size)
{
	struct map_sums sums = map_sum(m, 0, UINT64_MAX), expected = {0};

	assert_true(map_valid(m, size));
	for (uint64_t at = 0; at < size; at++) {
		const struct extent *e = &m->extents[map_find(m, at)];

		assert_int_equal(e->kind, model[at].kind);
		assert_int_equal(e->body, model[at].body);
		if (e->kind != EXTENT_HOLE)
			assert_int_equal(e->pos + (at - e->offset), model[at].pos);
		expected.stage += e->kind == EXTENT_STAGE;
		expected.disc += e->kind == EXTENT_DISC;
		expected.hole += e->kind == EXTENT_HOLE;
	}
	assert_int_equal(map_find(m, size), m->n);
	assert_int_equal(sums.stage, expected.stage);
	assert_int_equal(sums.disc, expected.disc);
	assert_int_equal(sums.hole, expected.hole);
}

static void test_random(void **state)
{
	static struct source model[SIZE];
	unsigned seed = 7;

	(void)state;
	for (int round = 0; round < 200; round++) {
		struct map m = {0};
		uint64_t size = 0;

		for (int step = 0; step < 60; step++) {
			uint64_t from = (uint64_t)rand_r(&seed) % (size + 1),
				 length = 1 + (uint64_t)rand_r(&seed) % 300;
			uint32_t kind = (uint32_t)rand_r(&seed) % 3;
			struct extent e = {.offset = from, .length = length, .kind = kind};

			if (from + length > SIZE)
				continue;
			if (kind == EXTENT_STAGE)
				e.body = 1 + (uint32_t)rand_r(&seed) % 2;
			if (kind != EXTENT_HOLE)
				e.pos = rand_r(&seed) % 3 ? from : (uint64_t)rand_r(&seed) % 100000;
			if (rand_r(&seed) % 10 == 0) {
				map_truncate(&m, from);
				size = from;
			} else {
				assert_int_equal(map_set(&m, &e), 0);
				model_set(model, &e);
				size = from + length > size ? from + length : size;
			}
			compare(&m, model, size);
		}
		map_release(&m);
	}
}

static void test_neighbours_join(void **state)
{
	struct map m = {0};

	(void)state;
	for (uint64_t at = 0; at < 10; at++) {
		struct extent e = {
			.offset = at * 2048, .length = 2048, .pos = 4096 + at * 2048, .body = 3, .kind = EXTENT_STAGE};

		assert_int_equal(map_set(&m, &e), 0);
	}
	assert_int_equal(m.n, 1);
	assert_int_equal(map_end(&m), 20480);
	map_release(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_neighbours_join),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
