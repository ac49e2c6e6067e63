/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What names of a file beyond 4 GiB cost, which has a record for each of its sections: the room asked for is enough.
 * The file is a hole, in an image that has it as one.
 */
#include "tests/unit/commit_fixture.h"

#include "burner/base/bytes.h"
#include "burner/format/appuse.h"
#include "burner/format/bound.h"
#include "burner/format/geometry.h"
#include "fs/tree/internal.h"

#define LARGE_BYTES (SECTION_MAX_BYTES + (32u << 20))
#define NAMES 3000u

/* It is "large", and there is a directory for more names. */
static uint64_t make_large(struct world *w, enum tree_writing writing)
{
	struct stat st = {.st_size = (off_t)LARGE_BYTES};
	uint64_t ino;

	world_new(w);
	w->writing = writing;
	w->options.no_verify = true;
	REQUIRE(world_open(w) == 0);
	world_mkdir(w, "names");
	world_write(w, "large", 10, 1);
	ino = world_lookup(w, "large");
	REQUIRE(tree_setattr(w->tree, ino, &st, TREE_SET_SIZE, &st) == 0);
	assert_int_equal(st.st_size, LARGE_BYTES);
	return ino;
}

static void link_often(struct world *w, uint64_t ino)
{
	uint64_t directory = world_lookup(w, "names");
	char name[32];
	struct stat st;

	for (unsigned i = 0; i < NAMES; i++) {
		snprintf(name, sizeof(name), "%u", i);
		REQUIRE(tree_link(w->tree, ino, directory, name, &st) == 0);
	}
}

/* But for the path tables' rounding and what is rounded up at the session's end. */
static void assert_room(struct world *w, uint64_t least_tree_sectors)
{
	struct commit_result dry = ask(w, &ask_dry_run);

	assert_int_equal(dry.error, 0);
	tree_lock(w->tree);
	uint64_t room = space_body_locked(w->tree);
	tree_unlock(w->tree);
	assert_int_equal(dry.cost.data_sectors, 0);
	assert_true(dry.cost.tree_sectors > least_tree_sectors);
	if (BOUND_SESSION_SECTORS - 6 + dry.cost.tree_sectors > room)
		fail_msg("%lu sectors of directories in %lu", (unsigned long)dry.cost.tree_sectors,
			 (unsigned long)room);
}

#define RECORDS_SECTORS (NAMES * 2 * 150 / SECTOR_BYTES) /* fewer than those of both sections, in both trees, take */

static void linked_and_moved(enum tree_writing writing)
{
	struct world w;
	uint64_t ino = make_large(&w, writing);

	assert_int_equal(sync_now(&w).error, 0);
	link_often(&w, ino);
	assert_room(&w, RECORDS_SECTORS);
	assert_int_equal(ask(&w, &ask_discard).error, 0);
	REQUIRE(tree_rename(w.tree, TREE_ROOT, "large", world_lookup(&w, "names"), "moved", 0) == 0);
	assert_room(&w, 0);
	world_close(&w);
	world_remove(&w);
}

static void test_full(void **state)
{
	(void)state;
	linked_and_moved(TREE_FULL);
}

static void test_linked(void **state)
{
	(void)state;
	linked_and_moved(TREE_LINKED);
}

/* Both descriptors of the head lose what we say of ourselves. */
static void make_foreign(struct world *w)
{
	uint8_t descriptor[SECTOR_BYTES];
	struct appuse a;
	int fd = open(w->image, O_RDWR);

	REQUIRE(fd >= 0);
	for (uint32_t lba = 16; lba < 64; lba++) {
		REQUIRE(pread(fd, descriptor, sizeof(descriptor), (off_t)lba * SECTOR_BYTES) == SECTOR_BYTES);
		if (memcmp(descriptor + 1, "CD001", 5) || appuse_decode(descriptor, &a) < 0)
			continue;
		memset(descriptor + 883, 0, 512);
		REQUIRE(pwrite(fd, descriptor, sizeof(descriptor), (off_t)lba * SECTOR_BYTES) == SECTOR_BYTES);
	}
	close(fd);
}

/* What another program wrote is measured, and written as a whole by the first session of ours. */
static void test_foreign(void **state)
{
	struct world w;
	uint64_t ino = make_large(&w, TREE_AUTO);

	(void)state;
	link_often(&w, ino);
	assert_int_equal(sync_now(&w).error, 0);
	world_close(&w);
	make_foreign(&w);
	REQUIRE(world_open(&w) == 0);
	world_mkdir(&w, "one more");
	assert_room(&w, RECORDS_SECTORS);
	world_close(&w);
	world_remove(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_linked),
		cmocka_unit_test(test_foreign),
	};

	log_state.level = -1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
