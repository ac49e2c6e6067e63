/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/base/table.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/check.h"
#include "burner/base/hash.h"

#define FIRST_CAPACITY 64u

/* Any capacity will do: the lower half of the hash as a fraction of it.  The upper bits are left to an owner who keeps
 * several tables. */
static uint8_t *home_of(const struct table *t, uint64_t key)
{
	uint64_t i = (hash_number(t->seed, key) & UINT32_MAX) * t->capacity >> 32;

	return t->slots + i * t->slot_bytes;
}

static size_t bytes_of(const struct table *t) { return (size_t)t->capacity * t->slot_bytes; }

static uint8_t *onward(const struct table *t, uint8_t *slot, size_t bytes)
{
	size_t left = (size_t)(t->slots + bytes_of(t) - slot);

	return bytes < left ? slot + bytes : t->slots + (bytes - left);
}

static uint8_t *behind(const struct table *t, uint8_t *slot) { return onward(t, slot, t->slot_bytes); }

/* In bytes, from a slot on to another. */
static size_t distance(const struct table *t, const uint8_t *from, const uint8_t *to)
{
	return to >= from ? (size_t)(to - from) : bytes_of(t) - (size_t)(from - to);
}

/* Slots may be packed. */
static uint64_t key_of(const uint8_t *slot)
{
	uint64_t key;

	memcpy(&key, slot, sizeof(key));
	return key;
}

/* From a slot on: the first that is free or has the key.  0 is the key of a free one. */
static uint8_t *probe(const struct table *t, uint8_t *slot, uint64_t key)
{
	const uint8_t *end = t->slots + bytes_of(t);

	for (;;) {
		uint64_t found = key_of(slot);

		if (!found || found == key)
			return slot;
		slot += t->slot_bytes;
		if (slot == end)
			slot = t->slots;
	}
}

/* A call of memcpy(3) takes longer than this. */
static void copy_slot(const struct table *t, uint8_t *to, const uint8_t *from)
{
	for (uint32_t i = 0; i < t->slot_bytes; i += 4)
		memcpy(to + i, from + i, 4);
}

int table_resize(struct table *t, uint32_t slot_bytes, size_t capacity)
{
	struct table fresh = {.seed = t->seed, .slot_bytes = slot_bytes, .capacity = (uint32_t)capacity};

	assert(capacity > t->count && slot_bytes % 4 == 0);
	if (capacity >= UINT32_MAX / 2)
		return -ENOMEM;
	fresh.slots = calloc(capacity, slot_bytes);
	if (!fresh.slots)
		return -ENOMEM;
	if (!fresh.seed)
		fresh.seed = hash_seed(t);
	for (void *slot = NULL; (slot = table_next(t, slot));)
		copy_slot(&fresh, probe(&fresh, home_of(&fresh, key_of(slot)), 0), slot);
	fresh.count = t->count;
	free(t->slots);
	*t = fresh;
	return 0;
}

int table_reserve(struct table *t, uint32_t slot_bytes, size_t more)
{
	size_t capacity = t->capacity ? t->capacity : FIRST_CAPACITY;

	if (more > UINT32_MAX / 8 - t->count / 8)
		return -ENOMEM;
	while ((t->count + more) * 4 > capacity * 3)
		capacity *= 2;
	return capacity == t->capacity ? 0 : table_resize(t, slot_bytes, capacity);
}

void *table_find(const struct table *t, uint64_t key)
{
	uint8_t *slot;

	if (!t->count || !key)
		return NULL;
	slot = probe(t, home_of(t, key), key);
	return key_of(slot) ? slot : NULL;
}

void *table_find_next(const struct table *t, uint64_t key, size_t *cursor)
{
	uint8_t *home, *slot;

	if (!t->count || !key)
		return NULL;
	home = home_of(t, key);
	slot = probe(t, onward(t, home, *cursor), key);
	if (!key_of(slot))
		return NULL;
	*cursor = distance(t, home, slot) + t->slot_bytes; /* where the search goes on, from home */
	return slot;
}

static uint8_t *take(struct table *t, uint8_t *slot, uint64_t key)
{
	check(key);
	assert(t->count + 1 < t->capacity);
	memcpy(slot, &key, sizeof(key));
	t->count++;
	return slot;
}

void *table_add(struct table *t, uint64_t key) { return take(t, probe(t, home_of(t, key), 0), key); }

void *table_put(struct table *t, uint64_t key)
{
	uint8_t *slot = probe(t, home_of(t, key), key);

	return key_of(slot) ? slot : take(t, slot, key);
}

void table_remove(struct table *t, void *slot)
{
	uint8_t *hole = slot;

	for (uint8_t *at = behind(t, hole); key_of(at); at = behind(t, at)) {
		/* It may close the gap when its way from home leads over it. */
		if (distance(t, home_of(t, key_of(at)), at) >= distance(t, hole, at)) {
			copy_slot(t, hole, at);
			hole = at;
		}
	}
	memset(hole, 0, t->slot_bytes);
	t->count--;
}

void *table_next(const struct table *t, const void *after)
{
	size_t at = after ? (size_t)((const uint8_t *)after - t->slots) + t->slot_bytes : 0;

	for (; at < bytes_of(t); at += t->slot_bytes)
		if (key_of(t->slots + at))
			return t->slots + at;
	return NULL;
}

void table_release(struct table *t)
{
	free(t->slots);
	*t = (struct table){.seed = t->seed};
}
