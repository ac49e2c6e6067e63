/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * checksums.c - the MD5 sums that a session has of its files, as a whole
 */
#include "fs/iso/internal.h"

#include "burner/base/bulk.h"
#include "burner/base/own.h"

#define WINDOW_BYTES (1u << 16)

/* Its last entry is that of all before it. */
static int prove_array(struct iso *iso, const struct checksums *c)
{
	_cleanup_(md5_freep) struct md5 *md5 = NULL;
	uint64_t pos = (uint64_t)c->array_lba * SECTOR_BYTES, left = ((uint64_t)c->n - 1) * MD5_BYTES;
	_free_ uint8_t *window = malloc(WINDOW_BYTES);
	uint8_t is[MD5_BYTES], expected[MD5_BYTES] = {0};
	int r = window ? md5_new(&md5) : -ENOMEM;

	for (uint64_t n; left && !r; left -= n, pos += n) {
		n = min_u64(left, WINDOW_BYTES);
		r = iso_read_disc(iso->disc, pos, window, n);
		if (!r)
			r = md5_add(md5, window, n);
	}
	if (!r)
		r = iso_read_disc(iso->disc, pos, expected, sizeof(expected));
	if (!r)
		r = md5_now(md5, is);
	return r || !memcmp(is, expected, sizeof(is)) ? r : -EBADMSG;
}

int iso_checksums_array(struct iso *iso, const struct checksums *c, uint64_t end_sectors, struct bulk *bulk,
			uint8_t **ret)
{
	_bulk_ uint8_t *array = NULL;
	int r;

	*ret = NULL;
	/* A file has a record as well. */
	if (c->array_lba + checksums_sectors(c->n - 2) > end_sectors ||
	    c->n > end_sectors * SECTOR_BYTES / (MD5_BYTES + RECORD_MIN_BYTES))
		return -EBADMSG;
	r = prove_array(iso, c);
	if (r)
		return r;
	array = bulk_zalloc(bulk, c->n, MD5_BYTES);
	r = array ? iso_read_disc(iso->disc, (uint64_t)c->array_lba * SECTOR_BYTES, array, (size_t)c->n * MD5_BYTES) :
		    -ENOMEM;
	if (!r)
		*ret = TAKE_PTR(array);
	return r;
}
