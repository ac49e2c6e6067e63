/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * numbers.h - a hash table from numbers to indices; a number may be in it several times
 *
 * For inode numbers and block addresses that a disc chose.  12 bytes a slot of table.h.  The zero value is empty.  Not
 * locked.
 */
#ifndef BURNER_BASE_NUMBERS_H
#define BURNER_BASE_NUMBERS_H

#include "burner/base/table.h"

#define NUMBERS_NONE UINT32_MAX

struct numbers {
	struct table table;
};

/* -ENOMEM; -EOVERFLOW: UINT64_MAX is no key. */
int numbers_add(struct numbers *m, uint64_t key, uint32_t value);
/* Values of a key, one after the other: *cursor starts at 0. NUMBERS_NONE at the end. Nothing may be added
 * meanwhile. */
uint32_t numbers_next(const struct numbers *m, uint64_t key, size_t *cursor);
uint32_t numbers_first(const struct numbers *m, uint64_t key); /* NUMBERS_NONE: there is none */
void numbers_release(struct numbers *m);

#endif
