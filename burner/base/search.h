/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * search.h - binary search for a place, where bsearch(3) only finds an equal
 */
#ifndef BURNER_BASE_SEARCH_H
#define BURNER_BASE_SEARCH_H

#include <stdbool.h>
#include <stddef.h>

/* The first of n ascending elements that does not lie before the key; n when all do. */
size_t search_first(const void *list, size_t n, const void *key,
		    bool (*before)(const void *list, size_t i, const void *key));

#endif
