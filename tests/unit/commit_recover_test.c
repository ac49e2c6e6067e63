/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fs/commit: a child commits and is killed at one step; the parent mounts again. Nothing is lost, nothing is burned
 * twice, and a recovery that is killed itself is repeated.
 */
#include "tests/unit/disc_check.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

/* Base of each case: blank, one session of ours, an image of genisoimage, one of xorriso, which has padding behind
 * its session. */
enum base { BLANK, OURS, FOREIGN, PADDED };

static void make_base(struct world *w, enum base base)
{
	world_new(w);
	if (base == FOREIGN)
		world_run(w, "mkdir in && echo foreign >in/old && genisoimage -quiet -R -o image in 2>/dev/null");
	if (base == PADDED)
		world_run(w, "mkdir in && echo foreign >in/old && xorriso -outdev stdio:image -map in / -commit "
			     ">/dev/null 2>&1; truncate -s +2M image");
	if (base != OURS)
		return;
	REQUIRE(world_open(w) == 0);
	world_mkdir(w, "before");
	world_write(w, "before/file", 50000, 3);
	REQUIRE(sync_now(w).error == 0);
	world_close(w);
}

static bool base_is_there(struct world *w, enum base base)
{
	if (base == OURS)
		return world_has(w, "before/file", 50000, 3) || world_has(w, "kept/file", 50000, 3);
	return base == BLANK || world_lookup(w, "old");
}

static void change_and_commit(struct world *w)
{
	REQUIRE(world_open(w) == 0);
	world_mkdir(w, "d");
	world_write(w, "d/large", 400000, 1);
	world_write(w, "small", 100, 2);
	REQUIRE(tree_sync(w->tree) == 0);
	sync_now(w);
	world_close(w);
}

static bool changes_are_there(struct world *w)
{
	return world_has(w, "d/large", 400000, 1) && world_has(w, "small", 100, 2);
}

static void check_recovered(struct world *w, enum base base, uint64_t length, size_t n_before)
{
	struct disc_found found;
	size_t n;

	w->options.fault = NULL;
	assert_int_equal(world_open(w), 0);
	assert_true(changes_are_there(w));
	assert_true(base_is_there(w, base));
	n = world_sessions(w);
	if (n == n_before) {
		struct commit_result r;

		assert_true(image_bytes(w) == length);
		r = sync_now(w);
		assert_int_equal(r.error, 0);
		assert_true(r.burned);
	} else {
		assert_int_equal(n, n_before + 1);
		assert_true(stage_empty(w->stage));
		assert_false(sync_now(w).burned); /* never twice */
	}
	world_close(w);
	assert_int_equal(world_open(w), 0);
	assert_null(w->recovered);
	assert_int_equal(world_sessions(w), n_before + 1);
	assert_true(changes_are_there(w));
	assert_true(base_is_there(w, base));
	assert_false(sync_now(w).burned);
	world_close(w);
	disc_check(w->image, &found);
	world_remove(w);
}

static void test_killed_at(const char *fault, enum base base)
{
	struct world w;
	uint64_t length;

	make_base(&w, base);
	length = image_bytes(&w);
	w.options.fault = fault;
	if (!killed(&w, change_and_commit)) {
		print_message("%s was not reached\n", fault);
		fail();
	}
	check_recovered(&w, base, length, base == BLANK ? 0 : 1);
}

static void test_kills(void **state)
{
	static const char *const faults[] = {EDGE_KILLS,       "kill@0",	 "kill@3",	     "kill@17",
					     "kill@40",	       "kill@200",	 "kill-before-sync", "kill-publish@0",
					     "kill-publish@1", "kill-publish@8", "kill-publish@14",  "kill-publish@15",
					     "kill-publish@16"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(faults); i++)
		for (enum base base = BLANK; base <= FOREIGN; base++)
			test_killed_at(faults[i], base);
}

