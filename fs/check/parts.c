/* SPDX-License-Identifier: GPL-3.0-or-later */
/* parts.c - what was read is held against digests of its parts */
#include "fs/check/internal.h"

#include <errno.h>
#include <string.h>

#include "burner/format/digest_table.h"

/* The blocks of a part, as far as they are in the piece; an image may end inside. */
static uint32_t read_of(const struct sweep_piece *p, const struct parts *w, uint32_t i)
{
	return (uint32_t)min_u64(w->sectors[i], p->n_sectors - i * w->unit);
}

static uint32_t count_bad(const struct sweep_piece *p, uint32_t at, uint32_t n)
{
	uint32_t bad = 0;

	for (uint32_t i = 0; i < n; i++)
		bad += p->bad[at + i] != 0;
	return bad;
}

/* NULL: zeros. */
static const uint8_t *part_of(const struct sweep_piece *p, const struct parts *w, uint32_t i, uint32_t n)
{
	return p->zeros && n <= PROOF_PIECE_SECTORS ? NULL : p->bytes + (size_t)i * w->unit * SECTOR_BYTES;
}

int parts_compare(struct sweep_piece *p)
{
	struct parts *w = p->scratch;

	for (uint32_t i = 0; i < w->n; i++) {
		uint32_t n = read_of(p, w, i);
		uint8_t digest[SHA256_BYTES];

		if ((p->n_bad && count_bad(p, i * w->unit, n)) || n < w->sectors[i])
			w->state[i] = PART_UNPROVEN;
		if (w->state[i] == PART_UNPROVEN)
			continue;
		if (digest_of_piece(part_of(p, w, i, n), n, digest) < 0)
			return -ENOMEM;
		if (memcmp(digest, w->digest[i], sizeof(digest)) != 0)
			w->state[i] = w->doubtful ? PART_UNPROVEN : PART_ALTERED;
	}
	return 0;
}

int parts_count(const struct sweep_piece *p, uint64_t *unproven, uint64_t *altered, struct ranges *damaged)
{
	const struct parts *w = p->scratch;
	int r = 0;

	for (uint32_t i = 0; i < w->n && !r; i++) {
		uint32_t n = read_of(p, w, i);

		if (w->state[i] == PART_UNPROVEN)
			*unproven += n - count_bad(p, i * w->unit, n);
		if (w->state[i] != PART_ALTERED)
			continue;
		*altered += n;
		r = ranges_add(damaged, p->lba + i * w->unit, n, CHECK_ALTERED);
	}
	return r;
}

uint64_t parts_sound(const struct sweep_piece *p)
{
	const struct parts *w = p->scratch;
	uint64_t sound = 0;

	for (uint32_t i = 0; i < w->n; i++)
		sound += w->state[i] == PART_SOUND ? read_of(p, w, i) : 0;
	return sound;
}
