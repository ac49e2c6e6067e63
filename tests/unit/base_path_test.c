/* SPDX-License-Identifier: GPL-3.0-or-later */
/* base_path_test.c - paths as texts, and the words of an error */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "burner/base/path.h"
#include "burner/base/why.h"

static void plain(void **state)
{
	static const char *const cases[][2] = {
		{"/", "/"},	     {"//", "/"},
		{"/a/b", "/a/b"},    {"/a//b/", "/a/b"},
		{"/./a/.", "/a"},    {"/a/../b", "/b"},
		{"/..", "/"},	     {"/../../a", "/a"},
		{"/a/b/../..", "/"}, {"/.../..a", "/.../..a"},
		{"a", "/usr/a"},     {".", "/usr"},
		{"", "/usr"},	     {"../a", "/a"},
		{"../..", "/"},	     {"b/./..//c", "/usr/c"},
	};

	(void)state;
	assert_int_equal(chdir("/usr"), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *made = path_plain(cases[i][0]);

		assert_string_equal(made, cases[i][1]);
		free(made);
	}
	assert_int_equal(chdir("/"), 0);
	char *made = path_plain("a/b");
	assert_string_equal(made, "/a/b");
	free(made);
}

/* What is nowhere any more has no absolute name: it is not one at the root. */
static void nowhere(void **state)
{
	char directory[] = "/tmp/base_path.XXXXXX";

	(void)state;
	assert_non_null(mkdtemp(directory));
	assert_int_equal(chdir(directory), 0);
	assert_int_equal(rmdir(directory), 0);
	errno = 0;
	assert_null(path_plain("a"));
	assert_int_equal(errno, ENOENT);
	char *made = path_plain("/a");
	assert_string_equal(made, "/a");
	free(made);
	assert_int_equal(chdir("/"), 0);
}

static void inside(void **state)
{
	(void)state;
	assert_true(path_is_inside("/a/b", "/a"));
	assert_true(path_is_inside("/a", "/a"));
	assert_true(path_is_inside("/a", "/"));
	assert_false(path_is_inside("/ab", "/a"));
	assert_false(path_is_inside("/a", "/a/b"));
	assert_true(path_is_inside("a/b", "a"));
}

static void parts(void **state)
{
	static const char *const cases[][2] = {
		{"", ""},   {"/", ""}, {"a", "a"}, {"/a/b", "a/b"}, {"a//b/", "a/b"}, {"../a/./b/../c", "a/c"},
		{"..", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *made = path_from_root(cases[i][0]);

		assert_string_equal(made, cases[i][1]);
		free(made);
	}
	assert_string_equal(path_last("a"), "a");
	assert_string_equal(path_last("/a/b"), "b");
	assert_string_equal(path_last("a/"), "");
}

static void words(void **state)
{
	char *why = NULL;

	(void)state;
	assert_int_equal(why_set(&why, -EIO, "%s %d", "first", 1), -EIO);
	assert_string_equal(why, "first 1");
	assert_int_equal(why_set(&why, -EPERM, "second"), -EPERM);
	assert_string_equal(why, "second");
	free(why);
	assert_int_equal(why_set(NULL, -EBUSY, "nobody wants it"), -EBUSY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain), cmocka_unit_test(nowhere), cmocka_unit_test(inside),
		cmocka_unit_test(parts), cmocka_unit_test(words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