/* Changes made while it burned, then the end: the next mount has the burned generation and what came after it. */
static void change_meanwhile(struct world *w)
{
	struct waiter waiter = WAITER;
	struct commit_status s = {.phase = COMMIT_IDLE};

	REQUIRE(world_open(w) == 0);
	world_mkdir(w, "d");
	world_write(w, "d/large", 400000, 1);
	world_write(w, "small", 100, 2);
	world_write(w, "victim", 3000, 4);
	REQUIRE(commit_request(w->commit, NULL, waiter_done, &waiter) == 0);
	while (s.phase != COMMIT_BURNING) {
		commit_status(w->commit, &s);
		nanosleep(&(struct timespec){0, 1000000}, NULL);
	}
	world_write(w, "during", 9000, 5);
	world_write(w, "small", 200, 6);
	REQUIRE(world_unlink(w, "victim") == 0);
	REQUIRE(tree_rename(w->tree, TREE_ROOT, "before", TREE_ROOT, "kept", 0) == 0);
	world_write(w, "d/inside", 10, 7);
	REQUIRE(tree_sync(w->tree) == 0);
	waiter_wait(&waiter, 1);
	world_close(w);
}

static bool all_is_there(struct world *w)
{
	return world_has(w, "during", 9000, 5) && world_has(w, "small", 200, 6) && world_has(w, "d/large", 400000, 1) &&
	       world_has(w, "kept/file", 50000, 3) && world_has(w, "d/inside", 10, 7) && !world_lookup(w, "victim") &&
	       !world_lookup(w, "before");
}

static void test_changes_meanwhile(void **state)
{
	static const char *const faults[] = {"edge@verifying=killed", "edge@publishing=killed", "kill-publish@9",
					     "edge@rebasing=killed", "edge@idle=kill"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(faults); i++) {
		struct world w;
		struct commit_result r;

		make_base(&w, OURS);
		w.options.fault = faults[i];
		w.options.bytes_per_second = 1500000;
		assert_true(killed(&w, change_meanwhile));
		w.options = (struct commit_options){.fault = NULL};
		assert_int_equal(world_open(&w), 0);
		assert_true(all_is_there(&w));
		assert_int_equal(world_sessions(&w), i == 0 ? 1 : 2);
		r = sync_now(&w);
		assert_int_equal(r.error, 0);
		assert_true(r.burned);
		assert_true(all_is_there(&w));
		world_close(&w);
		assert_int_equal(world_open(&w), 0);
		assert_true(all_is_there(&w));
		assert_true(stage_empty(w.stage));
		world_close(&w);
		world_remove(&w);
	}
}

/* The recovery itself is killed, at times that differ: the next one does it again. */
static void test_killed_recovery(void **state)
{
	static const char *const faults[] = {"kill@200", "edge@publishing=killed", "edge@rebasing=killed"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(faults); i++) {
		struct world w;
		uint64_t length;

		make_base(&w, OURS);
		length = image_bytes(&w);
		w.options.fault = faults[i];
		assert_true(killed(&w, change_and_commit));
		for (long us = 0; us < 30000; us += 1500) {
			int status;
			pid_t child = fork();

			REQUIRE(child >= 0);
			if (child == 0) {
				w.options.fault = NULL;
				REQUIRE(world_open(&w) == 0);
				pause();
			}
			nanosleep(&(struct timespec){0, us * 1000}, NULL);
			kill(child, SIGKILL);
			REQUIRE(waitpid(child, &status, 0) == child);
			REQUIRE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		}
		check_recovered(&w, OURS, length, 1);
	}
}

/* ---- torn sectors: disks write pieces of 512 bytes (tests/power tries what else a power cut leaves) ---- */

#define PIECE 512u /* the last one of a descriptor is empty */

static void read_sector(const struct world *w, uint64_t lba, uint8_t sector[2048])
{
	_close_ int fd = open(w->image, O_RDONLY | O_CLOEXEC);

	memset(sector, 0, 2048);
	REQUIRE(fd < 0 || pread(fd, sector, 2048, (off_t)lba * 2048) >= 0); /* none yet, or shorter: zeros */
}

/* The pieces in the mask are as they were before. */
static void tear(const struct world *w, uint64_t lba, const uint8_t old[2048], unsigned mask)
{
	_close_ int fd = open(w->image, O_WRONLY | O_CLOEXEC);

	for (unsigned i = 0; i < 4; i++)
		if (mask >> i & 1)
			REQUIRE(pwrite(fd, old + i * PIECE, PIECE, (off_t)(lba * 2048 + i * PIECE)) == PIECE);
}

