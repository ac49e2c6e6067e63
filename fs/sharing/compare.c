/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/sharing/compare.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/bytes.h"
#include "burner/base/grow.h"

#define PROBES 32u
#define PROBE_BYTES (16u << 10)
#define UNREADABLE_MAX 16u /* pieces */

void equal_runs_release(struct equal_runs *r) { free(r->list); }

static int add_run(struct equal_runs *r, uint64_t offset, uint64_t length, uint64_t pos)
{
	struct equal_run *last = r->n ? &r->list[r->n - 1] : NULL;

	r->bytes += length;
	if (last && last->offset + last->length == offset && last->pos + last->length == pos) {
		last->length += length;
		return 0;
	}
	if (grow(&r->list, &r->room, r->n, sizeof(*r->list)))
		return -ENOMEM;
	r->list[r->n++] = (struct equal_run){offset, length, pos};
	return 0;
}

static uint64_t end_of(const struct extent *extents, uint32_t n)
{
	return n ? extents[n - 1].offset + extents[n - 1].length : 0;
}

static const struct extent *new_extents(const struct comparison *c, uint32_t node)
{
	return c->held->manifest.extents + c->held->manifest.nodes[node].first_extent;
}

static int watch(struct comparison *c, uint64_t bytes)
{
	c->done_bytes += bytes;
	burn_report(c->progress, c->done_bytes / SECTOR_BYTES, max_u64(c->all_bytes, c->done_bytes) / SECTOR_BYTES);
	return burn_is_cancelled(c->progress) ? -ECANCELED : 0;
}

/* Whether [from, from + length) of the node is what lies at pos of the disc, block by block; whole blocks but for the
 * last. */
static int compare_piece(struct comparison *c, uint32_t node, uint64_t from, uint64_t length, uint64_t pos,
			 struct equal_runs *ret)
{
	const struct manifest *m = &c->held->manifest;
	int r = m->read_disc(m->context, pos, c->buffers[1], length);

	if (r) {
		c->n_unreadable++;
		return r == -ENOMEDIUM || r == -ENODEV || r == -ENOMEM ? r : 0;
	}
	r = manifest_read(m, node, from, c->buffers[0], length);
	if (!r && memcmp(c->buffers[0], c->buffers[1], length) == 0)
		return add_run(ret, from, length, pos);
	for (uint64_t at = 0; at < length && !r; at += SECTOR_BYTES) {
		uint64_t n = min_u64(SECTOR_BYTES, length - at);

		if (memcmp(c->buffers[0] + at, c->buffers[1] + at, n) == 0)
			r = add_run(ret, from + at, n, pos + at);
	}
	return r;
}

/*
 * The next part from *at on that both have in one extent each, the new one to be written, the old one at whole blocks
 * where it may lie. False: a part to go over.
 */
static bool next_part(const struct comparison *c, const struct extent *e, const struct extent *o, uint64_t limit,
		      uint64_t last, uint64_t *at, uint64_t *ret_end)
{
	uint64_t end = min_u64(min_u64(e->offset + e->length, o->offset + o->length), limit);
	bool alike = e->kind != EXTENT_DISC && o->kind == EXTENT_DISC && (o->pos - o->offset) % SECTOR_BYTES == 0 &&
		     o->pos >= c->first_pos && o->length <= c->end_pos && o->pos <= c->end_pos - o->length &&
		     c->n_unreadable < UNREADABLE_MAX;

	*ret_end = end;
	*at = round_up(*at, SECTOR_BYTES);
	if (end != last)
		*ret_end -= end % SECTOR_BYTES;
	return alike && *at < *ret_end;
}

int compare_node(struct comparison *c, uint32_t node, const struct extent *old, uint32_t n, bool whole,
		 struct equal_runs *ret)
{
	const struct extent *new = new_extents(c, node);
	uint32_t n_new = c->held->manifest.nodes[node].n_extents;
	uint64_t new_end = end_of(new, n_new), old_end = end_of(old, n), limit = min_u64(new_end, old_end);
	/* A last block that is not whole is equal only to the last block of a content that is as long. */
	uint64_t last = new_end == old_end ? new_end : UINT64_MAX;
	int r = 0;

	for (uint64_t at = 0, next; at < limit && !r; at = next) {
		const struct extent *e = &new[extent_at(new, n_new, at)], *o = &old[extent_at(old, n, at)];
		uint64_t end;

		next = min_u64(e->offset + e->length, o->offset + o->length);
		if (!next_part(c, e, o, limit, last, &at, &end)) {
			if (whole)
				break;
			continue;
		}
		for (; at < end && !r; at += min_u64(end - at, COMPARE_BYTES)) {
			uint64_t length = min_u64(end - at, COMPARE_BYTES);

			uint64_t known = ret->bytes;

			r = compare_piece(c, node, at, length, o->pos + (at - o->offset), ret);
			if (!r)
				r = watch(c, length);
			if (!r && whole && ret->bytes - known != length) {
				ret->n = ret->bytes = 0;
				return 0;
			}
		}
	}
	if (whole && ret->bytes != new_end)
		ret->n = ret->bytes = 0;
	return r;
}

bool compare_promises(struct comparison *c, uint32_t node, const struct extent *old, uint32_t n)
{
	const struct extent *new = new_extents(c, node);
	uint32_t n_new = c->held->manifest.nodes[node].n_extents;
	uint64_t limit = min_u64(end_of(new, n_new), end_of(old, n));
	struct equal_runs runs = {.list = NULL};
	bool any = limit < (uint64_t)PROBES * PROBE_BYTES;

	for (unsigned i = 0; i < PROBES && !any; i++) {
		uint64_t at = (limit - PROBE_BYTES) / (PROBES - 1) * i / SECTOR_BYTES * SECTOR_BYTES;
		const struct extent *e = &new[extent_at(new, n_new, at)], *o = &old[extent_at(old, n, at)];
		uint64_t end;

		if (!next_part(c, e, o, at + PROBE_BYTES, UINT64_MAX, &at, &end))
			continue;
		any = compare_piece(c, node, at, end - at, o->pos + (at - o->offset), &runs) < 0 || runs.n;
	}
	equal_runs_release(&runs);
	return any;
}

/* A body that cannot be read is like no other; the burn says so. */
int compare_nodes(struct comparison *c, uint32_t a, uint32_t b)
{
	const struct manifest *m = &c->held->manifest;
	uint64_t size = m->nodes[a].size;

	for (uint64_t at = 0, length; at < size; at += length) {
		int r;

		length = min_u64(size - at, COMPARE_BYTES);
		r = manifest_read(m, a, at, c->buffers[0], length);
		if (!r)
			r = manifest_read(m, b, at, c->buffers[1], length);
		if (r || memcmp(c->buffers[0], c->buffers[1], length) != 0)
			return r == -ENOMEM ? r : 0;
		r = watch(c, length);
		if (r)
			return r;
	}
	return 1;
}
