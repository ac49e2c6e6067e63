/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * date.c - the two forms of dates in ECMA-119
 *
 * Fields out of range are clamped: a disc with a silly date is still readable.  All zero means "not specified": the
 * epoch.
 */
#include "burner/base/time.h"
#include "fs/iso/internal.h"

struct date {
	int year, month, day, hour, minute, second, quarters;
};

static int clamp(int v, int low, int high) { return v < low ? low : v > high ? high : v; }

/* Seconds since the epoch, UTC; proleptic Gregorian calendar. */
static int64_t seconds_of(const struct date *d)
{
	int month = clamp(d->month, 1, 12), quarters = d->quarters >= -52 && d->quarters <= 52 ? d->quarters : 0;
	int64_t year = d->year - (month <= 2);
	int64_t era = (year >= 0 ? year : year - 399) / 400, of_era = year - era * 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + clamp(d->day, 1, 31) - 1;
	int64_t days = era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;

	return days * 86400 + clamp(d->hour, 0, 23) * 3600 + clamp(d->minute, 0, 59) * 60 + clamp(d->second, 0, 60) -
	       quarters * 900;
}

time_t date_of_record(const uint8_t d[7])
{
	static const uint8_t unspecified[6];
	struct date date = {1900 + d[0], d[1], d[2], d[3], d[4], d[5], (int8_t)d[6]};

	for (unsigned i = 0; i < sizeof(unspecified); i++)
		if (d[i])
			return nearest_time(seconds_of(&date));
	return 0;
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

struct timespec date_of_volume(const uint8_t d[17])
{
	struct date date = {.year = digits(d, 4),
			    .month = digits(d + 4, 2),
			    .day = digits(d + 6, 2),
			    .hour = digits(d + 8, 2),
			    .minute = digits(d + 10, 2),
			    .second = digits(d + 12, 2),
			    .quarters = (int8_t)d[16]};
	int hundredths = digits(d + 14, 2);
	struct timespec t = {0, 0};

	if (date.year <= 0 || date.month < 0 || date.day < 0)
		return t;
	t.tv_sec = nearest_time(seconds_of(&date));
	t.tv_nsec = hundredths > 0 ? hundredths * 10000000l : 0;
	return t;
}
