/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fs/stage: whose stage it is, of an image and its copies; what is told of one that was damaged or whose disc is
 * gone. */
#include <sched.h>
#include <sys/mount.h>
#include <time.h>

#include "tests/unit/stage_fixture.h"

/* Images are files of their own beside the stage; a private default root. */
struct copies {
	struct fixture *f;
	bool usable;
	char original[400], copy[400];
};

static void make_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	close(fd);
}

/* The clock of files has ticks. */
static void tick(void) { nanosleep(&(struct timespec){.tv_nsec = 30000000}, NULL); }

static int copies_setup(void **state)
{
	struct copies *c = calloc(1, sizeof(*c));
	void *fixture = NULL;

	if (!c || fixture_setup(&fixture))
		return -1;
	c->f = fixture;
	c->f->options.directory = NULL;
	if (geteuid() == 0)
		c->usable = !unshare(CLONE_NEWNS) && !mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
			    !mount("stage-test", "/var/lib", "tmpfs", 0, "size=64m");
	else
		c->usable = !setenv("XDG_STATE_HOME", c->f->root, 1);
	snprintf(c->original, sizeof(c->original), "%s/a.iso", c->f->root);
	snprintf(c->copy, sizeof(c->copy), "%s/b.iso", c->f->root);
	make_file(c->original);
	tick();
	c->f->options.disc_path = c->original;
	*state = c;
	return 0;
}

static int copies_teardown(void **state)
{
	struct copies *c = *state;
	void *fixture = c->f;

	if (c->usable && geteuid() == 0)
		umount2("/var/lib", MNT_DETACH);
	fixture_teardown(&fixture);
	free(c);
	return 0;
}

#define NEED_ROOT(c) \
	if (!(c)->usable) \
	skip()

static int open_as(struct copies *c, const char *path, enum stage_claim claim, struct stage **ret, const char *expected)
{
	_free_ char *why = NULL;
	int r;

	c->f->options.disc_path = path;
	c->f->options.claim = claim;
	r = stage_open(&c->f->options, ret, NULL, &why);
	if (expected && (!why || !strstr(why, expected)))
		fail_msg("said \"%s\", not \"%s\"", why ? why : "", expected);
	return r;
}

/* Something with that number is staged for that file. */
static void stage_for(struct copies *c, const char *path, enum stage_claim claim, uint64_t ino)
{
	struct stage *s = NULL;

	assert_int_equal(open_as(c, path, claim, &s, NULL), 0);
	put_file(s, ino, 1);
	stage_close(s);
	tick();
}

static void assert_has(struct copies *c, const char *path, uint64_t ino, uint64_t not )
{
	struct stage *s = NULL;

	assert_int_equal(open_as(c, path, STAGE_ASK, &s, NULL), 0);
	assert_true(!ino || stage_node_exists(s, ino));
	assert_false(stage_node_exists(s, not ));
	stage_close(s);
}

static void test_a_copy_takes_nothing(void **state)
{
	struct copies *c = *state;
	struct stage *s = NULL;

	NEED_ROOT(c);
	stage_for(c, c->original, STAGE_ASK, 5);
	make_file(c->copy);
	assert_int_equal(open_as(c, c->copy, STAGE_ASK, &s, "stage=take"), -ESTALE);
	assert_int_equal(open_as(c, c->copy, STAGE_ASK, &s, c->original), -ESTALE);
	c->f->options.read_only = true;
	assert_int_equal(open_as(c, c->copy, STAGE_ASK, &s, NULL), -ESTALE);
	c->f->options.read_only = false;
	assert_has(c, c->original, 5, 6);
	stage_for(c, c->copy, STAGE_NEW, 6);
	assert_has(c, c->copy, 6, 5);
	assert_has(c, c->original, 5, 6);
}

static void test_a_copy_that_takes_it(void **state)
{
	struct copies *c = *state;
	struct stage *s = NULL;

	NEED_ROOT(c);
	stage_for(c, c->original, STAGE_ASK, 5);
	make_file(c->copy);
	stage_for(c, c->copy, STAGE_TAKE, 6);
	assert_has(c, c->copy, 5, 7);
	assert_has(c, c->copy, 6, 7);
	assert_int_equal(open_as(c, c->original, STAGE_ASK, &s, NULL),
			 0); /* older than what is staged: it has nothing */
	assert_true(stage_empty(s));
	stage_close(s);
}

/* Copied while nothing was staged: each has a stage of its own from then on. */
static void test_copies_in_turn(void **state)
{
	struct copies *c = *state;

	NEED_ROOT(c);
	make_file(c->copy);
	tick();
	stage_for(c, c->copy, STAGE_ASK, 5);
	stage_for(c, c->original, STAGE_ASK, 6);
	for (int i = 0; i < 2; i++) {
		assert_has(c, c->copy, 5, 6);
		assert_has(c, c->original, 6, 5);
	}
}

