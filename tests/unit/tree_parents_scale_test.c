/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fs/tree/parents.c: of directories that have directories 65,535 are taken, of others more, as they come and go. */
#include <errno.h>

#include "burner/format/path_table.h"
#include "tests/unit/commit_fixture.h"
#include "tests/unit/tree_check.h"

static const struct tree_caller me;

static int make_directory(struct world *w, uint64_t parent, const char *name, uint64_t *ret)
{
	struct stat st = {0};
	int r = tree_mknod(w->tree, &me, parent, name, S_IFDIR | 0755, 0, &st);

	*ret = r == 0 ? st.st_ino : 0;
	return r;
}

static int64_t parents(struct world *w)
{
	tree_lock(w->tree);
	int64_t n = w->tree->space.more_parents;
	tree_unlock(w->tree);
	return n;
}

/* Parents all of them but two, and a few more directories than there may be parents. */
static void fill(struct world *w, uint64_t *ret_late, uint64_t *ret_first)
{
	uint64_t dir = 0, child;
	char name[16];

	for (unsigned i = 1; i < PATH_PARENTS_MAX; i++) {
		snprintf(name, sizeof(name), "d%u", i);
		assert_int_equal(make_directory(w, TREE_ROOT, name, &dir), 0);
		assert_int_equal(make_directory(w, dir, "child", &child), 0);
		if (i == 1)
			*ret_first = dir;
	}
	assert_int_equal(make_directory(w, TREE_ROOT, "late", ret_late), 0);
	assert_int_equal(make_directory(w, TREE_ROOT, "leaf", &dir), 0);
}

static void test_limit(void **state)
{
	struct world w;
	uint64_t late = 0, first = 0, other;

	(void)state;
	world_new(&w);
	assert_int_equal(world_open(&w), 0);
	fill(&w, &late, &first);
	assert_int_equal(parents(&w), PATH_PARENTS_MAX);
	assert_int_equal(make_directory(&w, late, "child", &other), -EMLINK);
	assert_int_equal(make_directory(&w, first, "second child", &other), 0);
	assert_int_equal(tree_rmdir(w.tree, first, "second child"), 0);
	assert_int_equal(tree_rename(w.tree, TREE_ROOT, "leaf", late, "leaf", 0), -EMLINK);
	/* One ceases to be a parent as another one begins. */
	assert_int_equal(tree_rename(w.tree, first, "child", late, "child", 0), 0);
	assert_int_equal(make_directory(&w, first, "child", &other), -EMLINK);
	assert_int_equal(tree_rename(w.tree, TREE_ROOT, "leaf", first, "leaf", RENAME_NOREPLACE), -EMLINK);
	assert_int_equal(tree_rename(w.tree, late, "child", first, "child", 0), 0);
	assert_int_equal(parents(&w), PATH_PARENTS_MAX);
	/* A file and a directory change places. */
	world_write(&w, "late/file", 1, 1);
	assert_int_equal(tree_rename(w.tree, TREE_ROOT, "leaf", late, "file", RENAME_EXCHANGE), -EMLINK);
	assert_int_equal(tree_rename(w.tree, first, "child", late, "file", RENAME_EXCHANGE), 0);
	assert_int_equal(parents(&w), PATH_PARENTS_MAX);
	assert_int_equal(make_directory(&w, first, "another", &other), -EMLINK);
	assert_int_equal(tree_rmdir(w.tree, late, "file"), 0);
	assert_int_equal(parents(&w), PATH_PARENTS_MAX - 1);
	assert_int_equal(make_directory(&w, first, "another", &other), 0);
	assert_int_equal(parents(&w), PATH_PARENTS_MAX);
	tree_is_counted(w.tree);
	assert_int_equal(parents(&w), PATH_PARENTS_MAX);
	world_close(&w);
	/* The same from the rows. */
	assert_int_equal(world_open(&w), 0);
	assert_int_equal(parents(&w), PATH_PARENTS_MAX);
	assert_int_equal(make_directory(&w, world_lookup(&w, "late"), "child", &other), -EMLINK);
	world_close(&w);
	world_remove(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_limit)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
