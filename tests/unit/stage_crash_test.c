/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fs/stage: what a killed process leaves, a full disk, a damaged journal. */
#include <signal.h>
#include <sys/mount.h>

#include "tests/unit/stage_fixture.h"

#define N_PAIRS 400u

static void name_of(unsigned i, char name[32]) { snprintf(name, 32, "name%u", i); }

/* A step of two rows that belong together. */
static void put_pair(struct stage *s, unsigned i)
{
	struct stage_node n = {.ino = 1000 + i, .mode = S_IFREG | 0644, .nlink = 1};
	char name[32];

	name_of(i, name);
	stage_lock(s);
	if (stage_node_put(s, &n) || stage_name_put(s, 1, name, n.ino))
		_exit(3);
	stage_unlock(s);
}

static struct stage *must_open(struct fixture *f)
{
	struct stage *s;

	if (stage_open(&f->options, &s, NULL, NULL))
		_exit(2);
	return s;
}

static void put_and_die(struct fixture *f)
{
	struct stage *s = must_open(f);

	for (unsigned i = 0; i < N_PAIRS; i++)
		put_pair(s, i);
	if (stage_sync(s))
		_exit(4);
	for (unsigned i = N_PAIRS; i < 2 * N_PAIRS; i++)
		put_pair(s, i);
	kill(getpid(), SIGKILL);
}

static unsigned check_pairs(struct stage *s)
{
	unsigned there = 0;

	for (unsigned i = 0; i < 1000 * N_PAIRS; i++) {
		char name[32];
		uint64_t ino;
		bool node = stage_node_exists(s, 1000 + i), named;

		name_of(i, name);
		named = stage_name_get(s, 1, name, &ino) == 0;
		assert_int_equal(node, named);
		if (!node && i >= 2 * N_PAIRS && i > there + 100)
			break;
		there += node;
	}
	return there;
}

static void test_synced_rows_survive_kill(void **state)
{
	int status = run_child(put_and_die, *state);
	struct stage *s;

	assert_true(WIFSIGNALED(status));
	s = open_stage(*state);
	assert_true(check_pairs(s) >= N_PAIRS);
	stage_close(s);
}

/* With the thread, killed at any moment: between, in or after a commit or a checkpoint. */
static void put_until_killed(struct fixture *f)
{
	struct stage *s = must_open(f);

	if (stage_start_thread(s))
		_exit(2);
	for (unsigned i = 0;; i++) {
		put_pair(s, i);
		if (i % 512 == 511 && stage_sync(s))
			_exit(4);
	}
}

static void test_pairs_stay_whole_wherever_it_is_killed(void **state)
{
	unsigned last = 0;

	for (int round = 0; round < 6; round++) {
		pid_t pid = fork();
		int status;
		unsigned there;
		struct stage *s;

		if (pid == 0)
			put_until_killed(*state);
		usleep(60000 + (unsigned)round * 45000);
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		s = open_stage(*state);
		there = check_pairs(s);
		assert_true(there >= last);
		last = there;
		stage_close(s);
	}
}

static void give_numbers_and_die(struct fixture *f)
{
	struct stage *s = must_open(f);
	uint64_t ino = 0;

	if (stage_new_ino(s, &ino) || stage_sync(s))
		_exit(2);
	for (int i = 0; i < 1500; i++)
		if (stage_new_ino(s, &ino))
			_exit(2);
	kill(getpid(), SIGKILL);
}

static void test_inode_numbers_are_not_given_twice(void **state)
{
	struct stage *s;
	uint64_t ino = 0;

	assert_true(WIFSIGNALED(run_child(give_numbers_and_die, *state)));
	s = open_stage(*state);
	assert_int_equal(stage_new_ino(s, &ino), 0);
	assert_true(ino > 100 + 1500);
	stage_close(s);
}

static void stray_body_and_die(struct fixture *f)
{
	struct stage *s = must_open(f);
	uint32_t body;
	uint64_t pos;

	put_file(s, 5, 0);
	if (stage_sync(s) || stage_segment_alloc(s, 2048, &body, &pos) || stage_body_write(s, body, pos, "x", 1))
		_exit(2);
	kill(getpid(), SIGKILL);
}

static void test_stray_bodies_are_removed(void **state)
{
	struct stage_totals totals;
	struct stage *s;

	assert_true(WIFSIGNALED(run_child(stray_body_and_die, *state)));
	s = open_stage(*state);
	stage_totals(s, &totals);
	assert_int_equal(totals.nodes, 1);
	assert_int_equal(totals.body_bytes, 0);
	stage_close(s);
}

