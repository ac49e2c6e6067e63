/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Directories that are asked for before they are read: what the kernel is told. */
#include "fs/tree/tree.h"
#include "tests/unit/iso_hand.h"

#include "burner/base/log.h"

static struct {
	off_t offset, length;
	int fd, advice;
} told[64];
static unsigned n_told;

/* Instead of the C library's. */
int posix_fadvise(int fd, off_t offset, off_t length, int advice)
{
	assert_true(n_told < sizeof(told) / sizeof(told[0]));
	told[n_told].fd = fd;
	told[n_told].offset = offset;
	told[n_told].length = length;
	told[n_told++].advice = advice;
	return 0;
}

static void check_told(unsigned i, const struct hand *h, uint32_t lba, uint32_t n_sectors)
{
	assert_true(i < n_told);
	assert_int_equal(told[i].fd, h->m.disc.fd);
	assert_int_equal(told[i].offset, (off_t)lba * 2048);
	assert_int_equal(told[i].length, (off_t)n_sectors * 2048);
	assert_int_equal(told[i].advice, POSIX_FADV_WILLNEED);
}

static void expect(struct hand *h, struct iso_ahead *a, uint32_t lba, uint32_t bytes)
{
	iso_expect(h->m.iso, a, (struct iso_extent){lba, bytes});
}

static void test_runs(void **state)
{
	struct iso_ahead a = {0};
	struct hand h;

	(void)state;
	hand_begin_rock(&h, 1);
	hand_open(&h);
	n_told = 0;
	expect(&h, &a, 0, 0);
	assert_int_equal(n_told, 0);
	/* Upwards, over a gap, the same again, inside. */
	expect(&h, &a, 100, 2048);
	expect(&h, &a, 101, 4096);
	expect(&h, &a, 110, 2048);
	expect(&h, &a, 110, 2048);
	expect(&h, &a, 102, 2048);
	assert_int_equal(n_told, 0);
	/* Elsewhere; downwards. */
	expect(&h, &a, 1000, 2048);
	check_told(0, &h, 100, 11);
	expect(&h, &a, 998, 4096);
	expect(&h, &a, 990, 2048);
	expect(&h, &a, 0, 0);
	check_told(1, &h, 990, 11);
	expect(&h, &a, 0, 0);
	assert_int_equal(n_told, 2);
	/* Of a long one the beginning; a long run in pieces. */
	expect(&h, &a, 5000, UINT32_MAX);
	for (uint32_t lba = 5016; lba < 5100; lba += 16)
		expect(&h, &a, lba, 16 * 2048);
	expect(&h, &a, UINT32_MAX, 2048);
	check_told(2, &h, 5000, 64);
	check_told(3, &h, 5064, 48);
	expect(&h, &a, 0, 0);
	check_told(4, &h, UINT32_MAX, 1);
	assert_int_equal(n_told, 5);
	hand_end(&h);
}

static int no_fd(struct disc *d)
{
	(void)d;
	return -1;
}

static void test_a_drive_is_not_asked(void **state)
{
	struct iso_ahead a = {0};
	struct disc_ops ops;
	struct hand h;

	(void)state;
	hand_begin_rock(&h, 1);
	hand_open(&h);
	ops = *h.m.disc.disc.ops;
	ops.fd = no_fd;
	h.m.disc.disc.ops = &ops;
	n_told = 0;
	expect(&h, &a, 100, 2048);
	expect(&h, &a, 0, 0);
	assert_int_equal(n_told, 0);
	hand_end(&h);
}

static void test_a_listing(void **state)
{
	const struct tree_options options = {.read_only = true};
	struct tree_dir_entry e = {.next = 0};
	struct tree_dir *d;
	struct tree *t;
	struct stat st;
	struct hand h;
	char id[2] = "A";

	(void)state;
	hand_begin_rock(&h, 1);
	for (uint32_t i = 0; i < 4; i++, id[0]++) {
		add(&h, id, 100 + i, 2048, 2, NULL);
		add_dots(h.data + (100 + i) * 2048, 100 + i, 2048, NULL);
	}
	add(&h, "FILE", 120, 2048, 0, NULL);
	hand_open(&h);
	assert_int_equal(tree_new(&options, &h.m.disc.disc, h.m.iso, NULL, &t), 0);
	n_told = 0;
	/* Names alone promise nothing. */
	for (unsigned with_attributes = 0; with_attributes < 2; with_attributes++) {
		assert_int_equal(n_told, 0);
		assert_int_equal(tree_opendir(t, TREE_ROOT, &d), 0);
		for (uint64_t cookie = 0; tree_readdir(t, d, cookie, &e) == 1; cookie = e.next)
			if (with_attributes && cookie > 1)
				assert_int_equal(tree_readdir_lookup(t, d, cookie, &st), 0);
		tree_closedir(t, d);
	}
	assert_int_equal(n_told, 1);
	check_told(0, &h, 100, 4);
	tree_free(t);
	hand_end(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_runs), cmocka_unit_test(test_a_drive_is_not_asked),
					   cmocka_unit_test(test_a_listing)};

	return cmocka_run_group_tests_name("iso_ahead", tests, NULL, NULL);
}
