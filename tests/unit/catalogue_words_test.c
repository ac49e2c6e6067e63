/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * catalogue_words_test.c - what is asked for: patterns, folding, and what the index of names is asked
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fs/catalogue/internal.h"

static bool name_matches(const char *word, const char *name)
{
	_cleanup_(words_freep) struct words *w = NULL;

	assert_int_equal(words_new(&word, 1, &w), 0);
	return words_match_name(w, name);
}

static bool path_matches(const char *word, const char *path)
{
	_cleanup_(words_freep) struct words *w = NULL;

	assert_int_equal(words_new(&word, 1, &w), 0);
	return words_match_path(w, path);
}

static void test_words(void **state)
{
	(void)state;
	assert_true(name_matches("budget", "Jahresbudget 2019.xls"));
	assert_true(name_matches("BUDGET", "jahresbudget"));
	assert_true(name_matches("ÄÖ", "xäöx"));
	assert_true(name_matches("жук", "ЖУК.txt"));
	assert_true(name_matches("", "anything"));
	assert_false(name_matches("budget", "budge"));
	assert_false(name_matches("a", ""));
}

static void test_patterns(void **state)
{
	(void)state;
	assert_true(name_matches("img_00?2*.JPG", "IMG_0042a.jpg"));
	assert_false(name_matches("img_00?2.JPG", "IMG_0042a.jpg"));
	assert_true(name_matches("?.txt", "é.txt")); /* a character, not a byte */
	assert_true(name_matches("[!a]b", "cb"));
	assert_true(name_matches("[^a]b", "cb"));
	assert_false(name_matches("[!a]b", "ab"));
	assert_true(name_matches("[a-c]*", "Bee"));
	assert_false(name_matches("ee*", "bee")); /* of the whole name */
	assert_false(name_matches("[a", "a"));	  /* never closed */
}

static void test_paths(void **state)
{
	(void)state;
	assert_true(path_matches("rome/*.jpg", "2019/Rome/x.JPG"));
	assert_true(path_matches("rome/*.jpg", "Rome/x.jpg"));
	assert_false(path_matches("rome/*.jpg", "2019/xRome/x.jpg"));
	assert_true(path_matches("/2019/*", "2019/Rome/x.jpg"));
	assert_false(path_matches("/Rome/*", "2019/Rome/x.jpg"));
	assert_true(path_matches("rome", "anywhere")); /* no slash: of the name alone */
	assert_true(path_matches("rome/", "2019/rome/x.jpg"));
}

/* What is no UTF-8 stands for itself. */
static void test_bytes(void **state)
{
	char longest[256];

	(void)state;
	assert_true(name_matches("\xe9t\xe9", "\xe9t\xe9.TXT"));
	assert_true(name_matches("ma?ana", "ma\xf1"
					   "ana"));
	assert_false(name_matches("\xe9", "\xe8"));
	memset(longest, 'x', sizeof(longest) - 1);
	longest[255] = '\0';
	assert_true(name_matches("x*x", longest));
}

static void asks(const char *word, const char *query)
{
	_cleanup_(words_freep) struct words *w = NULL;

	assert_int_equal(words_new(&word, 1, &w), 0);
	if (query)
		assert_string_equal(words_query(w), query);
	else
		assert_null(words_query(w));
}

static void test_query(void **state)
{
	(void)state;
	asks("abc", "\"abc\"");
	asks("ABCD", "\"abc\" AND \"bcd\"");
	asks("ab", NULL);
	asks("a*b*c", NULL);
	asks("ab*cde?f", "\"cde\"");
	asks("[abc]def", "\"def\"");
	asks("[]x]def", "\"def\"");
	asks("[!]x]def", "\"def\"");
	asks("x\"yz", "\"x\"\"y\" AND \"\"\"yz\"");
	asks("äöü", "\"äöü\"");
	asks("ab\xff"
	     "cde",
	     "\"cde\"");
	asks("dir/abc", "\"abc\"");
	asks("abc/", NULL);
}

static void test_several(void **state)
{
	const char *const words[] = {"abc", "de", "f*g"};
	_cleanup_(words_freep) struct words *w = NULL;

	(void)state;
	assert_int_equal(words_new(words, 3, &w), 0);
	assert_string_equal(words_query(w), "\"abc\"");
	assert_true(words_match_name(w, "f abc de g"));
	assert_false(words_match_name(w, "f abc d g"));
	assert_false(words_match_name(w, "abc de g"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words), cmocka_unit_test(test_patterns), cmocka_unit_test(test_paths),
		cmocka_unit_test(test_bytes), cmocka_unit_test(test_query),    cmocka_unit_test(test_several),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
