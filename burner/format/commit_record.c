/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/format/commit_record.h"

#include <errno.h>
#include <string.h>

#include "burner/base/bytes.h"
#include "burner/base/sha256.h"

#define DIGESTED_BYTES 80u

_Static_assert(sizeof(COMMIT_MAGIC) == 16 + 1, "the magic fills its field");

int commit_record_encode(const struct commit_record *r, uint8_t ret_sector[2048])
{
	memset(ret_sector, 0, SECTOR_BYTES);
	memcpy(ret_sector, COMMIT_MAGIC, 16);
	memcpy(ret_sector + 16, r->uuid, 16);
	put_le32(ret_sector + 32, r->number);
	put_le32(ret_sector + 36, r->start_lba);
	put_le32(ret_sector + 40, r->sectors);
	memcpy(ret_sector + 48, r->sha256, SHA256_BYTES);
	return sha256_of(ret_sector, DIGESTED_BYTES, ret_sector + DIGESTED_BYTES);
}

int commit_record_decode(const uint8_t sector[2048], struct commit_record *ret)
{
	uint8_t digest[SHA256_BYTES];

	if (memcmp(sector, COMMIT_MAGIC, 16) != 0)
		return -ENODATA;
	if (sha256_of(sector, DIGESTED_BYTES, digest) < 0 || memcmp(digest, sector + DIGESTED_BYTES, SHA256_BYTES) != 0)
		return -ENODATA;
	memcpy(ret->uuid, sector + 16, 16);
	ret->number = get_le32(sector + 32);
	ret->start_lba = get_le32(sector + 36);
	ret->sectors = get_le32(sector + 40);
	memcpy(ret->sha256, sector + 48, SHA256_BYTES);
	return 0;
}
