/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * reader.c - reads blocks, and finds out which of them cannot be read
 *
 * A piece that cannot be read is read again in groups, as they lie in a unit of error correction; a group that cannot
 * be, block by block, each a second time.  In a drive a block that cannot be read takes seconds: where a whole group
 * could not be, one read tells the next one, and as long as its last block cannot be read either, that is all.
 */
#include "fs/check/internal.h"

#include <errno.h>
#include <string.h>

#define GROUP_SECTORS 16u

bool reader_is_of_blocks(int r)
{
	return r == -EIO || r == -EBADMSG || r == -EREMOTEIO || r == -EILSEQ || r == -ENODATA || r == -EUCLEAN ||
	       r == -ETIMEDOUT;
}

static int read_some(struct reader *r, uint32_t lba, uint32_t n, uint8_t *buf)
{
	int result = disc_read(r->disc, lba, buf, n);

	r->failed += reader_is_of_blocks(result);
	return result;
}

static int by_block(struct reader *r, uint32_t lba, uint32_t n, uint8_t *buf, uint8_t *bad)
{
	uint32_t n_bad = 0;

	for (uint32_t i = 0; i < n; i++) {
		uint8_t *to = buf + (size_t)i * SECTOR_BYTES;
		int result = read_some(r, lba + i, 1, to);

		if (reader_is_of_blocks(result))
			result = read_some(r, lba + i, 1, to);
		if (result && !reader_is_of_blocks(result))
			return result;
		bad[i] = !result ? 0 : result == -EBADMSG ? READER_ALTERED : READER_UNREADABLE;
		n_bad += result != 0;
		if (result)
			memset(to, 0, SECTOR_BYTES);
	}
	r->dead = n_bad == n;
	return 0;
}

static int by_group(struct reader *r, uint32_t lba, uint32_t n, uint8_t *buf, uint8_t *bad)
{
	int result = read_some(r, lba, n, buf);

	if (!result) {
		r->dead = false;
		return 0;
	}
	if (!reader_is_of_blocks(result))
		return result;
	if (r->dead && n > 1 && !r->exact) {
		result = read_some(r, lba + n - 1, 1, buf + (size_t)(n - 1) * SECTOR_BYTES);
		if (reader_is_of_blocks(result)) {
			memset(bad, READER_UNREADABLE, n);
			memset(buf, 0, (size_t)n * SECTOR_BYTES);
			return 0;
		}
		if (result)
			return result;
	}
	return by_block(r, lba, n, buf, bad);
}

int reader_fill(struct reader *r, uint32_t lba, uint32_t n, uint8_t *buf, uint8_t *bad, uint32_t *ret_n_bad)
{
	int result = read_some(r, lba, n, buf);
	uint32_t at = 0, n_bad = 0;

	memset(bad, 0, n);
	*ret_n_bad = 0;
	if (!result)
		r->dead = false;
	if (!result || !reader_is_of_blocks(result))
		return result;
	for (result = 0; at < n && !result;) {
		uint32_t group = GROUP_SECTORS - (lba + at) % GROUP_SECTORS;

		group = group < n - at ? group : n - at;
		result = by_group(r, lba + at, group, buf + (size_t)at * SECTOR_BYTES, bad + at);
		at += group;
	}
	for (at = 0; at < n; at++)
		n_bad += bad[at] != 0;
	*ret_n_bad = n_bad;
	return result;
}
