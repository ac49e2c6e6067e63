/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/format/parity.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

/* As parity.h has it. */
struct image {
	char magic[16];
	uint8_t uuid[16], lba[4], sectors[4], rows[4], parity[4], columns[4], piece_sectors[4], n_ranges[4], unused[4];
	struct {
		uint8_t lba[4], sectors[4];
	} ranges[PARITY_RANGES_MAX];
	uint8_t more[2016 - 64 - 8 * PARITY_RANGES_MAX], sha256[SHA256_BYTES];
};
#define DIGESTED_BYTES offsetof(struct image, sha256)

static_assert(sizeof(PARITY_MAGIC) == sizeof(((struct image *)0)->magic) + 1, "the magic fills its field");
static_assert(offsetof(struct image, uuid) == 16 && offsetof(struct image, lba) == 32 &&
		      offsetof(struct image, sectors) == 36 && offsetof(struct image, rows) == 40 &&
		      offsetof(struct image, parity) == 44 && offsetof(struct image, columns) == 48 &&
		      offsetof(struct image, piece_sectors) == 52 && offsetof(struct image, n_ranges) == 56 &&
		      offsetof(struct image, ranges) == 64 && offsetof(struct image, sha256) == 2016 &&
		      sizeof(struct image) == SECTOR_BYTES && PARITY_BLOCK_DIGESTS * SHA256_BYTES == 2016,
	      "burner/format/parity.h");

#define SECTORS_MAX (1ull << 36) /* more than any disc has */

/* ---- shape ---- */

static uint32_t share(uint32_t n, uint32_t percent) { return (n * percent + 99) / 100; }

/* Rows of the longest codeword: a number of which the percentage is a whole one, so that more columns of shorter ones
 * never take less. */
static uint32_t rows_max(unsigned percent)
{
	uint32_t unit = 1, rows = PARITY_CODEWORD_MAX - 1;

	while (unit * percent % 100)
		unit++;
	while (rows + share(rows, percent) > PARITY_CODEWORD_MAX)
		rows--;
	return rows / unit * unit;
}

static struct parity_shape shape_of(uint64_t sectors, unsigned percent, uint32_t most)
{
	struct parity_shape s = {.pieces = (uint32_t)((sectors + PARITY_PIECE_SECTORS - 1) / PARITY_PIECE_SECTORS)};

	s.columns = (s.pieces + most - 1) / most;
	s.rows = (s.pieces + s.columns - 1) / s.columns;
	s.parity = share(s.rows, percent);
	return s;
}

struct parity_shape parity_shape_of(uint64_t sectors, unsigned percent)
{
	return shape_of(sectors, percent, rows_max(percent));
}

uint64_t parity_room_for(uint64_t sectors, unsigned percent)
{
	uint64_t fits = 0, too_many = min_u64(sectors, SECTORS_MAX) + 1;
	uint32_t most = rows_max(percent);

	while (too_many - fits > 1) {
		uint64_t n = fits + (too_many - fits) / 2;
		struct parity_shape s = shape_of(n, percent, most);

		*(n + parity_area_sectors(&s) <= sectors ? &fits : &too_many) = n;
	}
	return fits;
}

uint64_t parity_table_sectors(const struct parity_shape *s)
{
	return (s->pieces + (uint64_t)s->parity * s->columns + PARITY_BLOCK_DIGESTS - 1) / PARITY_BLOCK_DIGESTS;
}

static uint64_t parity_pieces_sectors(const struct parity_shape *s)
{
	return (uint64_t)s->parity * s->columns * PARITY_PIECE_SECTORS;
}

uint64_t parity_area_sectors(const struct parity_shape *s)
{
	return 1 + 2 * parity_table_sectors(s) + parity_pieces_sectors(s) + PARITY_COPY_SECTORS + 1;
}

/* ---- places ---- */

uint64_t parity_protected_sectors(const struct parity_header *h)
{
	uint64_t sectors = 0;

	for (uint32_t i = 0; i < h->n_ranges; i++)
		sectors += h->ranges[i].sectors;
	return sectors;
}

uint32_t parity_lba_of(const struct parity_header *h, uint64_t at, uint32_t *ret_following)
{
	uint32_t i = 0;

	for (; i + 1 < h->n_ranges && at >= h->ranges[i].sectors; i++)
		at -= h->ranges[i].sectors;
	*ret_following = h->ranges[i].sectors - (uint32_t)at;
	return h->ranges[i].lba + (uint32_t)at;
}

uint64_t parity_copy_at(const struct parity_header *h)
{
	return parity_protected_sectors(h) - h->ranges[h->n_ranges - 1].sectors + PARITY_COPY_AT;
}

bool parity_place_of(const struct parity_header *h, uint32_t lba, uint64_t *ret_at)
{
	uint64_t at = 0;

	for (uint32_t i = 0; i < h->n_ranges; at += h->ranges[i++].sectors) {
		if (lba < h->ranges[i].lba || lba - h->ranges[i].lba >= h->ranges[i].sectors)
			continue;
		*ret_at = at + (lba - h->ranges[i].lba);
		return true;
	}
	return false;
}

uint32_t parity_header_lba(const struct parity_header *h, unsigned which)
{
	return which ? h->lba + h->sectors - 1 : h->lba;
}

