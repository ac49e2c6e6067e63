/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * date.h - the two forms of date and time of ECMA-119: 9.1.5 (directory records, TF entries) and 8.4.26.1 (volume
 * descriptors, long TF entries)
 *
 * One rule for reading.  What is not specified is the epoch: six zeros in the short form; no digits or the year 0 in
 * the long one.  Fields out of range become the nearest value that is in range, an offset from UTC beyond 13 hours
 * counts as none (as in Linux): the date of a file must not make the file unreadable, so fs/iso wants it so.  Whoever
 * would rather have no date than a wrong one (burner/medium, for the list of sessions) looks at what is returned.
 *
 * Pure; any thread.
 */
#ifndef BURNER_FORMAT_DATE_H
#define BURNER_FORMAT_DATE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define SHORT_DATE_BYTES 7u
#define LONG_DATE_BYTES 17u

/* *ret: since the epoch, UTC.  true: a date was given, and all its fields were in range. */
bool date_decode_short(const uint8_t date[SHORT_DATE_BYTES], struct timespec *ret);
bool date_decode_long(const uint8_t date[LONG_DATE_BYTES], struct timespec *ret);

/* In UTC; years 1900 to 2155, others become the nearest. */
int64_t date_recorded(int64_t seconds); /* the nearest */
void date_encode_short(uint8_t ret[SHORT_DATE_BYTES], int64_t seconds);
void date_encode_long(uint8_t ret[LONG_DATE_BYTES], int64_t seconds);

#endif
