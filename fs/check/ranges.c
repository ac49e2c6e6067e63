/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ranges.c - the damaged blocks of a disc
 */
#include "fs/check/internal.h"

#include <errno.h>

#include "burner/base/grow.h"
#include "burner/base/search.h"

#define RANGES_MAX (1u << 20)

void ranges_init(struct ranges *r)
{
	*r = (struct ranges){.n = 0};
	pthread_mutex_init(&r->lock, NULL);
}

void ranges_release(struct ranges *r)
{
	pthread_mutex_destroy(&r->lock);
	free(r->list);
}

static uint64_t end_of(const struct range *range) { return (uint64_t)range->lba + range->sectors; }

static int add_locked(struct ranges *r, struct range range)
{
	struct range *last = r->n ? &r->list[r->n - 1] : NULL;

	if (last && last->problem == range.problem && end_of(last) == range.lba) {
		last->sectors += range.sectors;
		return 0;
	}
	if (r->n == RANGES_MAX) {
		r->too_many = true;
		return 0;
	}
	if (grow(&r->list, &r->capacity, r->n, sizeof(*r->list)))
		return -ENOMEM;
	r->list[r->n++] = range;
	return 0;
}

int ranges_add(struct ranges *r, uint32_t lba, uint32_t sectors, enum check_problem problem)
{
	pthread_mutex_lock(&r->lock);
	int result = add_locked(r, (struct range){lba, sectors, problem});
	pthread_mutex_unlock(&r->lock);
	return result;
}

static int compare(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return (x->lba > y->lba) - (x->lba < y->lba);
}

void ranges_settle(struct ranges *r)
{
	size_t to = 0;

	if (r->n)
		qsort(r->list, r->n, sizeof(*r->list), compare);
	for (size_t i = 0; i < r->n; i++) {
		struct range *last = to ? &r->list[to - 1] : NULL;

		if (last && last->problem == r->list[i].problem && end_of(last) >= r->list[i].lba)
			last->sectors = (uint32_t)(max_u64(end_of(last), end_of(&r->list[i])) - last->lba);
		else
			r->list[to++] = r->list[i];
	}
	r->n = to;
}

static bool ends_before(const void *list, size_t i, const void *key)
{
	return end_of(&((const struct range *)list)[i]) <= *(const uint64_t *)key;
}

bool ranges_hit(const struct ranges *r, uint64_t pos, uint64_t bytes, uint64_t hit[4], uint64_t *first)
{
	uint64_t lba = pos / SECTOR_BYTES, end = bytes ? (pos + bytes - 1) / SECTOR_BYTES + 1 : lba;
	bool any = false;

	for (size_t i = search_first(r->list, r->n, &lba, ends_before); i < r->n && r->list[i].lba < end; i++) {
		uint64_t from = max_u64(r->list[i].lba, lba), to = min_u64(end_of(&r->list[i]), end);

		if (to <= from)
			continue;
		if (!any)
			*first = max_u64(from * SECTOR_BYTES, pos);
		any = true;
		hit[r->list[i].problem] += (to - from) * SECTOR_BYTES;
	}
	return any;
}
