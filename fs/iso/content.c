/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * content.c - the bytes of a file, as they are shown
 */
#include "fs/iso/internal.h"

#include <string.h>

#include "burner/base/bytes.h"

/* Where no extent is, there is nothing recorded: zeros. */
static int read_plain(struct disc *disc, const struct extent *extents, uint32_t n_extents, uint64_t offset,
		      uint8_t *buf, size_t length)
{
	int r = 0;

	memset(buf, 0, length);
	for (uint32_t i = 0; i < n_extents && !r; i++) {
		const struct extent *x = &extents[i];
		uint64_t from = max_u64(offset, x->offset), to = min_u64(offset + length, x->offset + x->length);

		if (from < to)
			r = iso_read_disc(disc, x->pos + (from - x->offset), buf + (from - offset),
					  (size_t)(to - from));
	}
	return r;
}

int iso_content_read(struct disc *disc, const struct zisofs *z, const struct extent *extents, uint32_t n_extents,
		     uint64_t size, uint64_t offset, void *buf, size_t length)
{
	return zisofs_used(z) ? iso_zisofs_read(disc, z, extents, n_extents, size, offset, buf, length) :
				read_plain(disc, extents, n_extents, offset, buf, length);
}
