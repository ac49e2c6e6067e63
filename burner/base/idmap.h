/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * idmap.h - a hash map from 64-bit numbers to 64-bit numbers
 *
 * 16 bytes a slot of table.h.  The zero value is an empty map.  idmap_reserve() is the only step that can fail: after
 * it, so many new keys go in without an error.  IDMAP_NO_KEY is not a key.  Not locked.
 */
#ifndef BURNER_BASE_IDMAP_H
#define BURNER_BASE_IDMAP_H

#include <stdbool.h>

#include "burner/base/table.h"

#define IDMAP_NO_KEY UINT64_MAX

struct idmap {
	struct table table;
};

int idmap_reserve(struct idmap *m, size_t more);			  /* -ENOMEM: unchanged */
bool idmap_get(const struct idmap *m, uint64_t key, uint64_t *ret_value); /* ret_value may be NULL */
void idmap_put(struct idmap *m, uint64_t key, uint64_t value);		  /* room was reserved, or the key is there */
void idmap_remove(struct idmap *m, uint64_t key);
void idmap_release(struct idmap *m);

/* Each pair once: for (struct idmap_at at = {0}; idmap_next(m, &at);) … at.key, at.value; no change meanwhile. */
struct idmap_at {
	const void *slot;
	uint64_t key, value;
};

bool idmap_next(const struct idmap *m, struct idmap_at *at);

#endif
