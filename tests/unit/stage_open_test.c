/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fs/stage: whose stage it is, who has it, what is left when it is closed. */
#include <sched.h>
#include <sys/mount.h>

#include "tests/unit/stage_fixture.h"

static int open_error(const struct fixture *f, const char *expected_in_why)
{
	struct stage *s = NULL;
	_free_ char *why = NULL;
	int r = stage_open(&f->options, &s, NULL, &why);

	if (!r)
		stage_close(s);
	if (r && expected_in_why && (!why || !strstr(why, expected_in_why)))
		fail_msg("said \"%s\", not \"%s\"", why ? why : "", expected_in_why);
	return r;
}

static bool exists(const struct fixture *f, const char *name)
{
	char path[600];

	snprintf(path, sizeof(path), "%s/%s", f->directory, name);
	return !access(path, F_OK);
}

static void leave_one_file(const struct fixture *f)
{
	struct stage *s = open_stage(f);

	put_file(s, 5, 1);
	stage_close(s);
}

static void test_directory_is_made_and_emptied(void **state)
{
	struct fixture *f = *state;
	struct stage *s = open_stage(f);
	struct stat st;

	assert_int_equal(stat(f->directory, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_string_equal(stage_directory(s), f->directory);
	assert_int_equal(stage_device(s), st.st_dev);
	assert_true(exists(f, "journal.db"));
	stage_close(s);
	assert_int_equal(rmdir(f->directory), 0); /* one given by the user stays, empty */
	f->options.directory = "/nonexistent/parent/stage";
	assert_int_equal(open_error(f, NULL), -ENOENT);
}

/* Of a write-once disc: none has failed until it is said, and the first session begins at block 0. */
static void test_failed_session(void **state)
{
	struct fixture *f = *state;
	static const uint32_t failed[] = {UINT32_MAX, 0, 26480};

	leave_one_file(f);
	for (unsigned i = 0; i < ARRAY_LENGTH(failed); i++) {
		struct stage *s = open_stage(f);

		if (i > 0)
			assert_int_equal(stage_set_failed_lba(s, failed[i]), 0);
		assert_int_equal(stage_failed_lba(s), failed[i]);
		stage_close(s);
		s = open_stage(f);
		assert_int_equal(stage_failed_lba(s), failed[i]);
		stage_close(s);
	}
}

static void test_unfit_directories(void **state)
{
	struct fixture *f = *state;
	char path[400];

	assert_int_equal(mkdir(f->directory, 0700), 0);
	snprintf(path, sizeof(path), "%s/letter.txt", f->directory);
	close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	assert_int_equal(open_error(f, "letter.txt"), -ENOTEMPTY);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(chmod(f->directory, 0777), 0);
	assert_int_equal(open_error(f, "others may write"), -EACCES);
	assert_int_equal(chmod(f->directory, 0755), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(f->directory, 12345, 0), 0);
		assert_int_equal(open_error(f, "another user"), -EACCES);
		assert_int_equal(chown(f->directory, 0, 0), 0);
	}
	snprintf(path, sizeof(path), "%s/lock", f->directory);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_int_equal(open_error(f, NULL), -ELOOP);
	assert_int_equal(unlink(path), 0);
	snprintf(path, sizeof(path), "%s/journal.db", f->directory);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_int_equal(open_error(f, NULL), -ELOOP);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(open_error(f, NULL), 0);
}

static void test_in_use(void **state)
{
	struct fixture *f = *state;
	struct stage_holder holder = {.pid = 0};
	struct stage *s, *second = NULL;

	f->options.mountpoint = "/mnt/a\npid 1\nstate finishing";
	s = open_stage(f);
	assert_int_equal(stage_open(&f->options, &second, &holder, NULL), -EBUSY);
	assert_null(second);
	assert_int_equal(holder.pid, getpid());
	assert_int_equal(holder.user, STAGE_MOUNTED);
	assert_string_equal(holder.mountpoint, f->options.mountpoint);
	stage_set_user(s, STAGE_FINISHING);
	f->options.read_only = true;
	assert_int_equal(stage_open(&f->options, &second, &holder, NULL), -EBUSY);
	assert_int_equal(holder.user, STAGE_FINISHING);
	f->options.read_only = false;
	put_file(s, 5, 1);
	stage_close(s);
	s = open_stage(f);
	stage_close(s);
}

static void test_read_only_looks_without_change(void **state)
{
	struct fixture *f = *state;
	struct stage_node n;
	struct stage *s;
	uint64_t ino;

	f->options.read_only = true;
	assert_int_equal(open_error(f, NULL), -ENOENT);
	assert_int_equal(access(f->directory, F_OK), -1);
	f->options.read_only = false;
	leave_one_file(f);
	f->options.read_only = true;
	for (int i = 0; i < 2; i++) {
		s = open_stage(f);
		assert_int_equal(stage_node_get(s, 5, &n), 0);
		assert_int_equal(stage_node_put(s, &n), -EROFS);
		assert_int_equal(stage_name_put(s, 1, "x", 1), -EROFS);
		assert_int_equal(stage_new_ino(s, &ino), -EROFS);
		stage_close(s);
		assert_true(exists(f, "journal.db"));
		assert_false(exists(f, "journal.db-wal"));
	}
}

static void synced_and_gone(struct fixture *f)
{
	struct stage *s = open_stage(f);

	put_file(s, 5, 1);
	_exit(stage_sync(s) ? 1 : 0);
}

static void test_read_only_sees_the_log_of_a_crash(void **state)
{
	struct fixture *f = *state;
	char path[400];
	struct stat before, after;
	struct stage *s;

	assert_int_equal(run_child(synced_and_gone, f), 0);
	snprintf(path, sizeof(path), "%s/journal.db-wal", f->directory);
	assert_int_equal(stat(path, &before), 0);
	f->options.read_only = true;
	s = open_stage(f);
	assert_true(stage_node_exists(s, 5));
	stage_close(s);
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(after.st_size, before.st_size);
	assert_int_equal(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
}

static void test_stale(void **state)
{
	struct fixture *f = *state;
	struct disc_fingerprint got, changed = f->options.fingerprint;
	struct stage *s;

	leave_one_file(f);
	fill_identity(&f->options.identity, 9, 8);
	f->options.disc_path = "/images/other.iso";
	assert_int_equal(open_error(f, "staging directory of another disc"), -ESTALE);
	assert_int_equal(open_error(f, "/images/disc.iso"), -ESTALE);
	assert_int_equal(open_error(f, "/images/other.iso"), -ESTALE);
	fill_identity(&f->options.identity, 1, 3); /* the same disc, at another path */
	changed.next_lba = 96;
	f->options.fingerprint = changed;
	assert_int_equal(open_error(f, "is not certain"), -ESTALE); /* neither can be looked at */
	f->options.claim = STAGE_TAKE;
	assert_int_equal(open_error(f, "another program has written"), -ESTALE);
	f->options.fingerprint.next_lba = 64;
	s = open_stage(f);
	assert_int_equal(stage_commit_set(s, &(struct stage_commit){.state = STAGE_BURNING,
								    .generation = 1,
								    .uuid = {5},
								    .time = -3}),
			 0);
	stage_close(s);
	f->options.fingerprint = changed; /* a commit is under way: recovery decides */
	s = open_stage(f);
	assert_int_equal(stage_fingerprint(s, &got), 0);
	assert_int_equal(got.next_lba, 64);
	assert_int_equal(stage_rebind(s, &f->options.identity, &changed), 0);
	assert_int_equal(stage_commit_set(s, &(struct stage_commit){.state = STAGE_IDLE}), 0);
	stage_close(s);
	s = open_stage(f);
	assert_int_equal(stage_discard(s), 0);
	put_file(s, 6, 1);
	assert_int_equal(stage_node_delete(s, 6), 0);
	stage_close(s);
	fill_identity(&f->options.identity, 9, 8); /* empty: anybody's */
	s = open_stage(f);
	stage_close(s);
}

static void test_commit_state(void **state)
{
	const struct stage_commit c = {
		.state = STAGE_VERIFYING,
		.generation = 3,
		.start_lba = 4,
		.session_number = 5,
		.uuid = {1, 2, 3},
		.time = 1ll << 40,
		.sectors = 1ull << 33,
		.image_bytes = 1ull << 50,
		.encoder_version = 7,
	};
	struct stage_commit got;
	struct stage *s = open_stage(*state);
	uint32_t generation;

	assert_int_equal(stage_commit_get(s, &got), 0);
	assert_int_equal(got.state, STAGE_IDLE);
	assert_int_equal(stage_commit_set(s, &c), 0);
	stage_close(s);
	s = open_stage(*state);
	assert_int_equal(stage_commit_get(s, &got), 0);
	assert_int_equal(got.state, STAGE_VERIFYING);
	assert_int_equal(got.generation, 3);
	assert_int_equal(got.start_lba, 4);
	assert_int_equal(got.session_number, 5);
	assert_memory_equal(got.uuid, c.uuid, 16);
	assert_int_equal(got.time, c.time);
	assert_int_equal(got.sectors, c.sectors);
	assert_int_equal(got.image_bytes, c.image_bytes);
	assert_int_equal(got.encoder_version, 7);
	assert_int_equal(stage_freeze(s, &generation), -EBUSY); /* still frozen, from before the crash */
	stage_unfreeze(s);
	assert_int_equal(stage_freeze(s, &generation), 0);
	stage_close(s);
}

static void test_result_is_shown_once(void **state)
{
	struct fixture *f = *state;
	struct stage *s = open_stage(f);
	_free_ char *text = NULL;
	int r = 0;

	assert_int_equal(stage_result_get(s, &r, &text), -ENODATA);
	assert_int_equal(stage_result_set(s, -EIO, "the burn failed: sector 5"), 0);
	stage_close(s);
	assert_true(exists(f, "journal.db")); /* empty, but somebody has to be told */
	f->options.read_only = true;
	s = open_stage(f);
	assert_int_equal(stage_result_get(s, &r, &text), 0);
	stage_close(s);
	f->options.read_only = false;
	free(text);
	text = NULL;
	s = open_stage(f);
	assert_int_equal(stage_result_get(s, &r, &text), 0);
	assert_int_equal(r, -EIO);
	assert_string_equal(text, "the burn failed: sector 5");
	assert_int_equal(stage_result_get(s, &r, &text), -ENODATA);
	stage_close(s);
	assert_false(exists(f, "journal.db"));
}

/* ---- below the default root ---- */

struct by_identity {
	struct fixture *f;
	bool usable;
	char root[300];
};

/* root's is a fixed place: a file system of our own is put over it, seen by this process alone. */
static int identity_setup(void **state)
{
	struct by_identity *b = calloc(1, sizeof(*b));
	void *fixture = NULL;

	if (!b || fixture_setup(&fixture))
		return -1;
	b->f = fixture;
	b->f->options.directory = NULL;
	if (geteuid() == 0) {
		b->usable = !unshare(CLONE_NEWNS) && !mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
			    !mount("stage-test", "/var/lib", "tmpfs", 0, "size=64m");
		snprintf(b->root, sizeof(b->root), "/var/lib/cdappendfs");
		if (!b->usable)
			print_message("skipped: no private /var/lib can be made (%s)\n", strerror(errno));
	} else {
		b->usable = !setenv("XDG_STATE_HOME", b->f->root, 1);
		snprintf(b->root, sizeof(b->root), "%s/cdappendfs", b->f->root);
	}
	*state = b;
	return 0;
}

static int identity_teardown(void **state)
{
	struct by_identity *b = *state;
	void *fixture = b->f;

	if (b->usable && geteuid() == 0)
		umount2("/var/lib", MNT_DETACH);
	fixture_teardown(&fixture);
	free(b);
	return 0;
}

static bool has(const struct by_identity *b, const char *two_digits)
{
	char path[500];
	int n = snprintf(path, sizeof(path), "%s/", b->root);

	for (int i = 0; i < 32; i++)
		n += snprintf(path + n, sizeof(path) - (size_t)n, "%s", two_digits);
	return !access(path, F_OK);
}

static void test_found_by_identity(void **state)
{
	struct by_identity *b = *state;
	struct stage *s;
	_free_ char *root = NULL;

	if (!b->usable)
		skip();
	assert_int_equal(stage_default_root(&root), 0);
	assert_string_equal(root, b->root);
	s = open_stage(b->f);
	assert_true(has(b, "01"));
	stage_close(s);
	assert_false(has(b, "01")); /* empty */
	leave_one_file(b->f);
	assert_true(has(b, "01"));
	s = open_stage(b->f);
	assert_true(stage_node_exists(s, 5));
	assert_int_equal(stage_discard(s), 0);
	stage_close(s);
	assert_false(has(b, "01"));
}

static void test_blank_disc_is_bound_when_it_was_burned(void **state)
{
	struct by_identity *b = *state;
	struct fixture *f = b->f;
	struct disc_identity burned;
	struct stage_holder holder;
	struct stage *s, *other = NULL;

	if (!b->usable)
		skip();
	fill_identity(&burned, 1, 2);
	fill_identity(&f->options.identity, 2, 2);
	s = open_stage(f);
	put_file(s, 5, 1);
	assert_int_equal(stage_rebind(s, &burned, &f->options.fingerprint), 0);
	f->options.identity = burned;
	f->options.read_only = true; /* info sees the mount of the disc that was blank */
	assert_int_equal(stage_open(&f->options, &other, &holder, NULL), -EBUSY);
	assert_int_equal(holder.pid, getpid());
	f->options.read_only = false;
	stage_close(s);
	assert_true(has(b, "01")); /* its name was changed when it was closed */
	s = open_stage(f);
	assert_true(has(b, "01"));
	assert_false(has(b, "02"));
	assert_true(strstr(stage_directory(s), "0101") != NULL);
	assert_true(stage_node_exists(s, 5));
	put_file(s, 6, 1);
	assert_int_equal(stage_sync(s), 0);
	stage_close(s);
	s = open_stage(f);
	assert_true(stage_node_exists(s, 6));
	stage_close(s);
}

static void test_blank_stage_of_another_disc_is_left_alone(void **state)
{
	struct by_identity *b = *state;
	struct fixture *f = b->f;
	struct stage *blank, *s;

	if (!b->usable)
		skip();
	fill_identity(&f->options.identity, 2, 2);
	blank = open_stage(f);
	put_file(blank, 5, 1);
	fill_identity(&f->options.identity, 1, 2); /* another medium of the same kind, burned long ago */
	s = open_stage(f);
	assert_true(stage_empty(s));
	put_file(s, 7, 1);
	stage_close(s);
	stage_close(blank);
	s = open_stage(f);
	assert_true(stage_node_exists(s, 7));
	stage_close(s);
	fill_identity(&f->options.identity, 2, 2);
	s = open_stage(f);
	assert_true(stage_node_exists(s, 5));
	stage_close(s);
}

static void test_crash_in_the_first_burn(void **state)
{
	struct by_identity *b = *state;
	struct fixture *f = b->f;
	struct stage *s;

	if (!b->usable)
		skip();
	fill_identity(&f->options.identity, 2, 2);
	s = open_stage(f);
	put_file(s, 5, 1);
	assert_int_equal(stage_commit_set(s, &(struct stage_commit){.state = STAGE_PUBLISHING, .generation = 1}), 0);
	stage_close(s);
	fill_identity(&f->options.identity, 1, 2); /* the head was written before the crash */
	s = open_stage(f);
	assert_true(stage_node_exists(s, 5));
	assert_int_equal(stage_rebind(s, &f->options.identity, &f->options.fingerprint), 0);
	assert_int_equal(stage_commit_set(s, &(struct stage_commit){.state = STAGE_IDLE}), 0);
	stage_close(s);
	assert_true(has(b, "01"));
	assert_false(has(b, "02"));
	s = open_stage(f);
	assert_true(stage_node_exists(s, 5));
	stage_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_directory_is_made_and_emptied, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_failed_session, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_unfit_directories, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_in_use, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_read_only_looks_without_change, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_read_only_sees_the_log_of_a_crash, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(test_stale, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_commit_state, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_result_is_shown_once, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_found_by_identity, identity_setup, identity_teardown),
		cmocka_unit_test_setup_teardown(test_blank_disc_is_bound_when_it_was_burned, identity_setup,
						identity_teardown),
		cmocka_unit_test_setup_teardown(test_blank_stage_of_another_disc_is_left_alone, identity_setup,
						identity_teardown),
		cmocka_unit_test_setup_teardown(test_crash_in_the_first_burn, identity_setup, identity_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
