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

int iso_sha256(struct disc *disc, const struct iso_entry *e, uint8_t *buf, size_t buf_bytes, uint8_t ret[SHA256_BYTES])
{
	_cleanup_(sha256_freep) struct sha256 *hash = NULL;
	int r = sha256_new(&hash);

	for (uint64_t at = 0; at < e->size && !r;) {
		size_t n = (size_t)min_u64(e->size - at, buf_bytes);

		r = iso_content_read(disc, &e->zisofs, e->extents, e->n_extents, e->size, at, buf, n);
		if (!r)
			r = sha256_add(hash, buf, n);
		at += n;
	}
	return r ? r : sha256_end(hash, ret);
}
