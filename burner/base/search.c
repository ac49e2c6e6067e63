/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/base/search.h"

size_t search_first(const void *list, size_t n, const void *key,
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
