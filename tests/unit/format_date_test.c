/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * format_date_test.c - the two forms of dates, against timegm() and gmtime_r(), and what of libiso9660 they stand on
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cdio/iso9660.h>
#include <cmocka.h>

#include "burner/base/time.h"
#include "burner/format/date.h"

#define FIRST (-2208988800ll) /* 1900-01-01 */
#define LAST 5869583999ll     /* 2155-12-31 23:59:59 */

static uint64_t seed = 1;
static uint64_t next(void)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return seed >> 20;
}

/* timegm(3) where a time_t may have 32 bits: the nearest that there is.  Fields may be beyond their ranges. */
static time_t seconds_of(const struct tm *tm, int offset)
{
	int64_t year = tm->tm_year + 1900 - (tm->tm_mon < 2), era = year / 400, of_era = year % 400;
	int64_t of_year = (153 * ((tm->tm_mon + 10) % 12) + 2) / 5 + tm->tm_mday - 1;
	int64_t days = era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;

	return nearest_time(((days * 24 + tm->tm_hour) * 60 + tm->tm_min) * 60 + tm->tm_sec - offset);
}

/* What is written is what gmtime_r() says, and is read again as what was written. */
static void test_both_ways(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 200000; i++) {
		time_t t = (time_t)((int64_t)next() % (LAST - FIRST + 1)) + FIRST;
		struct timespec back;
		struct tm tm;
		uint8_t d[7], l[17];
		char text[80];

		assert_non_null(gmtime_r(&t, &tm));
		date_encode_short(d, t);
		assert_true(d[0] == tm.tm_year && d[1] == tm.tm_mon + 1 && d[2] == tm.tm_mday && d[3] == tm.tm_hour &&
			    d[4] == tm.tm_min && d[5] == tm.tm_sec && !d[6]);
		assert_true(date_decode_short(d, &back));
		assert_true(back.tv_sec == t && !back.tv_nsec);
		date_encode_long(l, t);
		snprintf(text, sizeof(text), "%04d%02d%02d%02d%02d%02d00", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
			 tm.tm_hour, tm.tm_min, tm.tm_sec);
		assert_memory_equal(l, text, 17);
		assert_true(date_decode_long(l, &back));
		assert_true(back.tv_sec == t && !back.tv_nsec);
	}
}

static void test_beyond_the_years(void **state)
{
	static const uint8_t first[7] = {0, 1, 1, 0, 0, 0, 0}, last[7] = {255, 12, 31, 23, 59, 59, 0};
	uint8_t d[7], l[17];

	(void)state;
	date_encode_short(d, INT64_MIN);
	assert_memory_equal(d, first, 7);
	date_encode_short(d, INT64_MAX);
	assert_memory_equal(d, last, 7);
	date_encode_long(l, INT64_MIN);
	assert_memory_equal(l, "1900010100000000", 17);
	date_encode_long(l, INT64_MAX);
	assert_memory_equal(l, "2155123123595900", 17);
}

static int nearest(int v, int low, int high) { return v < low ? low : v > high ? high : v; }

/* Every value of a byte in every field: the nearest in range, and said to be out of it. */
static void test_short_fields(void **state)
{
	static const int low[7] = {0, 1, 1, 0, 0, 0, -48}, high[7] = {255, 12, 31, 23, 59, 60, 52};

	(void)state;
	for (unsigned field = 0; field < 7; field++)
		for (int value = 0; value < 256; value++) {
			uint8_t d[7] = {120, 2, 3, 4, 5, 6, 8};
			int v[7], quarters;
			struct timespec t;
			struct tm tm;
			bool sound;

			d[field] = (uint8_t)value;
			for (unsigned i = 0; i < 6; i++)
				v[i] = nearest(d[i], low[i], high[i]);
			quarters = (int8_t)d[6];
			sound = quarters >= low[6] && quarters <= high[6];
			for (unsigned i = 0; i < 6; i++)
				sound &= v[i] == d[i];
			if (quarters < -52 || quarters > 52)
				quarters = 0;
			assert_int_equal(date_decode_short(d, &t), sound);
			tm = (struct tm){.tm_year = v[0],
					 .tm_mon = v[1] - 1,
					 .tm_mday = v[2],
					 .tm_hour = v[3],
					 .tm_min = v[4],
					 .tm_sec = v[5]};
			assert_true(t.tv_sec == seconds_of(&tm, quarters * 900) && !t.tv_nsec);
		}
}

/* Every value of a byte at every place of the long form. */
static void test_long_bytes(void **state)
{
	(void)state;
	for (unsigned at = 0; at < 17; at++)
		for (int value = 0; value < 256; value++) {
			bool is_digit = value >= '0' && value <= '9';
			uint8_t d[18] = "2020020304050678\4";
			struct timespec t;
			bool sound;

			d[at] = (uint8_t)value;
			sound = date_decode_long(d, &t);
			if (at < 8 && !is_digit)
				assert_true(!sound && !t.tv_sec && !t.tv_nsec);
			if (at >= 8 && at < 14 && !is_digit)
				assert_true(!sound && t.tv_sec > 1577000000); /* the day is known */
			if (at >= 14 && at < 16)
				assert_true(sound && t.tv_sec == 1580702706 - 3600 &&
					    t.tv_nsec == (!is_digit ? 0 :
							  at == 14  ? (value - '0') * 10 + 8 :
								      70 + value - '0') *
								 10000000l);
			if (at == 16)
				assert_int_equal(sound, (int8_t)value >= -48 && (int8_t)value <= 52);
		}
}

static void test_not_specified(void **state)
{
	static const uint8_t zeros[17], east[7] = {0, 0, 0, 0, 0, 0, 9};
	struct timespec t = {1, 1};

	(void)state;
	assert_false(date_decode_short(zeros, &t));
	assert_true(!t.tv_sec && !t.tv_nsec);
	t.tv_sec = 1;
	assert_false(date_decode_short(east, &t));
	assert_true(!t.tv_sec);
	t.tv_sec = 1;
	assert_false(date_decode_long(zeros, &t));
	assert_true(!t.tv_sec);
	t.tv_sec = 1;
	assert_false(date_decode_long((const uint8_t *)"0000000000000000", &t));
	assert_true(!t.tv_sec && !t.tv_nsec);
}

/* libiso9660 agrees with us about dates that are sound; of others date.c says why they are not left to it. */
static void test_library_agrees(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		iso9660_dtime_t d = {.dt_year = (uint8_t)(i % 256),
				     .dt_month = (uint8_t)(1 + next() % 12),
				     .dt_day = (uint8_t)(1 + next() % 28),
				     .dt_hour = (uint8_t)(next() % 24),
				     .dt_minute = (uint8_t)(next() % 60),
				     .dt_second = (uint8_t)(next() % 60),
				     .dt_gmtoff = (int8_t)((int)(next() % 101) - 48)};
		struct timespec t;
		struct tm tm;

		assert_true(date_decode_short((const uint8_t *)&d, &t));
		if (nearest_time(INT64_MAX) == INT32_MAX && (d.dt_year < 2 || d.dt_year >= 137))
			continue; /* beyond 32 bits the library has none, and we the nearest */
		assert_true(iso9660_get_dtime(&d, false, &tm));
		assert_true(seconds_of(&tm, 0) == t.tv_sec);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_ways),     cmocka_unit_test(test_beyond_the_years),
		cmocka_unit_test(test_short_fields),  cmocka_unit_test(test_long_bytes),
		cmocka_unit_test(test_not_specified), cmocka_unit_test(test_library_agrees),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