static void test_log_is_checkpointed(void **state)
{
	struct fixture *f = *state;
	struct stage *s = open_stage(f);
	char path[400];
	struct stat log, journal;

	for (unsigned round = 0; round < 60; round++) {
		for (unsigned i = 0; i < 2000; i++)
			put_pair(s, (i * 37 + round * 1000) % 60000);
		assert_int_equal(stage_sync(s), 0);
	}
	snprintf(path, sizeof(path), "%s/journal.db-wal", f->directory);
	assert_int_equal(stat(path, &log), 0);
	snprintf(path, sizeof(path), "%s/journal.db", f->directory);
	assert_int_equal(stat(path, &journal), 0);
	print_message("log %lld KiB, journal %lld KiB\n", (long long)log.st_size / 1024,
		      (long long)journal.st_size / 1024);
	assert_true(log.st_size < 24 << 20);
	assert_true(journal.st_size > 1 << 20);
	stage_close(s);
	assert_int_equal(stat(path, &journal), 0);
	s = open_stage(f);
	assert_true(stage_node_exists(s, 1000));
	stage_close(s);
}

/* ---- damage ---- */

/* A state that is put is durable with the next sync, one that is set at once. */
static void put_state_and_die(struct fixture *f)
{
	struct stage *s = must_open(f);

	put_pair(s, 0);
	if (stage_sync(s) || stage_commit_put(s, &(struct stage_commit){.state = STAGE_FROZEN, .generation = 1}))
		_exit(4);
	put_pair(s, 1);
	kill(getpid(), SIGKILL);
}

static void set_state_and_die(struct fixture *f)
{
	struct stage *s = must_open(f);

	if (stage_commit_put(s, &(struct stage_commit){.state = STAGE_FROZEN, .generation = 1}))
		_exit(4);
	put_pair(s, 1);
	if (stage_commit_set(s, &(struct stage_commit){.state = STAGE_BURNING, .generation = 1}))
		_exit(4);
	kill(getpid(), SIGKILL);
}

static void check_state(struct fixture *f, enum stage_commit_state state, bool pair)
{
	struct stage *s = open_stage(f);
	struct stage_commit c;

	assert_int_equal(stage_commit_get(s, &c), 0);
	assert_int_equal(c.state, state);
	assert_true(stage_node_exists(s, 1000));
	assert_int_equal(stage_node_exists(s, 1001), pair);
	stage_close(s);
}

static void test_state_of_a_commit_that_is_put(void **state)
{
	assert_true(WIFSIGNALED(run_child(put_state_and_die, *state)));
	check_state(*state, STAGE_IDLE, false);
	assert_true(WIFSIGNALED(run_child(set_state_and_die, *state)));
	check_state(*state, STAGE_BURNING, true);
}

static void overwrite(const char *path, off_t at, size_t length)
{
	_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);
	_free_ uint8_t *garbage = malloc(length);

	assert_true(fd >= 0 && garbage);
	memset(garbage, 0xa5, length);
	assert_int_equal(pwrite(fd, garbage, length, at), length);
}

static uint64_t sum_of(const char *path)
{
	_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t buf[4096];
	uint64_t sum = 0;
	ssize_t n;

	assert_true(fd >= 0);
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		for (ssize_t i = 0; i < n; i++)
			sum = sum * 31 + buf[i];
	return sum;
}

static void check_damage(struct fixture *f, off_t at, size_t length)
{
	struct stage *s = open_stage(f);
	_free_ char *why = NULL;
	char path[400];
	uint64_t before;

	snprintf(path, sizeof(path), "%s/journal.db", f->directory);
	for (unsigned i = 0; i < N_PAIRS; i++)
		put_pair(s, i);
	stage_close(s);
	overwrite(path, at, length);
	before = sum_of(path);
	s = NULL;
	assert_int_equal(stage_open(&f->options, &s, NULL, &why), -EBADMSG);
	assert_null(s);
	assert_non_null(why);
	assert_true(sum_of(path) == before);
}

static void test_journal_that_is_no_database(void **state) { check_damage(*state, 0, 8192); }
static void test_journal_with_a_damaged_page(void **state) { check_damage(*state, 5 * 4096, 4 * 4096); }

static void test_journal_cut_to_nothing(void **state)
{
	struct fixture *f = *state;
	struct stage *s;
	char path[400];

	assert_true(WIFSIGNALED(run_child(put_and_die, f))); /* leaves a log */
	snprintf(path, sizeof(path), "%s/journal.db", f->directory);
	assert_int_equal(truncate(path, 0), 0);
	assert_int_equal(stage_open(&f->options, &s, NULL, NULL), -EBADMSG);
	snprintf(path, sizeof(path), "%s/journal.db-wal", f->directory);
	assert_true(sum_of(path) != 0);
}

