/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fs/tree, fs/commit: a session that says of itself that it is ours, and lies. */
#include "tests/unit/commit_fixture.h"

#include <errno.h>

#include "burner/format/appuse.h"
#include "burner/base/bytes.h"
#include "fs/iso/iso.h"

/* The descriptors of a first session and the head, with a true checksum over a wrong number. */
static void lie(struct world *w, void (*what)(struct appuse *a, uint64_t number), uint64_t number)
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
		what(&a, number);
		appuse_encode(&a, sector);
		REQUIRE(pwrite(fd, sector, sizeof(sector), at) == (ssize_t)sizeof(sector));
	}
	close(fd);
}

static void tree_sectors(struct appuse *a, uint64_t number) { a->tree_sectors = number; }
static void next_ino(struct appuse *a, uint64_t number) { a->next_ino = number; }

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
	lie(&w, tree_sectors, UINT64_MAX - 8);
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

/* The numbers of files on the disc are not given to new ones, whatever the session says: nothing is given. */
static void test_numbers_that_are_given_again(void **state)
{
	static const uint64_t numbers[] = {2, 3, 4};
	struct tree_file *f;
	struct stat st, other;

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(numbers); i++) {
		struct world w;

		world_new(&w);
		REQUIRE(world_open(&w) == 0);
		world_write(&w, "a", 5000, 1);
		world_write(&w, "b", 5000, 2);
		world_write(&w, "c", 5000, 3);
		REQUIRE(sync_now(&w).error == 0);
		world_close(&w);
		lie(&w, next_ino, numbers[i]);
		assert_int_equal(world_open(&w), 0);
		assert_int_equal(tree_create(w.tree, &world_caller, TREE_ROOT, "new", 0644, O_RDWR, &st, &f), -EROFS);
		assert_true(world_has(&w, "a", 5000, 1) && world_has(&w, "b", 5000, 2) && world_has(&w, "c", 5000, 3));
		assert_true(tree_is_contradicted(w.tree));
		assert_int_equal(tree_lookup(w.tree, TREE_ROOT, "c", &st), 0);
		assert_int_equal(tree_lookup(w.tree, TREE_ROOT, "c", &other), 0);
		assert_true(iso_is_stray(st.st_ino) && st.st_ino == other.st_ino);
		world_close(&w);
		world_remove(&w);
	}
}

static void test_no_number_for_anything(void **state)
{
	struct disc_state state_of = {.used_sectors = 0};
	struct world w;

	(void)state;
	world_new(&w);
	REQUIRE(world_open(&w) == 0);
	world_write(&w, "a", 5000, 1);
	REQUIRE(sync_now(&w).error == 0);
	world_close(&w);
	lie(&w, next_ino, 1);
	assert_int_equal(world_open(&w), 0);
	assert_int_equal(tree_first_ino(w.base, &state_of), 0);
	world_close(&w);
	world_remove(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_tree_larger_than_all_numbers),
					   cmocka_unit_test(test_numbers_that_are_given_again),
					   cmocka_unit_test(test_no_number_for_anything)};

	return cmocka_run_group_tests_name("commit_hostile", tests, NULL, NULL);
}
