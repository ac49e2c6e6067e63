/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The lines that daemon and commands exchange: what is written is read back, and nothing read is believed to be
 * well-formed. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "burner/base/json.h"

static char *line_of(const char *text)
{
	char *bytes = NULL;
	size_t length = 0;
	struct json j = {open_memstream(&bytes, &length), false};

	json_open(&j, NULL, '{');
	json_open(&j, "list", '[');
	json_u64(&j, NULL, 1);
	json_open(&j, NULL, '{');
	json_string(&j, "text", "inner");
	json_close(&j, '}');
	json_close(&j, ']');
	json_string(&j, "text", text);
	json_u64(&j, "number", UINT64_MAX);
	json_bool(&j, "yes", true);
	json_bool(&j, "no", false);
	json_close(&j, '}');
	json_end_line(&j);
	fclose(j.out);
	return bytes;
}

static void every_name_survives(void **state)
{
	static const char *const names[] = {"",
					    "plain",
					    "a \"quoted\" \\ name",
					    "tab\tnewline\nbell\a\x7f",
					    "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80",
					    "\xff\xfe latin \xe4",
					    "\xc3",
					    "cut \xe2\x82",
					    "\xed\xa0\x80 surrogate",
					    "\xc0\xaf overlong",
					    "\xf4\x90\x80\x80 beyond",
					    "]}{[,:",
					    "\\u0041"};
	char buf[64];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *line = line_of(names[i]);
		assert_int_equal(json_get_string(line, "text", buf, sizeof(buf)), 0);
		assert_string_equal(buf, names[i]);
		free(line);
	}
}

static void members_are_found(void **state)
{
	char *line = line_of("x"), buf[4];
	uint64_t number = 0;
	bool yes = false, no = true;

	(void)state;
	assert_int_equal(json_get_u64(line, "number", &number), 0);
	assert_true(number == UINT64_MAX);
	assert_int_equal(json_get_bool(line, "yes", &yes), 0);
	assert_int_equal(json_get_bool(line, "no", &no), 0);
	assert_true(yes && !no);
	assert_int_equal(json_get_u64(line, "missing", &number), -ENOENT);
	assert_int_equal(json_get_u64(line, "text", &number), -EINVAL);
	assert_int_equal(json_get_bool(line, "number", &yes), -EINVAL);
	assert_int_equal(json_get_string(line, "number", buf, sizeof(buf)), -EINVAL);
	free(line);
	assert_int_equal(json_get_string("{\"text\":\"12345\"}", "text", buf, sizeof(buf)), -ERANGE);
	assert_string_equal(buf, "123");
	assert_int_equal(json_get_u64("{\"n\":18446744073709551616}", "n", &number), -ERANGE);
	assert_int_equal(json_get_string("{ \"a\" : [ {\"t\":\"}\"} , -1.5e3, null ] , \"t\" : \"\\ud83d\\ude00\" }",
					 "t", (char[8]){0}, 8),
			 0);
}

/* Every prefix and every changed byte of a line: no answer is wrong but "no", and nothing outside is read (under
 * sanitizers). */
static void broken_lines_are_harmless(void **state)
{
	char *line = line_of("a\\b\xff");
	size_t length = strlen(line);
	char buf[8];
	uint64_t number;
	bool truth;

	(void)state;
	for (size_t i = 0; i < length; i++) {
		for (int what = 0; what < 5; what++) {
			char *copy = what ? strdup(line) : strndup(line, i);
			if (what)
				copy[i] = "?\"\\{]"[what];
			json_get_string(copy, "text", buf, sizeof(buf));
			json_get_u64(copy, "number", &number);
			json_get_bool(copy, "no", &truth);
			free(copy);
		}
	}
	free(line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_name_survives),
		cmocka_unit_test(members_are_found),
		cmocka_unit_test(broken_lines_are_harmless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
