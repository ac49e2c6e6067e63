/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/format/adoption.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* As adoption.h has it. */
struct image {
	char magic[16];
	uint8_t uuid[16], lba[4], sectors[4], piece_sectors[4], n_ranges[4], unused[16];
	struct image_range {
		uint8_t lba[4], sectors[4];
	} ranges[ADOPTION_RANGES_MAX];
	uint8_t sha256[SHA256_BYTES];
};
#define DIGESTED_BYTES offsetof(struct image, sha256)

static_assert(sizeof(ADOPTION_MAGIC) == sizeof(((struct image *)0)->magic) + 1, "the magic fills its field");
static_assert(offsetof(struct image, uuid) == 16 && offsetof(struct image, lba) == 32 &&
		      offsetof(struct image, sectors) == 36 && offsetof(struct image, piece_sectors) == 40 &&
		      offsetof(struct image, n_ranges) == 44 && offsetof(struct image, ranges) == 64 &&
		      offsetof(struct image, sha256) == 2016 && sizeof(struct image) == SECTOR_BYTES,
	      "burner/format/adoption.h");

uint64_t adoption_pieces(const struct adoption *a)
{
	uint64_t pieces = 0;

	for (uint32_t i = 0; i < a->n_ranges; i++)
		pieces += adoption_range_pieces(&a->ranges[i]);
	return pieces;
}

int adoption_encode(const struct adoption *a, uint8_t ret[SECTOR_BYTES])
{
	struct image *i = (struct image *)(void *)ret;

	assert(a->n_ranges <= ADOPTION_RANGES_MAX);
	memset(i, 0, sizeof(*i));
	memcpy(i->magic, ADOPTION_MAGIC, sizeof(i->magic));
	memcpy(i->uuid, a->uuid, sizeof(i->uuid));
	put_le32(i->lba, a->lba);
	put_le32(i->sectors, a->sectors);
	put_le32(i->piece_sectors, ADOPTION_PIECE_SECTORS);
	put_le32(i->n_ranges, a->n_ranges);
	for (uint32_t n = 0; n < a->n_ranges; n++) {
		put_le32(i->ranges[n].lba, a->ranges[n].lba);
		put_le32(i->ranges[n].sectors, a->ranges[n].sectors);
	}
	return sha256_of(i, DIGESTED_BYTES, i->sha256);
}

/* The ranges lie as they are to, and the table has a digest for each of their pieces. */
static bool is_possible(const struct adoption *a)
{
	uint64_t end = 0;

	for (uint32_t i = 0; i < a->n_ranges; i++) {
		if (!a->ranges[i].sectors || a->ranges[i].lba < end)
			return false;
		end = (uint64_t)a->ranges[i].lba + a->ranges[i].sectors;
	}
	return a->n_ranges && end <= a->lba && (uint64_t)a->lba + a->sectors <= UINT32_MAX &&
	       a->sectors == adoption_sectors_for(adoption_pieces(a));
}

int adoption_decode(const uint8_t sector[SECTOR_BYTES], struct adoption *ret)
{
	const struct image *i = (const struct image *)(const void *)sector;
	struct adoption a = {.lba = get_le32(i->lba), .sectors = get_le32(i->sectors)};
	int r = memcmp(i->magic, ADOPTION_MAGIC, sizeof(i->magic)) ? -ENODATA :
								     sha256_compare(i, DIGESTED_BYTES, i->sha256);

	if (r)
		return r == -EBADMSG ? -ENODATA : r;
	a.n_ranges = get_le32(i->n_ranges);
	if (get_le32(i->piece_sectors) != ADOPTION_PIECE_SECTORS || a.n_ranges > ADOPTION_RANGES_MAX)
		return -ENODATA;
	memcpy(a.uuid, i->uuid, sizeof(a.uuid));
	for (uint32_t n = 0; n < a.n_ranges; n++)
		a.ranges[n] = (struct adoption_range){get_le32(i->ranges[n].lba), get_le32(i->ranges[n].sectors)};
	if (!is_possible(&a))
		return -ENODATA;
	*ret = a;
	return 0;
}
