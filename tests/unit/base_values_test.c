/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What users write after an option, and what is none. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "burner/base/nearest.h"
#include "burner/base/own.h"
#include "burner/base/size.h"
#include "burner/base/values.h"

static void sizes(void **state)
{
	static const struct {
		const char *text;
		uint64_t least, most;
	} right[] = {
		{"10M-1G", 10u << 20, 1u << 30},
		{"10M-", 10u << 20, UINT64_MAX},
		{"-1G", 0, 1u << 30},
		{"1474560", 1474560, 1474560},
		{"0-0", 0, 0},
		{"1.5K-1.5KiB", 1536, 1536},
		{"1,5k-2kB", 1536, 2000},
		{"4.7GB-", 4700000000, UINT64_MAX},
		{"700MB-700M", 700000000, 700u << 20},
		{"700MiB", 700u << 20, 700u << 20},
		{"1.1TB-1.1T", 1100000000000, 1209462790554},
	};
	static const char *const wrong[] = {"",	    "-",   "2-1",  "x",	   "1-x",   "x-1",	  "1--2",
					    "1Q",   "+1",  " 1",   "1 ",   "1M-1K", "700M-700MB", "1B",
					    "1KBi", "1iB", "1 GB", "1GBB", "1P"};
	uint64_t least = 7, most = 7;

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++)
		assert_int_equal(size_parse_range(wrong[i], &least, &most), -EINVAL);
	assert_int_equal(least + most, 14);
	for (size_t i = 0; i < ARRAY_LENGTH(right); i++) {
		assert_int_equal(size_parse_range(right[i].text, &least, &most), 0);
		assert_true(least == right[i].least && most == right[i].most);
	}
}

/* What is printed is read back as what it says; what would be 1024.0 is 1.0 of the next unit. */
static void printed(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text, *decimal;
	} all[] = {
		{0, "0 bytes", "0 bytes"},
		{999, "999 bytes", "999 bytes"},
		{1000, "1000 bytes", "1.0 KB"},
		{1023, "1023 bytes", "1.0 KB"},
		{1024, "1.0 KiB", "1.0 KB"},
		{1048524, "1023.9 KiB", "1.0 MB"},
		{1048525, "1.0 MiB", "1.0 MB"},
		{4700372992, "4.4 GiB", "4.7 GB"},
		{734003200, "700.0 MiB", "734.0 MB"},
		{UINT64_MAX, "16.0 EiB", "18.4 EB"},
	};
	char text[SIZE_TEXT_BYTES];

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(all); i++) {
		assert_string_equal(size_text(all[i].bytes, text), all[i].text);
		assert_string_equal(size_text_decimal(all[i].bytes, text), all[i].decimal);
	}
}

static void words(void **state)
{
	static const struct {
		const char *given, *meant;
	} all[] = {
		{"lsit", "list"}, {"export", "export"},	  {"exprot", "export"},
		{"disc", NULL},	  {"moev", "move"},	  {"x", NULL},
		{"", NULL},	  {"discrad", "discard"}, {"a word that is much longer than any that is known", NULL},
	};
	static const char *const known[] = {"list", "export", "rebase", "move", "discard"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(all); i++) {
		struct nearest n = nearest_begin(all[i].given, strlen(all[i].given));

		for (size_t k = 0; k < ARRAY_LENGTH(known); k++)
			nearest_try(&n, known[k], strlen(known[k]));
		if (all[i].meant) {
			assert_non_null(n.best);
			assert_string_equal(n.best, all[i].meant);
		} else {
			assert_null(n.best);
		}
	}
}

static void durations(void **state)
{
	static const char *const wrong[] = {"",	  "x",	"1x", "m",    "1mm",  "-1",
					    "+1", " 1", "1 ", "1.5h", "367d", "99999999999999"};
	uint32_t s = 7;

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++)
		assert_int_equal(value_duration(wrong[i], &s), -EINVAL);
	assert_int_equal(s, 7);
	assert_true(value_duration("0", &s) == 0 && s == 0);
	assert_true(value_duration("90", &s) == 0 && s == 90);
	assert_true(value_duration("90s", &s) == 0 && s == 90);
	assert_true(value_duration("10m", &s) == 0 && s == 600);
	assert_true(value_duration("2h", &s) == 0 && s == 7200);
	assert_true(value_duration("366d", &s) == 0 && s == 366 * 86400);
}

static void dates(void **state)
{
	static const struct {
		const char *text;
		int64_t first, last;
	} right[] = {
		{"1970", 0, 31535999},
		{"2001-02-03T04:05:06", 981173106, 981173106},
		{"2001-02-03 04:05:06Z", 981173106, 981173106},
		{"2001-02-03T04:05", 981173100, 981173159},
		{"2001-02-03 04:05Z", 981173100, 981173159},
		{"2001-02-03", 981158400, 981244799},
		{"2001-02", 980985600, 983404799},
		{"2001-12", 1007164800, 1009843199},
		{"2001", 978307200, 1009843199},
		{"2000-02-29", 951782400, 951868799},
		{"1969-12-31T23:59:59", -1, -1},
		{"@981173106", 981173106, 981173106},
		{"@0", 0, 0},
		{"@-7", -7, -7},
	};
	static const char *const wrong[] = {
		"",
		"@",
		"@x",
		"@-",
		"@+1",
		"@ 1",
		"20",
		"20010",
		"2001-",
		"2001-2",
		"2001-13",
		"2001-00",
		"2001-02-29",
		"2001-04-31",
		"2001-02-00",
		"2001-02-03T",
		"2001-02-03T04",
		"2001-02-03T04Z",
		"2001-02-03T24:00",
		"2001-02-03T04:60",
		"01-02-03",
		"2001-02-03Z",
		"2001/02/03",
		"2001-02-03T04:05:60",
		"2001-02-03T04:05:06+1",
		"yesterday",
		" 2001",
		"2001-02-03x04:05",
		"2001-02-03T04:05:06ZZ",
		"+001-02-03",
		"2001-02 03",
	};
	struct value_date d;

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++)
		if (value_date(wrong[i], &d) != -EINVAL)
			fail_msg("%s", wrong[i]);
	for (size_t i = 0; i < ARRAY_LENGTH(right); i++) {
		assert_int_equal(value_date(right[i].text, &d), 0);
		assert_int_equal(d.first, right[i].first);
		assert_int_equal(d.last, right[i].last);
	}
}

/* Whatever the time zone of the machine is. */
static void zone(void **state)
{
	struct value_date d;

	(void)state;
	setenv("TZ", "America/New_York", 1);
	tzset();
	assert_int_equal(value_date("2001-07-03", &d), 0);
	assert_int_equal(d.first, 994118400);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(sizes),	cmocka_unit_test(printed),
					   cmocka_unit_test(durations), cmocka_unit_test(words),
					   cmocka_unit_test(dates),	cmocka_unit_test(zone)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
