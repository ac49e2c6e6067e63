/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * zisofs.c - transparently compressed files
 *
 *	version 1 (ZF "pz")				version 2 (ZF "PZ")
 *	 0  8	37 E4 53 96 C9 DB D6 07			 0  8	EF 22 55 A1 BC 1B 95 A0
 *	 8  4	uncompressed size			 8  1	0
 *	12  1	header size / 4				 9  1	header size / 4
 *	13  1	log2 of the block size			10  1	1
 *	14  2	reserved				11  1	log2 of the block size
 *							12  8	uncompressed size
 *							20  4	reserved
 * Behind the header lie n + 1 pointers (4 or 8 bytes, little-endian) to the zlib streams of the n blocks; block i
 * lies between pointers i and i + 1, and is all zeros when they are equal.  What the header says must agree with the
 * ZF entry. A call needs memory for one block and its stream, and for the pointers of the blocks asked for.
 */
#include <string.h>
#include <zlib.h>

#include "fs/iso/internal.h"

#define SHIFT_MIN 12u
#define SHIFT_MAX 20u
#define POINTERS_AT_ONCE 64u

struct stream {
	struct disc *disc;
	const struct extent *extents;
	uint32_t n_extents;
	uint64_t length;
};

/* Zeroed: nothing is owned. */
struct unpacker {
	struct stream stream;
	uint64_t size, table_pos; /* uncompressed; the pointers' place */
	uint32_t block_bytes;
	uint8_t pointer_bytes;
	uint64_t first; /* block whose pointer is pointers[0] */
	uint32_t n_pointers;
	uint64_t pointers[POINTERS_AT_ONCE];
	uint8_t *packed, *block; /* a stream; a block that is not wanted whole */
	z_stream z;
	bool z_begun;
};

static void unpacker_release(struct unpacker *u)
{
	free(u->packed);
	free(u->block);
	if (u->z_begun)
		inflateEnd(&u->z);
}

/* The extent that holds the byte; there is one. */
static const struct extent *extent_of(const struct stream *s, uint64_t pos)
{
	uint32_t low = 0, high = s->n_extents - 1;

	while (low < high) {
		uint32_t middle = low + (high - low + 1) / 2;
		if (s->extents[middle].offset <= pos)
			low = middle;
		else
			high = middle - 1;
	}
	return &s->extents[low];
}

static int stream_read(const struct stream *s, uint64_t pos, void *buf, size_t length)
{
	uint8_t *p = buf;

	if (pos > s->length || length > s->length - pos)
		return -EBADMSG;
	while (length) {
		const struct extent *x = extent_of(s, pos);
		uint64_t inside = pos - x->offset;
		size_t n = (size_t)min_u64(length, x->length - inside);
		int r = 0;

		if (x->kind == EXTENT_HOLE)
			memset(p, 0, n);
		else
			r = iso_read_disc(s->disc, x->pos + inside, p, n);
		if (r)
			return r;
		p += n;
		pos += n;
		length -= n;
	}
	return 0;
}

/* What the ZF entry says, and the header has to say too. */
static int read_header(struct unpacker *u, const struct zisofs *z)
{
	static const uint8_t magic1[8] = {0x37, 0xe4, 0x53, 0x96, 0xc9, 0xdb, 0xd6, 0x07};
	static const uint8_t magic2[8] = {0xef, 0x22, 0x55, 0xa1, 0xbc, 0x1b, 0x95, 0xa0};
	bool second = z->algorithm[0] == 'P';
	uint32_t header_bytes = z->header_words * 4u;
	uint8_t h[24] = {0};
	bool sound;
	int r;

	if (header_bytes < (second ? 24 : 16) || z->block_shift < SHIFT_MIN || z->block_shift > SHIFT_MAX)
		return -EBADMSG;
	r = stream_read(&u->stream, 0, h, second ? 24 : 16);
	if (r)
		return r;
	if (second)
		sound = !memcmp(h, magic2, 8) && !h[8] && h[9] == z->header_words && h[10] == 1 &&
			h[11] == z->block_shift && get_le64(h + 12) == u->size;
	else
		sound = !memcmp(h, magic1, 8) && h[12] == z->header_words && h[13] == z->block_shift &&
			get_le32(h + 8) == u->size;
	u->block_bytes = 1u << z->block_shift;
	u->pointer_bytes = second ? 8 : 4;
	u->table_pos = header_bytes;
	return sound ? 0 : -EBADMSG;
}

