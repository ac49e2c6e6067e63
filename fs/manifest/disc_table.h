/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * disc_table.h - a table of sorted records on the disc, looked up through a window: memory is bounded, and only a few
 * pieces of it are read
 *
 * A zeroed struct with disc, pos, n and record_bytes set is open.  Not thread-safe.
 */
#ifndef FS_MANIFEST_DISC_TABLE_H
#define FS_MANIFEST_DISC_TABLE_H

#include <stdint.h>

#include "cdappendfs/disc.h"

struct disc_table {
	struct disc *disc;
	uint64_t pos; /* bytes on the disc */
	uint32_t n, record_bytes;
	uint32_t first, n_loaded; /* records in the window */
	uint8_t *window;
};

/* Record i < n; valid until the next call.  Errors of disc_read(), -ENOMEM. */
int disc_table_at(struct disc_table *t, uint32_t i, const uint8_t **ret);
/* *ret: the first record at or behind `from` that does not lie before the key; n when all do.  Near ones are found
 * soonest. */
int disc_table_find(struct disc_table *t, uint32_t from, const void *key,
		    bool (*before)(const uint8_t *record, const void *key), uint32_t *ret);
void disc_table_release(struct disc_table *t);

#endif
