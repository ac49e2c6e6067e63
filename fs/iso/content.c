/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * content.c - all of a file's content, once, for its digest
 */
#include "fs/iso/iso.h"

#include "burner/base/bytes.h"

static int add_extent(struct disc *disc, const struct extent *e, struct sha256 *hash, uint8_t *buf, size_t buf_bytes)
{
	int r = 0;

	for (uint64_t at = 0; at < e->length && !r;) {
		size_t n = (size_t)min_u64(e->length - at, buf_bytes);

		r = iso_read_disc(disc, e->pos + at, buf, n);
		if (!r)
			r = sha256_add(hash, buf, n);
		at += n;
	}
	return r;
}

static int add_zisofs(struct disc *disc, const struct iso_entry *e, struct sha256 *hash, uint8_t *buf, size_t buf_bytes)
{
	int r = 0;

	for (uint64_t at = 0; at < e->size && !r;) {
		size_t n = (size_t)min_u64(e->size - at, buf_bytes);

		r = iso_zisofs_read(disc, &e->zisofs, e->extents, e->n_extents, e->size, at, buf, n);
		if (!r)
			r = sha256_add(hash, buf, n);
		at += n;
	}
	return r;
}

int iso_sha256(struct disc *disc, const struct iso_entry *e, uint8_t *buf, size_t buf_bytes, uint8_t ret[SHA256_BYTES])
{
	_cleanup_(sha256_freep) struct sha256 *hash = NULL;
	int r = sha256_new(&hash);

	if (!r && zisofs_used(&e->zisofs))
		r = add_zisofs(disc, e, hash, buf, buf_bytes);
	else
		for (uint32_t i = 0; i < e->n_extents && !r; i++)
			r = add_extent(disc, &e->extents[i], hash, buf, buf_bytes);
	return r ? r : sha256_end(hash, ret);
}
