/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/format/commit_record.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "burner/base/bytes.h"
#include "burner/base/sha256.h"

/* As commit_record.h has it. */
struct image {
	char magic[16];
	uint8_t uuid[16], number[4], start_lba[4], sectors[4], unused[4], session_sha256[SHA256_BYTES],
		sha256[SHA256_BYTES];
};
#define DIGESTED_BYTES offsetof(struct image, sha256)

static_assert(sizeof(COMMIT_MAGIC) == sizeof(((struct image *)0)->magic) + 1, "the magic fills its field");
static_assert(offsetof(struct image, uuid) == 16 && offsetof(struct image, number) == 32 &&
		      offsetof(struct image, start_lba) == 36 && offsetof(struct image, sectors) == 40 &&
		      offsetof(struct image, session_sha256) == 48 && offsetof(struct image, sha256) == 80 &&
		      sizeof(struct image) <= SECTOR_BYTES,
	      "burner/format/commit_record.h");

int commit_record_encode(const struct commit_record *r, uint8_t ret_sector[SECTOR_BYTES])
{
	struct image *i = (struct image *)(void *)ret_sector;

	memset(ret_sector, 0, SECTOR_BYTES);
	memcpy(i->magic, COMMIT_MAGIC, sizeof(i->magic));
	memcpy(i->uuid, r->uuid, sizeof(i->uuid));
	put_le32(i->number, r->number);
	put_le32(i->start_lba, r->start_lba);
	put_le32(i->sectors, r->sectors);
	memcpy(i->session_sha256, r->sha256, SHA256_BYTES);
	return sha256_of(i, DIGESTED_BYTES, i->sha256);
}

int commit_record_decode(const uint8_t sector[SECTOR_BYTES], struct commit_record *ret)
{
	const struct image *i = (const struct image *)(const void *)sector;
	uint8_t digest[SHA256_BYTES];

	if (memcmp(i->magic, COMMIT_MAGIC, sizeof(i->magic)) != 0)
		return -ENODATA;
	if (sha256_of(i, DIGESTED_BYTES, digest) < 0 || memcmp(digest, i->sha256, SHA256_BYTES) != 0)
		return -ENODATA;
	memcpy(ret->uuid, i->uuid, sizeof(ret->uuid));
	ret->number = get_le32(i->number);
	ret->start_lba = get_le32(i->start_lba);
	ret->sectors = get_le32(i->sectors);
	memcpy(ret->sha256, i->session_sha256, SHA256_BYTES);
	return 0;
}
