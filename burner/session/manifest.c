/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * manifest.c - the content of a manifest's files
 */
#include "cdappendfs/manifest.h"

#include <errno.h>
#include <string.h>

uint32_t extent_at(const struct extent *e, uint32_t n, uint64_t offset)
{
	uint32_t low = 0, high = n;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (e[middle].offset + e[middle].length <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int read_extent(const struct manifest *m, const struct extent *e, uint64_t skip, void *buf, size_t length)
{
	switch (e->kind) {
	case EXTENT_STAGE:
		return m->read_body(m->context, e->body, e->pos + skip, buf, length);
	case EXTENT_DISC:
		return m->read_disc ? m->read_disc(m->context, e->pos + skip, buf, length) : -EINVAL;
	default:
		memset(buf, 0, length);
		return 0;
	}
}

int manifest_read(const struct manifest *m, uint32_t node, uint64_t offset, void *buf, uint64_t length)
{
	const struct manifest_node *n = &m->nodes[node];
	const struct extent *e = m->extents + n->first_extent;
	uint8_t *out = buf;

	e += extent_at(e, n->n_extents, offset);
	while (length) {
		uint64_t skip = offset - e->offset, part = e->length - skip < length ? e->length - skip : length;
		int r = read_extent(m, e, skip, out, part);

		if (r)
			return r;
		out += part;
		offset += part;
		length -= part;
		e++;
	}
	return 0;
}
