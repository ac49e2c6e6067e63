/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fs/tree, fs/commit: a session that says of itself that it is ours, and lies. */
#include "tests/unit/commit_fixture.h"

#include <errno.h>

#include "burner/format/appuse.h"
#include "burner/base/bytes.h"
#include "fs/iso/iso.h"

/* The descriptors of a first session and the head, with a true checksum over a wrong number. */
static void lie_about_the_tree(struct world *w, uint64_t tree_sectors)
{
	static const uint32_t places[] = {16, 17, 40, 41, 48, 49};
	int fd = open(w->image, O_RDWR | O_CLOEXEC);

	REQUIRE(fd >= 0);
	for (size_t i = 0; i < ARRAY_LENGTH(places); i++) {
		off_t at = (off_t)places[i] * SECTOR_BYTES;
		uint8_t sector[SECTOR_BYTES];
		struct appuse a;

		REQUIRE(pread(fd, sector, sizeof(sector), at) == (ssize_t)sizeof(sector));
		if (appuse_decode(sector, &a))
			continue;
		a.tree_sectors = tree_sectors;
		appuse_encode(&a, sector);
		REQUIRE(pwrite(fd, sector, sizeof(sector), at) == (ssize_t)sizeof(sector));
	}
	close(fd);
}

/* Sums of sectors must not wrap around: there would be room for a session that does not fit. */
static void test_a_tree_larger_than_all_numbers(void **state)
{
	struct iso_info info;
	struct world w;
	struct tree_file *f;
	struct statvfs v;
	struct stat st;

	(void)state;
	world_new(&w);
	w.capacity_sectors = 4000;
	w.writing = TREE_FULL; /* else that tree stays where it is */
	REQUIRE(world_open(&w) == 0);
	world_write(&w, "file", 50000, 3);
	REQUIRE(sync_now(&w).error == 0);
	world_close(&w);
	lie_about_the_tree(&w, UINT64_MAX - 8);
	assert_int_equal(world_open(&w), 0);
	iso_info(w.base, &info);
	assert_true(info.ours && info.appuse.tree_sectors == UINT64_MAX - 8);
	assert_true(world_has(&w, "file", 50000, 3));
	assert_int_equal(tree_statfs(w.tree, &v), 0);
	assert_int_equal(v.f_bavail, 0);
	assert_int_equal(tree_create(w.tree, &world_caller, TREE_ROOT, "new", 0644, O_RDWR, &st, &f), -ENOSPC);
	world_close(&w);
	world_remove(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_tree_larger_than_all_numbers)};

	return cmocka_run_group_tests_name("commit_hostile", tests, NULL, NULL);
}