/* Both in use at once. */
static void test_copies_at_once(void **state)
{
	struct copies *c = *state;
	struct stage *first = NULL, *second = NULL;

	NEED_ROOT(c);
	make_file(c->copy);
	tick();
	assert_int_equal(open_as(c, c->original, STAGE_ASK, &first, NULL), 0);
	put_file(first, 5, 1);
	assert_int_equal(open_as(c, c->copy, STAGE_ASK, &second, NULL), 0);
	put_file(second, 6, 1);
	assert_string_not_equal(stage_directory(first), stage_directory(second));
	stage_close(second);
	assert_int_equal(open_as(c, c->original, STAGE_ASK, &second, NULL), -EBUSY);
	stage_close(first);
	assert_has(c, c->copy, 6, 5);
	assert_has(c, c->original, 5, 6);
}

static void test_an_original_that_was_moved(void **state)
{
	struct copies *c = *state;
	struct stage *s = NULL;
	char other[400];

	NEED_ROOT(c);
	snprintf(other, sizeof(other), "%s/c.iso", c->f->root);
	stage_for(c, c->original, STAGE_ASK, 5);
	assert_int_equal(rename(c->original, other), 0); /* renamed */
	assert_has(c, other, 5, 6);
	assert_int_equal(link(other, c->copy), 0); /* a hard link of it */
	assert_has(c, c->copy, 5, 6);
	assert_int_equal(unlink(other), 0);
	assert_int_equal(symlink(c->copy, other), 0); /* a symbolic link is no path of it, but may be given */
	assert_has(c, other, 5, 6);
	assert_int_equal(unlink(other), 0);
	assert_int_equal(rename(c->copy, c->original), 0);
	assert_has(c, c->original, 5, 6);
	make_file(other); /* restored from a backup: the old one is gone … */
	assert_int_equal(rename(other, c->original), 0);
	assert_has(c, c->original, 5, 6);
	assert_int_equal(rename(c->original, other), 0); /* … or is beside it */
	make_file(c->original);
	assert_int_equal(open_as(c, c->original, STAGE_ASK, &s, other), -ESTALE);
	assert_has(c, other, 5, 6);
}

/* A directory that cannot be looked through may have it. */
static void test_an_original_that_may_be_there(void **state)
{
	struct stage_origin was = {.known = true, .ino = 77, .dev = 5}, now = {.known = true, .ino = 78, .dev = 5};
	char directory[] = "/tmp/stage_copies.XXXXXX", missing[64], *at = NULL;
	uid_t user = geteuid();

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(missing, sizeof(missing), "%s/a.iso", directory);
	assert_int_equal(stage_original(&was, missing, &now, "/b.iso", &at), -ENOENT);
	assert_int_equal(chmod(directory, 0311), 0);
	assert_int_equal(user ? 0 : seteuid(65534), 0);
	assert_int_equal(stage_original(&was, missing, &now, "/b.iso", &at), 0);
	assert_int_equal(seteuid(user), 0);
	assert_string_equal(at, directory);
	free(at);
	assert_int_equal(rmdir(directory), 0);
	assert_int_equal(stage_original(&was, missing, &now, "/b.iso", &at), -ENOENT);
}

/* Its path and inode are the provisional identity of a blank image. */
static void test_a_blank_image_that_was_renamed(void **state)
{
	struct copies *c = *state;

	NEED_ROOT(c);
	fill_identity(&c->f->options.identity, 2, 2);
	stage_for(c, c->original, STAGE_ASK, 5);
	assert_int_equal(rename(c->original, c->copy), 0);
	fill_identity(&c->f->options.identity, 3, 3);
	assert_has(c, c->copy, 5, 6);
	assert_has(c, c->copy, 5, 6);
	make_file(c->original); /* another one */
	fill_identity(&c->f->options.identity, 2, 2);
	assert_has(c, c->original, 0, 5);
}

/* Another program made of the disc one of another identity. */
static void test_an_image_that_was_overwritten(void **state)
{
	struct copies *c = *state;
	struct stage *s = NULL;

	NEED_ROOT(c);
	stage_for(c, c->original, STAGE_ASK, 5);
	fill_identity(&c->f->options.identity, 9, 2);
	assert_int_equal(open_as(c, c->original, STAGE_ASK, &s, "cdappendfs-stage rebase"), -ESTALE);
	assert_int_equal(open_as(c, c->original, STAGE_NEW, &s, NULL), 0);
	stage_close(s);
}

static void test_given_directory(void **state)
{
	struct copies *c = *state;
	struct stage *s = NULL;

	c->f->options.directory = c->f->directory;
	stage_for(c, c->original, STAGE_ASK, 5);
	make_file(c->copy);
	assert_int_equal(open_as(c, c->copy, STAGE_ASK, &s, "stage=take"), -ESTALE);
	assert_has(c, c->original, 5, 6);
	stage_for(c, c->copy, STAGE_TAKE, 6);
	assert_int_equal(open_as(c, c->original, STAGE_ASK, &s, c->copy), -ESTALE);
}