static void check_torn(enum base base, const char *fault, uint64_t lba, unsigned mask)
{
	uint8_t old[2048], head[2048], copy[2048];
	struct disc_session *sessions = NULL;
	struct world w;
	uint64_t length;
	size_t n = 0;

	make_base(&w, base);
	length = image_bytes(&w);
	read_sector(&w, lba, old);
	w.options.fault = fault;
	assert_true(killed(&w, change_and_commit));
	tear(&w, lba, old, mask);
	w.options.fault = NULL;
	if (lba == 16) { /* recovery must not leave a head of two parts */
		assert_int_equal(world_open(&w), 0);
		assert_int_equal(disc_sessions(w.disc, &sessions, &n), 0);
		assert_true(n && sessions[n - 1].ours);
		read_sector(&w, 16, head);
		read_sector(&w, sessions[n - 1].start_lba + 8, copy);
		assert_memory_equal(head, copy, sizeof(head));
		free(sessions);
		world_close(&w);
	}
	check_recovered(&w, base, length, base == BLANK ? 0 : 1);
}

static void test_torn_head(void **state)
{
	(void)state;
	for (enum base base = BLANK; base <= PADDED; base++)
		for (unsigned mask = 1; mask < 8; mask++)
			check_torn(base, "kill-publish@16", 16, mask);
}

static void next_descriptor_lba(struct world *w, uint64_t *ret)
{
	struct disc_state state;

	REQUIRE(disc_state(w->disc, &state) == 0);
	*ret = state.next_lba + 16;
}

/* The image had room behind its session: the new session's descriptor is not cut off with the rest. */
static void test_torn_descriptor(void **state)
{
	struct world w;
	uint64_t lba;

	(void)state;
	make_base(&w, PADDED);
	REQUIRE(world_open(&w) == 0);
	next_descriptor_lba(&w, &lba);
	world_close(&w);
	world_remove(&w);
	for (unsigned mask = 0; mask < 8; mask++)
		check_torn(PADDED, "kill@40", lba, mask);
}

/* A first burn that was cut in its first write. */
static void test_torn_beginning(void **state)
{
	static const uint8_t zeros[2048];

	(void)state;
	for (unsigned mask = 0; mask < 8; mask++) {
		_close_ int fd = -1;
		struct world w;

		make_base(&w, BLANK);
		w.options.fault = "kill@40";
		assert_true(killed(&w, change_and_commit));
		fd = open(w.image, O_RDWR | O_CLOEXEC);
		assert_true(fd >= 0);
		for (off_t lba = 0; lba < 48; lba++)
			assert_int_equal(pwrite(fd, zeros, sizeof(zeros), lba * 2048), sizeof(zeros));
		assert_int_equal(ftruncate(fd, 49 * 2048), 0);
		tear(&w, 48, zeros, mask);
		check_recovered(&w, BLANK, 0, 0);
	}
}

/* Another program appended after the crash: nothing is cut, nothing is burned, the stage stays. */
static void test_foreign_append(void **state)
{
	struct world w;
	uint64_t length;

	(void)state;
	make_base(&w, OURS);
	w.options.fault = "kill@200";
	assert_true(killed(&w, change_and_commit));
	world_run(&w, "echo other >other && xorriso -dev stdio:image -map other /other -commit >/dev/null 2>&1");
	length = image_bytes(&w);
	w.options.fault = NULL;
	assert_int_equal(world_open(&w), -ESTALE);
	assert_non_null(w.recovered);
	assert_non_null(strstr(w.recovered, "expected"));
	assert_int_equal(image_bytes(&w), length);
	assert_false(stage_empty(w.stage));
	world_close(&w);
	world_remove(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kills),		cmocka_unit_test(test_changes_meanwhile),
		cmocka_unit_test(test_killed_recovery), cmocka_unit_test(test_torn_head),
		cmocka_unit_test(test_torn_descriptor), cmocka_unit_test(test_torn_beginning),
		cmocka_unit_test(test_foreign_append),
	};

	log_state.level = -1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
