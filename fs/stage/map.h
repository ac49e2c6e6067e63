/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * map.h - a hash map from 64-bit numbers to 64-bit numbers
 *
 * Open addressing with linear probing; removal shifts back, so there are no tombstones.  The zero value is an empty map.
 * map_reserve() is the only step that can fail: after it, so many new keys go in without an error.
 * MAP_NO_KEY is not a key.  Not locked.
 */
#ifndef FS_STAGE_MAP_H
#define FS_STAGE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAP_NO_KEY UINT64_MAX

struct map { uint64_t *keys, *values; size_t capacity, count; };

int map_reserve(struct map *m, size_t more);		/* -ENOMEM: unchanged */
bool map_get(const struct map *m, uint64_t key, uint64_t *ret_value);	/* ret_value may be NULL */
void map_put(struct map *m, uint64_t key, uint64_t value);	/* room was reserved, or the key is there */
void map_remove(struct map *m, uint64_t key);
void map_release(struct map *m);

#endif
