/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fs/tree: extended attributes and access control lists. */
#include <errno.h>
#include <sys/xattr.h>

#include "burner/base/bytes.h"
#include "burner/base/xattrs.h"
#include "fs/tree/acl.h"
#include "tests/unit/commit_fixture.h"

/* ---- lists ---- */

struct entry {
	unsigned tag, permissions;
	uint32_t id;
};
enum { OWNER = 1, USER = 2, GROUP_OWNER = 4, GROUP = 8, MASK = 16, OTHER = 32 };

static size_t make_acl(uint8_t *out, const struct entry *entries, size_t n)
{
	put_le32(out, 2);
	for (size_t i = 0; i < n; i++) {
		put_le16(out + 4 + 8 * i, (uint16_t)entries[i].tag);
		put_le16(out + 6 + 8 * i, (uint16_t)entries[i].permissions);
		put_le32(out + 8 + 8 * i, entries[i].id);
	}
	return 4 + 8 * n;
}
#define ACL(out, ...) \
	make_acl(out, (struct entry[]){__VA_ARGS__}, sizeof((struct entry[]){__VA_ARGS__}) / sizeof(struct entry))

static const uint32_t none = UINT32_MAX;

static void test_lists_that_are_none(void **state)
{
	uint8_t a[100];
	size_t n;

	(void)state;
	n = ACL(a, {OWNER, 6, none}, {GROUP_OWNER, 4, none}, {OTHER, 4, none});
	assert_int_equal(acl_check(a, n), 0);
	assert_int_equal(acl_check(a, n - 1), -EINVAL);
	assert_int_equal(acl_check(a, n - 8), -EINVAL);
	assert_int_equal(acl_check(a, 3), -EINVAL);
	assert_int_equal(acl_check(a, 4), 1);
	a[0] = 3;
	assert_int_equal(acl_check(a, n), -EINVAL);
	n = ACL(a, {OWNER, 8, none}, {GROUP_OWNER, 4, none}, {OTHER, 4, none});
	assert_int_equal(acl_check(a, n), -EINVAL);
	n = ACL(a, {OWNER, 6, none}, {USER, 6, 5}, {GROUP_OWNER, 4, none}, {OTHER, 4, none});
	assert_int_equal(acl_check(a, n), -EINVAL); /* somebody is named: a mask is needed */
	n = ACL(a, {OWNER, 6, none}, {USER, 6, none}, {GROUP_OWNER, 4, none}, {MASK, 6, none}, {OTHER, 4, none});
	assert_int_equal(acl_check(a, n), -EINVAL); /* nobody is named */
	n = ACL(a, {OWNER, 6, none}, {OTHER, 4, none}, {GROUP_OWNER, 4, none});
	assert_int_equal(acl_check(a, n), -EINVAL);
	n = ACL(a, {OWNER, 6, none}, {OWNER, 6, none}, {GROUP_OWNER, 4, none}, {OTHER, 4, none});
	assert_int_equal(acl_check(a, n), -EINVAL);
	n = ACL(a, {OWNER, 6, none}, {3, 6, none}, {GROUP_OWNER, 4, none}, {OTHER, 4, none});
	assert_int_equal(acl_check(a, n), -EINVAL);
	n = ACL(a, {OWNER, 6, none}, {USER, 1, 7}, {USER, 2, 5}, {GROUP_OWNER, 4, none}, {MASK, 6, none},
		{OTHER, 4, none});
	assert_int_equal(acl_check(a, n), 0);
	assert_int_equal(acl_sort(a, n), 0);
	assert_int_equal(get_le32(a + 4 + 8 + 4), 5);
	put_le32(a + 4 + 8 + 4, 7);
	assert_int_equal(acl_sort(a, n), -EINVAL);
}

