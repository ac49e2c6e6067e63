/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * time.h - seconds of 64 bits as a time_t, which may have 32, and as text; is it the same time?  how long something
 * takes; a pause
 */
#ifndef BURNER_BASE_TIME_H
#define BURNER_BASE_TIME_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* The nearest that there is: 32 bits are the years 1901 to 2038. */
static inline time_t nearest_time(int64_t seconds)
{
	time_t t = (time_t)seconds;

	if (t == seconds)
		return t;
	return (time_t)(seconds < 0 ? INT32_MIN : INT32_MAX);
}

/* "2026-11-23T12:51:24Z"; NULL: unknown, which is 0, or no year that a calendar has. */
#define TIME_TEXT_BYTES 32
static inline const char *time_text(int64_t seconds, char ret[TIME_TEXT_BYTES])
{
	time_t t = nearest_time(seconds);
	struct tm tm;

	return t && gmtime_r(&t, &tm) && strftime(ret, TIME_TEXT_BYTES, "%Y-%m-%dT%H:%M:%SZ", &tm) ? ret : NULL;
}

static inline bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

/* CLOCK_MONOTONIC */
static inline int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}
static inline int64_t now_ms(void) { return now_ns() / 1000000; }

/* Less when a signal comes. */
static inline void sleep_ms(unsigned ms)
{
	nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000L}, NULL);
}

#endif
