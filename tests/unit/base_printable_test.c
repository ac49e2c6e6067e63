/* SPDX-License-Identifier: GPL-3.0-or-later */
/* base_printable_test.c - text of others, as a person sees it: on a terminal, in the system's log, in JSON */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "burner/base/json.h"
#include "burner/base/log.h"
#include "burner/base/own.h"
#include "burner/base/printable.h"

#define CSI_OF_C1 "\xc2\x9b"	      /* U+009B */
#define LINE_SEPARATOR "\xe2\x80\xa8" /* U+2028 */
#define OVERRIDE "\xe2\x80\xae"	      /* U+202E */
#define ISOLATE "\xe2\x81\xa7"	      /* U+2067 */
#define MARK "\xe2\x80\x8f"	      /* U+200F: stands in names of Hebrew and Arabic */
#define EVIL "a\033[2J\nb\r\x7f" CSI_OF_C1 LINE_SEPARATOR OVERRIDE ISOLATE "\xff" MARK
#define TAME "a?[2J?b???????" MARK

static void becomes_printable(void **state)
{
	char buf[8], text[] = EVIL;

	(void)state;
	assert_string_equal(printable("a\tb\x7f", buf, sizeof(buf)), "a?b?");
	assert_string_equal(printable("\xc3\xa4" CSI_OF_C1 "1", buf, sizeof(buf)), "\xc3\xa4?1");
	assert_string_equal(printable("123456\xc3\xa4", buf, sizeof(buf)), "123456"); /* no half characters */
	assert_string_equal(printable("\xc3", buf, sizeof(buf)), "?");
	assert_string_equal(printable(text, text, sizeof(text)), TAME); /* in place */
	assert_string_equal(printable("\xf0\x9f\x98\x80", buf, sizeof(buf)), "\xf0\x9f\x98\x80");
}

/* What a function writes to standard error. */
static char *written(void (*write_something)(void))
{
	FILE *to = tmpfile();
	int saved = dup(STDERR_FILENO);
	char *text = calloc(1, 65536);

	assert_non_null(to);
	fflush(stderr);
	dup2(fileno(to), STDERR_FILENO);
	write_something();
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	close(saved);
	rewind(to);
	assert_true(fread(text, 1, 65535, to) > 0);
	fclose(to);
	return text;
}

static void log_one(void) { log_error("%s: %s", EVIL, "why"); }
static void say_one(void) { say(stderr, "  by %s", EVIL); }

static void lines_are_one(void **state)
{
	_free_ char *logged = written(log_one), *said = NULL;

	(void)state;
	assert_string_equal(logged, "cdappendfs: " TAME ": why\n");
	said = written(say_one);
	assert_string_equal(said, "  by " TAME "\n");
}

/* LOG_PERROR: what goes to the system's log goes to standard error, too. */
static void system_log(void **state)
{
	_free_ char *logged = NULL;

	(void)state;
	openlog("ident", LOG_PERROR, LOG_DAEMON);
	log_state.syslog = true;
	logged = written(log_one);
	log_state.syslog = false;
	closelog();
	assert_string_equal(logged, "ident: " TAME ": why\n");
}

static void long_ones_are_whole(void **state)
{
	_free_ char *name = malloc(20001), *logged = NULL;

	(void)state;
	memset(name, 'x', 20000);
	name[20000] = '\0';
	FILE *to = open_memstream(&logged, &(size_t){0});
	say(to, "%s: what to do", name);
	fclose(to);
	assert_int_equal(strlen(logged), 20000 + strlen(": what to do\n"));
}

/* Nothing is lost there, and nothing moves a cursor. */
static void json_escapes(void **state)
{
	_free_ char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);
	char back[64];

	(void)state;
	fputs("{\"k\":", to);
	json_put_quoted(to, EVIL);
	fputs("}", to);
	fclose(to);
	assert_string_equal(text,
			    "{\"k\":\"a\\u001b[2J\\u000ab\\u000d\\u007f\\u009b\\u2028\\u202e\\u2067\\udcff" MARK "\"}");
	assert_int_equal(json_get_string(text, "k", back, sizeof(back)), 0);
	assert_string_equal(back, EVIL);
}

/* What somebody is told to type is one word, and that path. */
static void words_of_a_shell(void **state)
{
	static const char *const words[][2] = {
		{"/srv/a-b_c.iso", "/srv/a-b_c.iso"},
		{"/srv/my pics.iso", "'/srv/my pics.iso'"},
		{"x;touch y", "'x;touch y'"},
		{"it's $(id)", "'it'\\''s $(id)'"},
		{"-rf", "./-rf"},
		{"-r f", "'./-r f'"},
		{"", "''"},
		{"~", "'~'"},
		{"\xc3\xa4", "'\xc3\xa4'"},
		{"a\nb'\\\x1b[2J\xff", "$'a\\012b\\'\\\\\\033[2J\\377'"},
	};
	_free_ char *name = malloc(40001);

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(words); i++)
		assert_string_equal(SHELL_WORD(words[i][0]), words[i][1]);
	memset(name, '\'', 40000);
	name[40000] = '\0';
	assert_true(strlen(SHELL_WORD(name)) < sizeof(struct shell_word));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(becomes_printable), cmocka_unit_test(lines_are_one),
		cmocka_unit_test(system_log),	     cmocka_unit_test(long_ones_are_whole),
		cmocka_unit_test(json_escapes),	     cmocka_unit_test(words_of_a_shell),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