/* ---- a full disk ---- */

static int small_disk_setup(void **state)
{
	struct fixture *f;

	if (fixture_setup(state))
		return -1;
	f = *state;
	if (mount("stage-test", f->root, "tmpfs", 0, "size=24m"))
		print_message("skipped: no tmpfs can be mounted here (%s)\n", strerror(errno)),
			f->options.disc_path = NULL;
	return 0;
}

static int small_disk_teardown(void **state)
{
	struct fixture *f = *state;

	if (f->options.disc_path)
		umount2(f->root, MNT_DETACH);
	return fixture_teardown(state);
}

static unsigned fill_with_rows(struct stage *s, unsigned from)
{
	for (unsigned i = from;; i++) {
		char target[] = "0123456789012345678901234567890123456789";
		struct stage_node n = {.ino = 1000 + i, .mode = S_IFREG | 0644, .target = target};
		int r = stage_node_put(s, &n);

		assert_true(i < 10000000);
		if (r) {
			assert_int_equal(r, -ENOSPC);
			return i;
		}
		if (i % 1000 == 999)
			assert_int_equal(stage_sync(s), 0);
	}
}

static void test_full_disk(void **state)
{
	struct fixture *f = *state;
	_free_ uint8_t *data = calloc(1, 1 << 20);
	struct stage *s;
	uint32_t body;
	uint64_t pos;
	unsigned n;
	int r;

	if (!f->options.disc_path)
		skip();
	s = open_stage(f);
	for (size_t piece = 1 << 20; piece >= 2048; piece /= 2) {
		while ((r = stage_segment_alloc(s, piece, &body, &pos)) == 0)
			assert_int_equal(stage_body_write(s, body, pos, data, piece), 0);
		assert_int_equal(r, -ENOSPC);
	}
	assert_true(stage_host_free(s) >= 7 << 20); /* left to the journal */
	assert_int_equal(stage_body_new(s, &body), -ENOSPC);
	n = fill_with_rows(s, 0);
	print_message("%u rows until the disk was full\n", n);
	assert_int_equal(stage_sync(s), 0); /* what was accepted can be saved */
	assert_int_equal(stage_node_delete(s, 1000), 0);
	assert_int_equal(stage_sync(s), 0);
	stage_close(s);
	s = open_stage(f);
	assert_false(stage_node_exists(s, 1000));
	for (unsigned i = 1; i < n; i++)
		assert_true(stage_node_exists(s, 1000 + i));
	assert_int_equal(stage_discard(s), 0);
	stage_close(s);
}

/* Somebody else takes the last byte while a transaction is open: it waits, and nothing of it is lost. */
static void test_disk_filled_by_others(void **state)
{
	struct fixture *f = *state;
	struct stage *s;
	char path[400];
	_free_ uint8_t *data = calloc(1, 1 << 20);
	int fd;

	if (!f->options.disc_path)
		skip();
	s = open_stage(f);
	for (unsigned i = 0; i < N_PAIRS; i++)
		put_pair(s, i);
	snprintf(path, sizeof(path), "%s/ballast", f->root);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	for (size_t piece = 1 << 20; piece >= 512; piece /= 2)
		while (write(fd, data, piece) > 0)
			;
	close(fd);
	assert_int_equal(stage_sync(s), -ENOSPC);
	assert_int_equal(stage_sync(s), -ENOSPC);
	assert_true(stage_node_exists(s, 1000));
	assert_int_equal(stage_name_put(s, 1, "more", 5), -ENOSPC);
	assert_int_equal(stage_name_delete(s, 1, "name0"), 0);
	assert_int_equal(stage_node_delete(s, 1000), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(stage_sync(s), 0);
	assert_int_equal(stage_name_put(s, 1, "more", 5), 0);
	stage_close(s);
	s = open_stage(f);
	for (unsigned i = 1; i < N_PAIRS; i++)
		assert_true(stage_node_exists(s, 1000 + i));
	assert_false(stage_node_exists(s, 1000));
	stage_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_synced_rows_survive_kill, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_pairs_stay_whole_wherever_it_is_killed, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(test_inode_numbers_are_not_given_twice, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(test_stray_bodies_are_removed, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_state_of_a_commit_that_is_put, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_log_is_checkpointed, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_journal_that_is_no_database, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_journal_with_a_damaged_page, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_journal_cut_to_nothing, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_full_disk, small_disk_setup, small_disk_teardown),
		cmocka_unit_test_setup_teardown(test_disk_filled_by_others, small_disk_setup, small_disk_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
