/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * table.h - open addressing: slots of one size, found by the number they begin with
 *
 * What idmap.h, numbers.h and the tree's known files have in common.  A slot is any struct whose first member is its
 * key, a uint64_t that is not 0; what else is in it is its owner's.  table_reserve() (or table_resize(), for an owner
 * with its own rule of growth) is the only step that can fail: after it, so many table_add() succeed.  A pointer to a
 * slot is valid until the next table_add, table_remove, table_reserve or table_resize.
 *
 * Linear probing; a removal closes the gap, so nothing is left behind.  The hash is seeded at random: no disc can make
 * a table slow.  The zero value is an empty table.  Not locked.
 */
#ifndef BURNER_BASE_TABLE_H
#define BURNER_BASE_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct table {
	uint8_t *slots;
	uint64_t seed;
	uint32_t slot_bytes, capacity, count;
};

/* At most three quarters full, twice as large when they are.  -ENOMEM: unchanged. */
int table_reserve(struct table *t, uint32_t slot_bytes, size_t more);
/* Any capacity above count.  -ENOMEM: unchanged. */
int table_resize(struct table *t, uint32_t slot_bytes, size_t capacity);

void *table_find(const struct table *t, uint64_t key); /* NULL: none */
/* All slots of a key, one after the other: *cursor starts at 0. NULL at the end. */
void *table_find_next(const struct table *t, uint64_t key, size_t *cursor);
/* A slot with that key, besides those that there are; the rest of it is zeros.  Room was reserved. */
void *table_add(struct table *t, uint64_t key);
/* The slot of that key, or else a new one. */
void *table_put(struct table *t, uint64_t key);
void table_remove(struct table *t, void *slot);
/* Every slot, in no order: NULL after the last; after NULL: the first. */
void *table_next(const struct table *t, const void *after);
void table_release(struct table *t); /* empty, with the same seed */

#endif