static void test_capacity_is_kept(void **state)
{
	struct copies *c = *state;
	struct disc_fingerprint burned = {32, 128, 262144, {8}};
	struct stage *s = NULL;
	uint64_t sectors = 1;

	NEED_ROOT(c);
	assert_int_equal(open_as(c, c->original, STAGE_ASK, &s, NULL), 0);
	assert_int_equal(stage_capacity(s, &sectors), -ENOENT);
	assert_int_equal(stage_keep_capacity(s, 360000), 0);
	stage_close(s); /* nothing is staged: kept all the same */
	assert_int_equal(open_as(c, c->original, STAGE_ASK, &s, NULL), 0);
	assert_int_equal(stage_capacity(s, &sectors), 0);
	assert_int_equal(sectors, 360000);
	assert_int_equal(stage_keep_capacity(s, 0), 0); /* not bounded, as was asked for */
	assert_int_equal(stage_capacity(s, &sectors), 0);
	assert_int_equal(sectors, 0);
	assert_int_equal(stage_rebind(s, &c->f->options.identity, &burned), 0); /* a session says it from now on */
	assert_int_equal(stage_capacity(s, &sectors), -ENOENT);
	stage_close(s);
}

static void empty_file(const struct fixture *f, const char *name)
{
	char path[400];

	snprintf(path, sizeof(path), "%s/%s", f->directory, name);
	assert_int_equal(truncate(path, 0), 0);
}

static void remove_file(const struct fixture *f, const char *name)
{
	char path[400];

	snprintf(path, sizeof(path), "%s/%s", f->directory, name);
	unlink(path);
}

/* A journal that is gone is not one that was never made. */
static void test_a_journal_that_was_taken_away(void **state)
{
	struct copies *c = *state;
	struct stage *s = NULL;

	c->f->options.directory = c->f->directory;
	for (int i = 0; i < 3; i++) {
		stage_for(c, c->original, STAGE_ASK, 5);
		if (i == 0)
			empty_file(c->f, "journal.db");
		else
			remove_file(c->f, "journal.db");
		if (i == 2)
			remove_file(c->f, "journal.db-wal");
		for (int k = 0; k < 2; k++)
			assert_int_equal(open_as(c, c->original, STAGE_ASK, &s, "cdappendfs-stage discard"), -EBADMSG);
		c->f->options.read_only = true;
		assert_int_equal(open_as(c, c->original, STAGE_ASK, &s, NULL), -EBADMSG);
		c->f->options.read_only = false;
		assert_int_equal(stage_erase(c->f->directory, NULL, NULL), 0);
	}
	assert_int_equal(open_as(c, c->original, STAGE_ASK, &s, NULL), 0);
	assert_true(stage_empty(s));
	stage_close(s);
}

static void test_rows_are_replaced_as_a_whole(void **state)
{
	struct copies *c = *state;
	struct stage_node rows[2] = {{.ino = 1, .mode = S_IFDIR | 0755, .nlink = 2},
				     {.ino = 700, .mode = S_IFREG | 0644, .nlink = 1}};
	struct stage_snapshot_name name = {1, "x", 700};
	struct stage_snapshot to = {.nodes = rows, .n_nodes = 2, .names = &name, .n_names = 1};
	struct disc_fingerprint now = {64, 96, 196608, {9}}, was;
	struct stage *s = NULL;
	uint64_t ino;

	c->f->options.directory = c->f->directory;
	stage_for(c, c->original, STAGE_ASK, 5);
	assert_int_equal(stage_open_directory(c->f->directory, NULL, false, &s, NULL, NULL), 0);
	assert_string_equal(stage_disc_path(s), c->original);
	rows[1].ino = UINT64_MAX; /* no number of a row: nothing of it is done */
	assert_int_equal(stage_replace(s, &to, 701, &c->f->options.identity, &now), -EINVAL);
	stage_close(s);
	assert_has(c, c->original, 5, 700);
	assert_int_equal(stage_open_directory(c->f->directory, NULL, false, &s, NULL, NULL), 0);
	rows[1].ino = 700;
	assert_int_equal(stage_replace(s, &to, 701, &c->f->options.identity, &now), 0);
	stage_close(s);
	c->f->options.fingerprint = now;
	assert_has(c, c->original, 700, 5);
	s = open_stage(c->f);
	assert_int_equal(stage_fingerprint(s, &was), 0);
	assert_true(disc_same_state(&was, &now));
	assert_int_equal(stage_name_get(s, 1, "x", &ino), 0);
	assert_int_equal(ino, 700);
	assert_int_equal(stage_new_ino(s, &ino), 0);
	assert_true(ino >= 701);
	stage_close(s);
}

int main(void)
{
#define COPIES(test) cmocka_unit_test_setup_teardown(test, copies_setup, copies_teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_original_that_may_be_there),
		COPIES(test_a_copy_takes_nothing),
		COPIES(test_a_copy_that_takes_it),
		COPIES(test_copies_in_turn),
		COPIES(test_copies_at_once),
		COPIES(test_an_original_that_was_moved),
		COPIES(test_a_blank_image_that_was_renamed),
		COPIES(test_an_image_that_was_overwritten),
		COPIES(test_given_directory),
		COPIES(test_capacity_is_kept),
		COPIES(test_a_journal_that_was_taken_away),
		COPIES(test_rows_are_replaced_as_a_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
