/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * size.h - sizes as users write and read them
 *
 * As in coreutils: K, M, G and T, or KiB, MiB, …, are powers of 1024; KB (kB), MB, GB and TB, which is what stands on
 * media, powers of 1000.  What is printed says KiB, MiB, …, so that nobody takes it for the other.  A CD "of 700 MB"
 * has 700 MiB; a DVD of 4.7 GB, and a BD of 25 GB, have just these.
 */
#ifndef BURNER_BASE_SIZE_H
#define BURNER_BASE_SIZE_H

#include <stdint.h>

/* 4M, 700MiB, 4.7GB, 4,7G, 1474560.  -EINVAL: it is none, or more than a disc can have. */
int size_parse(const char *text, uint64_t *ret_bytes);
/* Sizes from 10M to 1G, both included: 10M-1G; 10M- and more; -1G and less; 1474560 just that. */
int size_parse_range(const char *text, uint64_t *ret_least, uint64_t *ret_most);

/* "12.3 MiB", exact below 1 KiB; returns text. */
#define SIZE_TEXT_BYTES 24u
const char *size_text(uint64_t bytes, char text[SIZE_TEXT_BYTES]);
/* "4.7 GB", as on media. */
const char *size_text_decimal(uint64_t bytes, char text[SIZE_TEXT_BYTES]);

#endif
