/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/tree/map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint64_t extent_end(const struct extent *e) { return e->offset + e->length; }

void map_release(struct map *m)
{
	free(m->extents);
	*m = (struct map){0};
}

void map_adopt(struct map *m, struct extent *extents, uint32_t n)
{
	map_release(m);
	m->extents = extents;
	m->n = m->capacity = n;
}

uint64_t map_end(const struct map *m) { return m->n ? extent_end(&m->extents[m->n - 1]) : 0; }

uint32_t map_find(const struct map *m, uint64_t offset)
{
	uint32_t low = 0, high = m->n;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (extent_end(&m->extents[middle]) <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct extent map_clip(const struct extent *e, uint64_t from, uint64_t to)
{
	struct extent part = *e;

	if (from > part.offset) {
		if (part.kind != EXTENT_HOLE)
			part.pos += from - part.offset;
		part.length -= from - part.offset;
		part.offset = from;
	}
	if (part.offset + part.length > to)
		part.length = to - part.offset;
	return part;
}

/* b continues a on the disc, in the body or as zeros. */
static bool continues(const struct extent *a, const struct extent *b)
{
	return a->kind == b->kind && a->body == b->body && (a->kind == EXTENT_HOLE || a->pos + a->length == b->pos);
}

static int map_room(struct map *m, uint32_t more)
{
	uint64_t need = (uint64_t)m->n + more;

	if (need <= m->capacity)
		return 0;
	uint64_t capacity = need < 4 ? 4 : need + need / 2;
	if (capacity > UINT32_MAX)
		return -EFBIG;
	struct extent *grown = reallocarray(m->extents, capacity, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	m->extents = grown;
	m->capacity = (uint32_t)capacity;
	return 0;
}

int map_reserve(struct map *m) { return map_room(m, 2); }

static void join_at(struct map *m, uint32_t i)
{
	if (i == 0 || i >= m->n || !continues(&m->extents[i - 1], &m->extents[i]))
		return;
	m->extents[i - 1].length += m->extents[i].length;
	memmove(&m->extents[i], &m->extents[i + 1], (m->n - i - 1) * sizeof(*m->extents));
	m->n--;
}

int map_set(struct map *m, const struct extent *piece)
{
	uint64_t from = piece->offset, to = extent_end(piece);
	int r = map_room(m, 2);

	if (r < 0)
		return r;
	uint32_t first = map_find(m, from), last = map_find(m, to); /* last: holds `to`, keeps its rest */
	struct extent fresh[3];
	uint32_t n_fresh = 0, n_old = (last < m->n && m->extents[last].offset < to) ? last + 1 - first : last - first;

	if (first < m->n && m->extents[first].offset < from)
		fresh[n_fresh++] = map_clip(&m->extents[first], 0, from);
	fresh[n_fresh++] = *piece;
	if (last < m->n && m->extents[last].offset < to)
		fresh[n_fresh++] = map_clip(&m->extents[last], to, UINT64_MAX);
	memmove(&m->extents[first + n_fresh], &m->extents[first + n_old], (m->n - first - n_old) * sizeof(*m->extents));
	memcpy(&m->extents[first], fresh, n_fresh * sizeof(*fresh));
	m->n += n_fresh - n_old;
	for (uint32_t i = first + n_fresh + 1; i-- > first;)
		join_at(m, i);
	return 0;
}

void map_truncate(struct map *m, uint64_t size)
{
	uint32_t i = map_find(m, size);

	if (i < m->n && m->extents[i].offset < size) {
		m->extents[i] = map_clip(&m->extents[i], 0, size);
		i++;
	}
	m->n = i;
}

struct map_sums map_sum(const struct map *m, uint64_t from, uint64_t to)
{
	struct map_sums sums = {0};

	for (uint32_t i = map_find(m, from); i < m->n && m->extents[i].offset < to; i++) {
		struct extent part = map_clip(&m->extents[i], from, to);

		if (part.kind == EXTENT_STAGE)
			sums.stage += part.length;
		else if (part.kind == EXTENT_HOLE)
			sums.hole += part.length, sums.aside += extent_is_aside(&part) ? part.length : 0;
		else
			sums.disc += part.length;
	}
	return sums;
}

bool map_valid(const struct map *m, uint64_t size)
{
	uint64_t at = 0;

	for (uint32_t i = 0; i < m->n; i++) {
		const struct extent *e = &m->extents[i];

		if (e->offset != at || !e->length || e->kind > EXTENT_STAGE || extent_end(e) < at)
			return false;
		at = extent_end(e);
	}
	return at == size;
}
