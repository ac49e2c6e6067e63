/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * search.h - binary search for a place, where bsearch(3) only finds an equal
 */
#ifndef CDAPPENDFS_SEARCH_H
#define CDAPPENDFS_SEARCH_H

#include <stdbool.h>
#include <stddef.h>

/* The first of n ascending elements that does not lie before the key; n when all do. */
static inline size_t search_first(const void *list, size_t n, const void *key,
				  bool (*before)(const void *list, size_t i, const void *key))
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (before(list, middle, key))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

#endif
