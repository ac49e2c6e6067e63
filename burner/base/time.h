/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * time.h - seconds of 64 bits as a time_t, which may have 32; is it the same time?  how long something takes; a pause
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
