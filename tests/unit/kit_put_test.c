/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The kit of a disc: put once, replaced when it is of another version, nothing of others touched. */
#include <errno.h>

#include "tests/unit/commit_fixture.h"
#include "fs/kit/kit.h"

static const struct tree_caller owner = {.uid = 1000, .gid = 1000};

static int put(struct world *w)
{
	const char *name = NULL;
	int r = kit_put(w->tree, &owner, &name);

	assert_non_null(name);
	return r;
}

static struct stat stat_of(struct world *w, const char *name)
{
	struct stat directory, st;

	assert_int_equal(tree_lookup(w->tree, TREE_ROOT, KIT_DIRECTORY, &directory), 0);
	assert_int_equal(tree_lookup(w->tree, directory.st_ino, name, &st), 0);
	return st; /* a reference stays: the number is good for what follows */
}

/* All files are there, with the bytes that they must have. */
static void assert_kit(struct world *w)
{
	for (size_t i = 0; i < N_KIT_FILES; i++) {
		struct stat st = stat_of(w, kit_files[i].name);
		_free_ unsigned char *bytes = malloc(kit_files[i].length);
		struct tree_file *f;
		size_t n;

		assert_int_equal(st.st_size, kit_files[i].length);
		assert_int_equal(st.st_mode, S_IFREG | kit_files[i].mode);
		assert_int_equal(st.st_uid, owner.uid);
		assert_int_equal(tree_open(w->tree, st.st_ino, O_RDONLY, &f), 0);
		assert_int_equal(tree_read(w->tree, f, 0, bytes, kit_files[i].length, &n), 0);
		tree_close(w->tree, f);
		assert_int_equal(n, kit_files[i].length);
		assert_memory_equal(bytes, kit_files[i].bytes, n);
	}
}

/* Makes a file of it say something else. */
static void write_over(struct world *w, const char *name, const char *text)
{
	struct stat st = stat_of(w, name);
	struct tree_file *f;

	assert_int_equal(tree_open(w->tree, st.st_ino, O_WRONLY | O_TRUNC, &f), 0);
	assert_int_equal(tree_write(w->tree, f, 0, text, strlen(text)), 0);
	tree_close(w->tree, f);
}

static void once(void **unused)
{
	struct world w;

	(void)unused;
	world_new(&w);
	world_open(&w);
	assert_int_equal(put(&w), 0);
	assert_kit(&w);
	assert_int_equal(sync_now(&w).error, 0);
	world_close(&w);
	world_open(&w);
	assert_int_equal(put(&w), 0);
	assert_false(tree_changed(w.tree));
	write_over(&w, kit_files[1].name, "as cdappendfs had it once");
	assert_int_equal(put(&w), 0);
	assert_kit(&w);
	world_close(&w);
	world_remove(&w);
}

static void others(void **unused)
{
	struct world w;
	struct stat st;

	(void)unused;
	world_new(&w);
	world_open(&w);
	world_write(&w, KIT_DIRECTORY, 3000, 1);
	assert_int_equal(put(&w), -ENOTDIR);
	assert_true(world_has(&w, KIT_DIRECTORY, 3000, 1));
	assert_int_equal(world_unlink(&w, KIT_DIRECTORY), 0);
	assert_int_equal(put(&w), 0);
	write_over(&w, kit_files[2].name, "something else");
	assert_int_equal(put(&w), -EEXIST);
	st = stat_of(&w, kit_files[2].name);
	assert_int_equal(st.st_size, strlen("something else"));
	world_close(&w);
	world_remove(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(once),
		cmocka_unit_test(others),
	};

	log_state.level = -1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