uint32_t parity_table_lba(const struct parity_header *h, unsigned which)
{
	return which ? (uint32_t)(parity_data_lba(h) + parity_pieces_sectors(&h->shape)) : h->lba + 1;
}

uint32_t parity_data_lba(const struct parity_header *h)
{
	return (uint32_t)(h->lba + 1 + parity_table_sectors(&h->shape));
}

uint32_t parity_copy_lba(const struct parity_header *h) { return h->lba + h->sectors - 1 - PARITY_COPY_SECTORS; }

/* ---- header ---- */

int parity_header_encode(const struct parity_header *h, uint8_t ret[SECTOR_BYTES])
{
	struct image *i = (struct image *)(void *)ret;

	memset(ret, 0, SECTOR_BYTES);
	memcpy(i->magic, PARITY_MAGIC, sizeof(i->magic));
	memcpy(i->uuid, h->uuid, sizeof(i->uuid));
	put_le32(i->lba, h->lba);
	put_le32(i->sectors, h->sectors);
	put_le32(i->rows, h->shape.rows);
	put_le32(i->parity, h->shape.parity);
	put_le32(i->columns, h->shape.columns);
	put_le32(i->piece_sectors, PARITY_PIECE_SECTORS);
	put_le32(i->n_ranges, h->n_ranges);
	for (uint32_t r = 0; r < h->n_ranges; r++) {
		put_le32(i->ranges[r].lba, h->ranges[r].lba);
		put_le32(i->ranges[r].sectors, h->ranges[r].sectors);
	}
	return sha256_of(i, DIGESTED_BYTES, i->sha256);
}

/* Ascending, apart, and below the area, so that no header speaks of more than a disc can hold. */
static bool ranges_are_sound(const struct parity_header *h)
{
	uint64_t end = 0;

	for (uint32_t i = 0; i < h->n_ranges; i++) {
		const struct parity_range *r = &h->ranges[i];

		if (!r->sectors || r->lba < end)
			return false;
		end = (uint64_t)r->lba + r->sectors;
	}
	return h->n_ranges > 0 && end <= h->lba && (uint64_t)h->lba + h->sectors <= UINT32_MAX;
}

static bool shape_is_sound(const struct parity_header *h)
{
	const struct parity_shape *s = &h->shape;

	if (!s->rows || !s->parity || s->rows >= PARITY_CODEWORD_MAX || s->parity > PARITY_CODEWORD_MAX - s->rows)
		return false;
	return s->columns && s->pieces <= (uint64_t)s->rows * s->columns &&
	       s->pieces > (uint64_t)(s->rows - 1) * s->columns && parity_area_sectors(s) == h->sectors;
}

int parity_header_decode(const uint8_t sector[SECTOR_BYTES], struct parity_header *ret)
{
	const struct image *i = (const struct image *)(const void *)sector;
	struct parity_header h = {.lba = get_le32(i->lba),
				  .sectors = get_le32(i->sectors),
				  .shape = {.rows = get_le32(i->rows),
					    .parity = get_le32(i->parity),
					    .columns = get_le32(i->columns)},
				  .n_ranges = get_le32(i->n_ranges)};

	int result = memcmp(i->magic, PARITY_MAGIC, sizeof(i->magic)) ? -EBADMSG :
									sha256_compare(i, DIGESTED_BYTES, i->sha256);

	if (result < 0)
		return result == -EBADMSG ? -ENODATA : result;
	if (h.n_ranges > PARITY_RANGES_MAX || get_le32(i->piece_sectors) != PARITY_PIECE_SECTORS)
		return -ENODATA;
	memcpy(h.uuid, i->uuid, sizeof(h.uuid));
	for (uint32_t r = 0; r < h.n_ranges; r++)
		h.ranges[r] = (struct parity_range){get_le32(i->ranges[r].lba), get_le32(i->ranges[r].sectors)};
	h.shape.pieces = (uint32_t)((parity_protected_sectors(&h) + PARITY_PIECE_SECTORS - 1) / PARITY_PIECE_SECTORS);
	if (!ranges_are_sound(&h) || !shape_is_sound(&h))
		return -ENODATA;
	*ret = h;
	return 0;
}

/* ---- digests ---- */

static int digest_of_block(const uint8_t uuid[16], uint32_t number, const uint8_t block[SECTOR_BYTES],
			   uint8_t ret[SHA256_BYTES])
{
	uint8_t all[16 + 4 + PARITY_BLOCK_DIGESTS * SHA256_BYTES];

	memcpy(all, uuid, 16);
	put_le32(all + 16, number);
	memcpy(all + 20, block, PARITY_BLOCK_DIGESTS * SHA256_BYTES);
	return sha256_of(all, sizeof(all), ret);
}

int parity_digests_seal(const uint8_t uuid[16], uint32_t number, uint8_t block[SECTOR_BYTES])
{
	return digest_of_block(uuid, number, block, block + (size_t)PARITY_BLOCK_DIGESTS * SHA256_BYTES);
}

int parity_digests_check(const uint8_t uuid[16], uint32_t number, const uint8_t block[SECTOR_BYTES])
{
	uint8_t digest[SHA256_BYTES];
	int r = digest_of_block(uuid, number, block, digest);

	if (r < 0)
		return r;
	return memcmp(digest, block + (size_t)PARITY_BLOCK_DIGESTS * SHA256_BYTES, sizeof(digest)) ? -EBADMSG : 0;
}
