/* SPDX-License-Identifier: GPL-3.0-or-later */
/* show_trees_scale_test - what the page has of a disc follows what there is, not what the disc says */
#include <sys/resource.h>

#include "fs/show/trees.h"
#include "tests/unit/iso_overlap.h"

static void test_overlapping_directories(void **state)
{
	struct trees t = {.n = 0};
	struct image m;
	size_t before, root;

	(void)state;
	overlap_begin(&m);
	before = heap_bytes();
	assert_int_equal(trees_add(&t, m.iso, &root), 0);
	assert_true(heap_bytes() - before < 16u << 20);
	assert_int_equal(t.n, 2); /* the root, and the first of them */
	assert_int_equal(t.lost, OVERLAPS - 1);
	trees_release(&t);
	image_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_overlapping_directories),
	};

	setrlimit(RLIMIT_CPU, &(struct rlimit){60, 60});
	return cmocka_run_group_tests_name("show_trees_scale", tests, NULL, NULL);
}
