/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * zisofs.c - transparently compressed files
 *
 * The format is that of burner/format/zisofs.h.  A call needs memory for one block and its stream, and for the pointers
 * of the blocks asked for.
 */
#include <string.h>

#include "burner/format/zisofs.h"
#include "fs/iso/internal.h"

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
	uint32_t pointer_bytes;
	uint64_t first; /* block whose pointer is pointers[0] */
	uint32_t n_pointers;
	uint64_t pointers[POINTERS_AT_ONCE];
	uint8_t *packed, *block; /* a stream; a block that is not wanted whole */
	struct zisofs_codec codec;
};

static void unpacker_release(struct unpacker *u)
{
	free(u->packed);
	free(u->block);
	zisofs_codec_release(&u->codec);
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
	uint8_t h[ZISOFS_HEADER_MAX] = {0};
	uint32_t header_bytes;
	int r;

	if (!zisofs_measure(z, &header_bytes, &u->pointer_bytes))
		return -EBADMSG;
	r = stream_read(&u->stream, 0, h, min_u64(header_bytes, sizeof(h)));
	if (r)
		return r;
	u->block_bytes = 1u << z->block_shift;
	u->table_pos = header_bytes;
	return zisofs_header_agrees(z, h, u->size) ? 0 : -EBADMSG;
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
	if (to < from || to - from > zisofs_stream_max(u->block_bytes))
		return -EBADMSG;
	if (!u->packed)
		u->packed = malloc(zisofs_stream_max(u->block_bytes));
	if (!u->packed)
		return -ENOMEM;
	r = stream_read(&u->stream, from, u->packed, (size_t)(to - from));
	return r ? r : zisofs_inflate(&u->codec, u->packed, (size_t)(to - from), out, length);
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