/* Have the pointers of this block and the next. */
static int load_pointers(struct unpacker *u, uint64_t block)
{
	uint64_t all = (u->size + u->block_bytes - 1) / u->block_bytes + 1;
	uint32_t n = (uint32_t)min_u64(POINTERS_AT_ONCE, all - block);
	uint8_t raw[POINTERS_AT_ONCE * 8];
	int r;

	if (u->n_pointers && block >= u->first && block + 1 < u->first + u->n_pointers)
		return 0;
	u->n_pointers = 0;
	r = stream_read(&u->stream, u->table_pos + block * u->pointer_bytes, raw, (size_t)n * u->pointer_bytes);
	if (r)
		return r;
	for (uint32_t i = 0; i < n; i++)
		u->pointers[i] = u->pointer_bytes == 8 ? get_le64(raw + 8 * i) : get_le32(raw + 4 * i);
	u->first = block;
	u->n_pointers = n;
	return 0;
}

/* No stream of zlib for a block can be longer; a longer one is damage. */
static size_t packed_max(const struct unpacker *u) { return compressBound(u->block_bytes) + 64; }

static int inflate_block(struct unpacker *u, size_t packed, uint8_t *out, uint32_t length)
{
	int rc = u->z_begun ? inflateReset(&u->z) : inflateInit(&u->z);

	if (rc != Z_OK)
		return -ENOMEM;
	u->z_begun = true;
	u->z.next_in = u->packed;
	u->z.avail_in = (uInt)packed;
	u->z.next_out = out;
	u->z.avail_out = length;
	rc = inflate(&u->z, Z_FINISH);
	if (rc == Z_MEM_ERROR)
		return -ENOMEM;
	/* The checksum stands behind the data: Z_STREAM_END means that it was right. */
	return rc == Z_STREAM_END && !u->z.avail_out ? 0 : -EBADMSG;
}

/* A whole block, `length` bytes long. */
static int unpack_block(struct unpacker *u, uint64_t block, uint8_t *out, uint32_t length)
{
	uint64_t from, to;
	int r = load_pointers(u, block);

	if (r)
		return r;
	from = u->pointers[block - u->first];
	to = u->pointers[block - u->first + 1];
	if (from == to) {
		memset(out, 0, length);
		return 0;
	}
	if (to < from || to - from > packed_max(u))
		return -EBADMSG;
	if (!u->packed)
		u->packed = malloc(packed_max(u));
	if (!u->packed)
		return -ENOMEM;
	r = stream_read(&u->stream, from, u->packed, (size_t)(to - from));
	return r ? r : inflate_block(u, (size_t)(to - from), out, length);
}

/* Bytes of one block. */
static int unpack_part(struct unpacker *u, uint64_t offset, uint8_t *buf, uint32_t n)
{
	uint64_t block = offset / u->block_bytes, start = block * u->block_bytes;
	uint32_t length = (uint32_t)min_u64(u->block_bytes, u->size - start);
	int r;

	if (n == length)
		return unpack_block(u, block, buf, length);
	if (!u->block)
		u->block = malloc(u->block_bytes);
	if (!u->block)
		return -ENOMEM;
	r = unpack_block(u, block, u->block, length);
	if (!r)
		memcpy(buf, u->block + (offset - start), n);
	return r;
}

int iso_zisofs_read(struct disc *disc, const struct zisofs *z, const struct extent *extents, uint32_t n_extents,
		    uint64_t size, uint64_t offset, void *buf, size_t length)
{
	_cleanup_(unpacker_release) struct unpacker u = {
		.stream = {.disc = disc, .extents = extents, .n_extents = n_extents}, .size = size};
	uint8_t *p = buf;
	int r;

	if (offset > size || length > size - offset || size > INT64_MAX)
		return -EINVAL;
	if (!n_extents)
		return length ? -EBADMSG : 0;
	u.stream.length = extents[n_extents - 1].offset + extents[n_extents - 1].length;
	r = read_header(&u, z);
	while (!r && length) {
		uint32_t n = (uint32_t)min_u64(length, u.block_bytes - offset % u.block_bytes);
		r = unpack_part(&u, offset, p, n);
		p += n;
		offset += n;
		length -= n;
	}
	return r;
}