static void test_lists_and_modes(void **state)
{
	uint8_t a[100];
	size_t n = ACL(a, {OWNER, 7, none}, {USER, 7, 5}, {GROUP_OWNER, 1, none}, {MASK, 6, none}, {OTHER, 4, none});
	mode_t mode = S_IFREG | 02000;

	(void)state;
	assert_false(acl_mode(a, n, &mode));
	assert_int_equal(mode, S_IFREG | 02764);
	acl_set_mode(a, n, 0613);
	assert_false(acl_mode(a, n, &mode));
	assert_int_equal(mode & 0777, 0613);
	assert_int_equal(get_le16(a + 4 + 2 * 8 + 2), 1); /* of the group itself: the mask is the mode's */
	n = ACL(a, {OWNER, 7, none}, {GROUP_OWNER, 5, none}, {OTHER, 4, none});
	mode = S_IFREG | 0666;
	assert_true(acl_begin(a, n, &mode));
	assert_int_equal(mode, S_IFREG | 0644);
	n = ACL(a, {OWNER, 7, none}, {USER, 7, 5}, {GROUP_OWNER, 5, none}, {MASK, 7, none}, {OTHER, 0, none});
	mode = 0666;
	assert_false(acl_begin(a, n, &mode));
	assert_int_equal(mode, 0660);
}

/* ---- in a tree ---- */

static int set(struct world *w, const char *path, const char *name, const void *value, size_t n, int flags)
{
	return tree_xattr_set(w->tree, world_lookup(w, path),
			      &(struct tree_xattr){.name = name, .value = value, .bytes = n, .flags = flags});
}
static int drop(struct world *w, const char *path, const char *name) { return set(w, path, name, NULL, 0, 0); }

static bool has(struct world *w, const char *path, const char *name, const void *value, size_t n)
{
	uint8_t *got = NULL;
	size_t bytes = 0;
	int r = tree_xattr_get(w->tree, world_lookup(w, path), name, &got, &bytes);
	bool same = r == 0 && bytes == n && (!n || memcmp(got, value, n) == 0);

	REQUIRE(r == 0 || r == -ENODATA);
	free(got);
	return same;
}
static bool lacks(struct world *w, const char *path, const char *name)
{
	uint8_t *got = NULL;
	size_t bytes;
	int r = tree_xattr_get(w->tree, world_lookup(w, path), name, &got, &bytes);

	free(got);
	return r == -ENODATA;
}
static void again(struct world *w)
{
	world_close(w);
	REQUIRE(world_open(w) == 0);
}

static void test_answers(void **state)
{
	static uint8_t large[XATTRS_VALUE_MAX + 1];
	struct world *w = *state;
	char *names;
	size_t n;

	world_write(w, "f", 10, 1);
	assert_false(tree_may_have_xattrs(w->tree, world_lookup(w, "f")));
	assert_true(lacks(w, "f", "user.a"));
	assert_int_equal(drop(w, "f", "user.a"), -ENODATA);
	assert_int_equal(drop(w, "f", ACL_ACCESS_NAME), 0);
	assert_int_equal(set(w, "f", "user.a", "1", 1, XATTR_REPLACE), -ENODATA);
	assert_int_equal(set(w, "f", "user.a", "1", 1, XATTR_CREATE), 0);
	assert_int_equal(set(w, "f", "user.a", "1", 1, XATTR_CREATE), -EEXIST);
	assert_int_equal(set(w, "f", "security.b", "", 0, 0), 0);
	assert_int_equal(set(w, "f", "isofs.nt", "1", 1, 0), -EOPNOTSUPP);
	assert_int_equal(set(w, "f", "system.other", "1", 1, 0), -EOPNOTSUPP);
	assert_int_equal(set(w, "f", "user.", "1", 1, 0), -EINVAL);
	assert_int_equal(set(w, "f", "user.c", large, sizeof(large), 0), -E2BIG);
	assert_int_equal(set(w, "f", "user.c", large, XATTRS_BYTES_MAX, 0), -ENOSPC);
	assert_int_equal(set(w, "f", ACL_DEFAULT_NAME, large, 12, 0), -EINVAL);
	assert_int_equal(tree_xattr_list(w->tree, world_lookup(w, "f"), &names, &n), 0);
	assert_int_equal(n, sizeof("security.b\0user.a"));
	assert_memory_equal(names, "security.b\0user.a", n);
	free(names);
}

