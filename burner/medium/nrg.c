/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * nrg.c - the index at the end of an nrg file, as libcdio can be let at it
 *
 * libcdio believes every length and number in it: lengths beyond the file, more tracks than its table has room for,
 * none at all.  So it reads a copy of what was checked, with as many zeros before it; container.c then puts the file
 * itself in its place, since libcdio reads both from one.  The copy begins so far before the index that what libcdio
 * has buffered of it is what the file has there.
 *
 * Everything is big-endian.  The last 12 bytes are "NER5" and the place of the first chunk in 8 bytes,
 * or the last 8 are "NERO" and the place in 4; a chunk is an id (4 bytes), the length of its data (4), the data:
 *	CUES CUEX	8 bytes an index, two for each track (CUEX: behind the first two)
 *	DAOI DAOX	22 bytes, then 30 and 42 bytes a track
 *	ETNF ETN2	20 and 32 bytes a track
 *	SINF MTYP	a number
 *	CDTX		CD-Text: refused, as it is of audio discs
 *	END!		the end
 */
#include "burner/medium/container.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "burner/base/io.h"
#include "burner/base/own.h"

#define FOOTER_BYTES 12u
#define INDEX_MAX_BYTES 65536u
#define TRACKS_MAX 99u
#define DAO_BYTES 22u
#define BUFFER_BYTES (256u << 10) /* libcdio's, twice */

struct index {
	const uint8_t *bytes;
	uint32_t length, tracks;
	bool has_tracks, has_dao;
};

static bool is_chunk(const uint8_t *chunk, const char *id) { return memcmp(chunk, id, 4) == 0; }

/* The chunks that list tracks: one of them, with whole entries. */
static bool take_tracks(struct index *x, uint32_t length, uint32_t entry_bytes, uint32_t tracks)
{
	if (x->has_tracks || length % entry_bytes || tracks == 0 || tracks > TRACKS_MAX)
		return false;
	x->has_tracks = true;
	x->tracks = tracks;
	return true;
}

static bool take_dao(struct index *x, uint32_t length, uint32_t track_bytes)
{
	if (x->has_dao || length < DAO_BYTES + track_bytes * (x->tracks ? x->tracks : 1))
		return false;
	x->has_dao = true;
	return true;
}

static bool chunk_is_sound(struct index *x, const uint8_t *chunk, uint32_t length)
{
	if (is_chunk(chunk, "CUES") || is_chunk(chunk, "CUEX"))
		return length % 16 == 0 && length > 16 && take_tracks(x, length, 16, length / 16 - 1);
	if (is_chunk(chunk, "ETNF"))
		return take_tracks(x, length, 20, length / 20);
	if (is_chunk(chunk, "ETN2"))
		return take_tracks(x, length, 32, length / 32);
	if (is_chunk(chunk, "DAOI"))
		return take_dao(x, length, 30);
	if (is_chunk(chunk, "DAOX"))
		return take_dao(x, length, 42);
	if (is_chunk(chunk, "SINF") || is_chunk(chunk, "MTYP"))
		return length == 4;
	return !is_chunk(chunk, "CDTX");
}

static bool index_is_sound(struct index *x)
{
	uint32_t at = 0;

	while (at + 8 <= x->length) {
		const uint8_t *chunk = x->bytes + at;
		uint32_t length = get_be32(chunk + 4);

		if (is_chunk(chunk, "END!"))
			return x->tracks > 0;
		if (length > x->length - at - 8 || !chunk_is_sound(x, chunk, length))
			return false;
		at += 8 + length;
	}
	return false;
}

/* The place of the first chunk; 0: there is none. */
static uint64_t find_index(const uint8_t footer[FOOTER_BYTES], uint64_t size)
{
	uint64_t start = 0;

	if (is_chunk(footer + 4, "NERO"))
		start = get_be32(footer + 8);
	else if (is_chunk(footer, "NER5"))
		start = (uint64_t)get_be32(footer + 4) << 32 | get_be32(footer + 8);
	return start > size || size - start > INDEX_MAX_BYTES ? 0 : start;
}

/* Footer and index are those of one reading. */
int nrg_copy(int fd, int *ret_fd)
{
	off_t end = lseek(fd, 0, SEEK_END);
	uint64_t size = end < 0 ? 0 : (uint64_t)end, n = min_u64(size, INDEX_MAX_BYTES + BUFFER_BYTES), start;
	_free_ uint8_t *tail = malloc(n + 1);
	struct index x = {0};
	int r = tail ? pread_full(fd, tail, n, size - n, NULL) : -ENOMEM;

	if (r < 0)
		return r;
	start = n < FOOTER_BYTES ? 0 : find_index(tail + n - FOOTER_BYTES, size);
	if (start == 0)
		return -EMEDIUMTYPE;
	x.length = (uint32_t)(size - start);
	x.bytes = tail + n - x.length;
	return index_is_sound(&x) ? container_copy(tail, n, size - n, ret_fd) : -EMEDIUMTYPE;
}
