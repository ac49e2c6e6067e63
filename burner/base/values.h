/* SPDX-License-Identifier: GPL-3.0-or-later */
/* values.h - numbers and dates as users write them after an option; -EINVAL: it is none */
#ifndef BURNER_BASE_VALUES_H
#define BURNER_BASE_VALUES_H

#include <stdint.h>

int value_number(const char *text, int base, uint64_t most, uint64_t *ret);
/* 90, 90s, 10m, 2h, 1d: seconds, at most a year of them. */
int value_duration(const char *text, uint32_t *ret_seconds);
/* Digits with at most one point, or comma, as many languages have it: neither "inf" nor "0x1p3". *ret_end: behind. */
int value_decimal(const char *text, const char **ret_end, double *ret);
/*
 * 2026, 2026-11, 2026-11-29, 2026-11-29T06:27, 2026-11-29T06:27:52, in UTC, also with a blank for the T, and with a Z
 * behind the time; or @1764397672.
 */
struct value_date {
	int64_t first, last; /* seconds since the epoch that are meant */
};
int value_date(const char *text, struct value_date *ret);

#endif
