/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cdappendfs/placement.h"

static int compare(const void *a, const void *b)
{
	const struct burn_placement *x = a, *y = b;

	if (x->body != y->body)
		return x->body < y->body ? -1 : 1;
	if (x->pos != y->pos)
		return x->pos < y->pos ? -1 : 1;
	return x->disc_pos < y->disc_pos ? -1 : x->disc_pos > y->disc_pos;
}

size_t placements_tidy(struct bulk *bulk, struct burn_placement *list, size_t n)
{
	size_t kept = 0;

	bulk_sort(bulk, list, n, sizeof(*list), compare);
	for (size_t i = 0; i < n; i++) {
		struct burn_placement *last = kept ? &list[kept - 1] : NULL, one = list[i];
		uint64_t end = last && last->body == one.body ? last->pos + last->length : 0;

		bulk_pace(bulk, 1);
		if (end > one.pos) {
			uint64_t known = end - one.pos < one.length ? end - one.pos : one.length;

			one.pos += known;
			one.disc_pos += known;
			one.length -= known;
		}
		if (!one.length)
			continue;
		if (last && end == one.pos && last->body == one.body && last->disc_pos + last->length == one.disc_pos)
			last->length += one.length;
		else
			list[kept++] = one;
	}
	return kept;
}
