/* SPDX-License-Identifier: GPL-3.0-or-later */
/* values.h - numbers and sizes as users write them after an option; -EINVAL: it is none */
#ifndef FS_DAEMON_VALUES_H
#define FS_DAEMON_VALUES_H

#include <stdint.h>

int value_number(const char *text, int base, uint64_t most, uint64_t *ret);
/* Digits with at most one point, or comma, as many languages have it: neither "inf" nor "0x1p3". *ret_end: behind. */
int value_decimal(const char *text, const char **ret_end, double *ret);
/* 4M, 700MiB, 4.7G, 4,7G, 1474560 */
int value_size(const char *text, uint64_t *ret_bytes);

#endif
