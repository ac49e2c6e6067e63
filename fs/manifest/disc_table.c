/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/manifest/disc_table.h"

#include <errno.h>
#include <stdlib.h>

#include "burner/base/bytes.h"
#include "fs/iso/iso.h"

#define WINDOW_BYTES (32u * SECTOR_BYTES)

void disc_table_release(struct disc_table *t) { free(t->window); }

static int load(struct disc_table *t, uint32_t i)
{
	uint32_t room = WINDOW_BYTES / t->record_bytes, first = i / room * room,
		 n = (uint32_t)min_u64(t->n - first, room);
	int r;

	t->n_loaded = 0;
	if (!t->window && !(t->window = malloc(WINDOW_BYTES)))
		return -ENOMEM;
	r = iso_read_disc(t->disc, t->pos + (uint64_t)first * t->record_bytes, t->window, (size_t)n * t->record_bytes);
	if (r)
		return r;
	t->first = first;
	t->n_loaded = n;
	return 0;
}

int disc_table_at(struct disc_table *t, uint32_t i, const uint8_t **ret)
{
	int r = i - t->first < t->n_loaded ? 0 : load(t, i);

	if (!r)
		*ret = t->window + (size_t)(i - t->first) * t->record_bytes;
	return r;
}

int disc_table_find(struct disc_table *t, uint32_t from, const void *key,
		    bool (*before)(const uint8_t *record, const void *key), uint32_t *ret)
{
	uint32_t low = from, high = from;
	const uint8_t *record;

	for (uint32_t step = 1; high < t->n; step *= 2) {
		int r = disc_table_at(t, high, &record);

		if (r)
			return r;
		if (!before(record, key))
			break;
		low = high + 1;
		high = (uint32_t)min_u64((uint64_t)high + step, t->n);
	}
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		int r = disc_table_at(t, middle, &record);

		if (r)
			return r;
		if (before(record, key))
			low = middle + 1;
		else
			high = middle;
	}
	*ret = low;
	return 0;
}
