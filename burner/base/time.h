/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * time.h - seconds of 64 bits as a time_t, which may have 32
 */
#ifndef BURNER_BASE_TIME_H
#define BURNER_BASE_TIME_H

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

#endif
