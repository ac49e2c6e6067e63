/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * date.c - the two forms of dates in ECMA-119
 *
 * Written with libiso9660, read without.  iso9660_get_dtime() takes a date that is not specified for the epoch in the
 * time zone of the machine; iso9660_get_ltime() tells the offset from UTC with the wrong sign; both carry fields out
 * of range over into the others (the 14th month is next year's February), and take a lock of all threads (timegm).
 */
#include "burner/format/date.h"

#include <assert.h>

#include <cdio/iso9660.h>

#include "burner/base/time.h"

static_assert(sizeof(iso9660_dtime_t) == SHORT_DATE_BYTES, "ECMA-119 9.1.5");
static_assert(sizeof(iso9660_ltime_t) == LONG_DATE_BYTES, "ECMA-119 8.4.26.1");

#define DATE_MIN (-2208988800ll) /* 1900-01-01 00:00:00 */
#define DATE_MAX 5869583999ll	 /* 2155-12-31 23:59:59 */
#define QUARTERS_WEST (-48)	 /* offsets from UTC that the standard has, in 15 minutes */
#define QUARTERS_EAST 52

struct date {
	int year, month, day, hour, minute, second, quarters;
};

/* ---- reading ---- */

/* Of v, what lies in [low, high]. */
static int clamp(int v, int low, int high, bool *in_range)
{
	if (v >= low && v <= high)
		return v;
	*in_range = false;
	return v < low ? low : high;
}

/* Proleptic Gregorian calendar. */
static bool date_seconds(const struct date *d, struct timespec *ret)
{
	bool in_range = d->quarters >= QUARTERS_WEST && d->quarters <= QUARTERS_EAST;
	int quarters = d->quarters >= -QUARTERS_EAST && d->quarters <= QUARTERS_EAST ? d->quarters : 0;
	int month = clamp(d->month, 1, 12, &in_range), day = clamp(d->day, 1, 31, &in_range);
	int hour = clamp(d->hour, 0, 23, &in_range), minute = clamp(d->minute, 0, 59, &in_range);
	int second = clamp(d->second, 0, 60, &in_range);
	int64_t year = d->year - (month <= 2);
	int64_t era = (year >= 0 ? year : year - 399) / 400, of_era = year - era * 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	int64_t days = era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;

	ret->tv_sec = nearest_time(days * 86400 + hour * 3600 + minute * 60 + second - quarters * 900);
	return in_range;
}

bool date_decode_short(const uint8_t d[SHORT_DATE_BYTES], struct timespec *ret)
{
	struct date date = {1900 + d[0], d[1], d[2], d[3], d[4], d[5], (int8_t)d[6]};

	*ret = (struct timespec){0};
	return (d[0] | d[1] | d[2] | d[3] | d[4] | d[5]) && date_seconds(&date, ret);
}

/* n digits, or -1. */
static int digits(const uint8_t *d, int n)
{
	int v = 0;

	for (int i = 0; i < n; i++) {
		if (d[i] < '0' || d[i] > '9')
			return -1;
		v = v * 10 + d[i] - '0';
	}
	return v;
}

bool date_decode_long(const uint8_t d[LONG_DATE_BYTES], struct timespec *ret)
{
	struct date date = {.year = digits(d, 4),
			    .month = digits(d + 4, 2),
			    .day = digits(d + 6, 2),
			    .hour = digits(d + 8, 2),
			    .minute = digits(d + 10, 2),
			    .second = digits(d + 12, 2),
			    .quarters = (int8_t)d[16]};
	int hundredths = digits(d + 14, 2);
	bool in_range;

	*ret = (struct timespec){0};
	if (date.year <= 0 || date.month < 0 || date.day < 0)
		return false;
	in_range = date_seconds(&date, ret);
	ret->tv_nsec = hundredths > 0 ? hundredths * 10000000l : 0;
	return in_range;
}

/* ---- writing ---- */

int64_t date_recorded(int64_t seconds)
{
	return seconds < DATE_MIN ? DATE_MIN : seconds > DATE_MAX ? DATE_MAX : seconds;
}

/* By the 400-year cycle that begins on 1 March 0000; gmtime_r costs ten times as much. */
static struct tm date_of(int64_t seconds)
{
	int64_t days;
	int second_of_day, day_of_cycle, year_of_cycle, day_of_year, month, cycle;

	seconds = date_recorded(seconds) - DATE_MIN;
	days = seconds / 86400 + 693901; /* 1900-01-01 since 0000-03-01 */
	second_of_day = (int)(seconds % 86400);
	cycle = (int)(days / 146097);
	day_of_cycle = (int)(days % 146097);
	year_of_cycle = (day_of_cycle - day_of_cycle / 1460 + day_of_cycle / 36524 - day_of_cycle / 146096) / 365;
	day_of_year = day_of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
	month = (5 * day_of_year + 2) / 153; /* from March */
	return (struct tm){
		.tm_year = cycle * 400 + year_of_cycle + (month >= 10) - 1900,
		.tm_mon = month < 10 ? month + 2 : month - 10,
		.tm_mday = day_of_year - (153 * month + 2) / 5 + 1,
		.tm_hour = second_of_day / 3600,
		.tm_min = second_of_day / 60 % 60,
		.tm_sec = second_of_day % 60,
	};
}

void date_encode_short(uint8_t ret[SHORT_DATE_BYTES], int64_t seconds)
{
	struct tm tm = date_of(seconds);

	iso9660_set_dtime_with_timezone(&tm, 0, (iso9660_dtime_t *)(void *)ret);
}

void date_encode_long(uint8_t ret[LONG_DATE_BYTES], int64_t seconds)
{
	struct tm tm = date_of(seconds);

	iso9660_set_ltime_with_timezone(&tm, 0, (iso9660_ltime_t *)(void *)ret);
}