static void test_over_sessions(void **state)
{
	static uint8_t large[5000];
	struct world *w = *state;

	memset(large, 'x', sizeof(large));
	world_mkdir(w, "d");
	world_write(w, "d/f", 3000, 1);
	world_write(w, "g", 30, 2);
	assert_int_equal(set(w, "d", "user.of", "d", 1, 0), 0);
	assert_int_equal(set(w, "d/f", "user.l", large, sizeof(large), 0), 0);
	assert_int_equal(set(w, "", "user.root", "r", 1, 0), 0);
	again(w);
	assert_true(has(w, "d/f", "user.l", large, sizeof(large)) && has(w, "", "user.root", "r", 1));
	assert_int_equal(sync_now(w).error, 0);
	assert_true(has(w, "d/f", "user.l", large, sizeof(large)) && has(w, "d", "user.of", "d", 1));
	again(w);
	assert_true(has(w, "d/f", "user.l", large, sizeof(large)) && has(w, "d", "user.of", "d", 1));
	assert_true(has(w, "", "user.root", "r", 1) && lacks(w, "g", "user.l"));
	/* Of these only rows change, which tell where they are. */
	world_write(w, "d/f", 200, 3);
	world_write(w, "d/new", 1, 4);
	again(w);
	assert_true(has(w, "d/f", "user.l", large, sizeof(large)) && has(w, "d", "user.of", "d", 1));
	assert_int_equal(sync_now(w).error, 0);
	again(w);
	assert_true(has(w, "d/f", "user.l", large, sizeof(large)) && has(w, "d", "user.of", "d", 1));
	/* Renamed, linked, removed. */
	struct stat st;
	assert_int_equal(tree_rename(w->tree, world_lookup(w, "d"), "f", TREE_ROOT, "moved", 0), 0);
	assert_int_equal(tree_link(w->tree, world_lookup(w, "moved"), TREE_ROOT, "linked", &st), 0);
	assert_int_equal(tree_rename(w->tree, TREE_ROOT, "d", TREE_ROOT, "e", 0), 0);
	assert_int_equal(drop(w, "", "user.root"), 0);
	for (int i = 0; i < 3; i++) {
		assert_true(has(w, "linked", "user.l", large, sizeof(large)) && has(w, "e", "user.of", "d", 1));
		assert_true(lacks(w, "", "user.root"));
		if (i == 1)
			assert_int_equal(sync_now(w).error, 0);
		again(w);
	}
}

/* What is set to what it is makes no session. */
static void test_nothing_changes(void **state)
{
	uint8_t a[100];
	size_t n = ACL(a, {OWNER, 6, none}, {USER, 7, 5}, {GROUP_OWNER, 4, none}, {MASK, 6, none}, {OTHER, 4, none});
	struct world *w = *state;

	world_write(w, "f", 10, 1);
	assert_int_equal(set(w, "f", "user.a", "1", 1, 0), 0);
	assert_int_equal(set(w, "f", ACL_ACCESS_NAME, a, n, 0), 1); /* 0644 became 0664 */
	assert_int_equal(sync_now(w).error, 0);
	assert_int_equal(set(w, "f", "user.a", "1", 1, 0), 0);
	assert_int_equal(set(w, "f", ACL_ACCESS_NAME, a, n, 0), 0);
	assert_int_equal(drop(w, "f", ACL_DEFAULT_NAME), 0);
	assert_false(tree_changed(w->tree));
	again(w);
	assert_int_equal(set(w, "f", "user.a", "1", 1, 0), 0);
	assert_int_equal(set(w, "f", ACL_ACCESS_NAME, a, n, 0), 0);
	assert_false(tree_changed(w->tree));
	/* A chmod of what is on the disc changes the list as well. */
	struct stat st = {.st_mode = 0600};
	assert_int_equal(tree_setattr(w->tree, world_lookup(w, "f"), &st, TREE_SET_MODE, &st), 0);
	acl_set_mode(a, n, 0600);
	again(w);
	assert_true(has(w, "f", ACL_ACCESS_NAME, a, n) && has(w, "f", "user.a", "1", 1));
}

