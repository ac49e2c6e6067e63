/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * zisofs.c - headers and blocks of compressed files, both ways
 */
#include "burner/format/zisofs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "burner/base/bytes.h"

static const uint8_t magic1[8] = {0x37, 0xe4, 0x53, 0x96, 0xc9, 0xdb, 0xd6, 0x07};
static const uint8_t magic2[8] = {0xef, 0x22, 0x55, 0xa1, 0xbc, 0x1b, 0x95, 0xa0};

/* ---- headers ---- */

void zisofs_header_encode(uint32_t size, uint8_t out[ZISOFS_HEADER_BYTES])
{
	memset(out, 0, ZISOFS_HEADER_BYTES);
	memcpy(out, magic1, sizeof(magic1));
	put_le32(out + 8, size);
	out[12] = zisofs_written.header_words;
	out[13] = zisofs_written.block_shift;
}

static bool is_second(const struct zisofs *z) { return z->algorithm[0] == 'P'; }

bool zisofs_measure(const struct zisofs *z, uint32_t *ret_header_bytes, uint32_t *ret_pointer_bytes)
{
	uint32_t bytes = z->header_words * 4u;

	if (bytes < (is_second(z) ? 24u : 16u) || z->block_shift < ZISOFS_SHIFT_MIN ||
	    z->block_shift > ZISOFS_SHIFT_MAX)
		return false;
	*ret_header_bytes = bytes;
	*ret_pointer_bytes = is_second(z) ? 8 : 4;
	return true;
}

bool zisofs_header_agrees(const struct zisofs *z, const uint8_t h[ZISOFS_HEADER_MAX], uint64_t size)
{
	if (is_second(z))
		return !memcmp(h, magic2, 8) && !h[8] && h[9] == z->header_words && h[10] == 1 &&
		       h[11] == z->block_shift && get_le64(h + 12) == size;
	return !memcmp(h, magic1, 8) && h[12] == z->header_words && h[13] == z->block_shift && get_le32(h + 8) == size;
}

size_t zisofs_stream_max(uint32_t block_bytes) { return compressBound(block_bytes) + 64; }

/* ---- blocks ---- */

static int begin(struct zisofs_codec *c, bool deflates)
{
	z_stream *z = c->z;
	int rc;

	if (z)
		return (c->deflates ? deflateReset(z) : inflateReset(z)) == Z_OK ? 0 : -ENOMEM;
	z = calloc(1, sizeof(*z));
	if (!z)
		return -ENOMEM;
	/* As small as zlib can: a disc is written once. */
	rc = deflates ? deflateInit2(z, Z_BEST_COMPRESSION, Z_DEFLATED, 15, 9, Z_DEFAULT_STRATEGY) : inflateInit(z);
	if (rc != Z_OK) {
		free(z);
		return -ENOMEM;
	}
	c->z = z;
	c->deflates = deflates;
	return 0;
}

static void set_buffers(z_stream *z, const void *in, size_t in_bytes, void *out, size_t out_bytes)
{
	z->next_in = (Bytef *)(uintptr_t)in; /* which zlib does not write to */
	z->avail_in = (uInt)in_bytes;
	z->next_out = out;
	z->avail_out = (uInt)out_bytes;
}

int zisofs_deflate(struct zisofs_codec *c, const void *block, uint32_t length, uint8_t *out, size_t *ret)
{
	size_t room = zisofs_stream_max(length);
	z_stream *z;
	int r;

	if (bytes_are_zeros(block, length)) {
		*ret = 0;
		return 0;
	}
	r = begin(c, true);
	if (r)
		return r;
	z = c->z;
	set_buffers(z, block, length, out, room);
	if (deflate(z, Z_FINISH) != Z_STREAM_END)
		return -ENOMEM;
	*ret = room - z->avail_out;
	return 0;
}

int zisofs_inflate(struct zisofs_codec *c, const void *stream, size_t length, void *block, uint32_t block_bytes)
{
	z_stream *z;
	int rc, r = begin(c, false);

	if (r)
		return r;
	z = c->z;
	set_buffers(z, stream, length, block, block_bytes);
	rc = inflate(z, Z_FINISH);
	if (rc == Z_MEM_ERROR)
		return -ENOMEM;
	/* The checksum stands behind the data: Z_STREAM_END means that it was right. */
	return rc == Z_STREAM_END && !z->avail_out ? 0 : -EBADMSG;
}

void zisofs_codec_release(struct zisofs_codec *c)
{
	if (!c->z)
		return;
	if (c->deflates)
		deflateEnd(c->z);
	else
		inflateEnd(c->z);
	free(c->z);
	c->z = NULL;
}