static void test_inheritance(void **state)
{
	uint8_t a[100];
	size_t n = ACL(a, {OWNER, 7, none}, {USER, 7, 5}, {GROUP_OWNER, 5, none}, {MASK, 7, none}, {OTHER, 1, none});
	const struct tree_caller caller = {.uid = 1, .gid = 1, .umask = 077};
	struct world *w = *state;
	struct stat st;

	world_mkdir(w, "d");
	assert_int_equal(set(w, "d", ACL_DEFAULT_NAME, a, n, 0), 0);
	for (int i = 0; i < 2; i++) {
		uint64_t d = world_lookup(w, "d");

		assert_int_equal(tree_mknod(w->tree, &caller, d, i ? "f2" : "f", S_IFREG | 0666, 0, &st), 0);
		assert_int_equal(st.st_mode, S_IFREG | 0660);
		assert_int_equal(tree_mknod(w->tree, &caller, d, i ? "s2" : "s", S_IFDIR | 0777, 0, &st), 0);
		assert_int_equal(st.st_mode, S_IFDIR | 0771);
		assert_true(has(w, i ? "d/s2" : "d/s", ACL_DEFAULT_NAME, a, n));
		assert_true(has(w, i ? "d/s2" : "d/s", ACL_ACCESS_NAME, a, n));
		assert_int_equal(tree_symlink(w->tree, &caller, d, i ? "l2" : "l", "x", &st), 0);
		assert_true(lacks(w, i ? "d/l2" : "d/l", ACL_ACCESS_NAME));
		/* And of a directory that is on the disc. */
		assert_int_equal(sync_now(w).error, 0);
		again(w);
	}
	assert_int_equal(tree_mknod(w->tree, &caller, TREE_ROOT, "plain", S_IFREG | 0666, 0, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
}

static void test_discard(void **state)
{
	struct world *w = *state;

	world_mkdir(w, "d");
	world_write(w, "f", 10, 1);
	assert_int_equal(set(w, "f", "user.a", "1", 1, 0), 0);
	assert_int_equal(set(w, "d", "user.a", "1", 1, 0), 0);
	assert_int_equal(set(w, "", "user.a", "1", 1, 0), 0);
	assert_int_equal(sync_now(w).error, 0);
	assert_int_equal(set(w, "f", "user.a", "2", 1, 0), 0);
	assert_int_equal(drop(w, "d", "user.a"), 0);
	assert_int_equal(set(w, "", "user.b", "2", 1, 0), 0);
	assert_int_equal(ask(w, &ask_discard).error, 0);
	assert_true(has(w, "f", "user.a", "1", 1) && has(w, "d", "user.a", "1", 1));
	assert_true(has(w, "", "user.a", "1", 1) && lacks(w, "", "user.b"));
}

/* As many as fit: what was taken is burned, and nothing that was refused is there. */
static void test_room(void **state)
{
	static uint8_t value[9000];
	struct world *w = *state;
	unsigned n = 0;
	int r = 0;

	world_close(w);
	w->capacity_sectors = 1200;
	assert_int_equal(world_open(w), 0);
	world_write(w, "f", 10, 1);
	while (r == 0 && n < 4000) {
		char path[16];
		struct stat st;

		snprintf(path, sizeof(path), "%u", n);
		r = tree_mknod(w->tree, &world_caller, TREE_ROOT, path, S_IFREG | 0644, 0, &st);
		if (r == 0)
			r = set(w, path, "user.v", value, sizeof(value), 0);
		n += r == 0;
	}
	assert_int_equal(r, -ENOSPC);
	assert_in_range(n, 150, 260);
	assert_int_equal(set(w, "0", "user.v", value, 10, 0), 0); /* less fits */
	assert_int_equal(sync_now(w).error, 0);
	again(w);
	assert_true(has(w, "0", "user.v", value, 10) && has(w, "1", "user.v", value, sizeof(value)));
}

static int setup(void **state)
{
	struct world *w = malloc(sizeof(*w));

	REQUIRE(w);
	world_new(w);
	REQUIRE(world_open(w) == 0);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	world_close(w);
	world_remove(w);
	free(w);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists_that_are_none),
		cmocka_unit_test(test_lists_and_modes),
		cmocka_unit_test_setup_teardown(test_answers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_over_sessions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nothing_changes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_inheritance, setup, teardown),
		cmocka_unit_test_setup_teardown(test_discard, setup, teardown),
		cmocka_unit_test_setup_teardown(test_room, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
