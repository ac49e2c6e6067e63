/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * appuse.c - the application-use field of the descriptors (format: burner/format/appuse.h)
 */
#include "burner/format/appuse.h"

#include <assert.h>
#include <cdio/iso9660.h>
#include <errno.h>
#include <string.h>

#include "burner/base/bytes.h"
#include "burner/base/sha256.h"

#define FIELD_BYTES 512u
#define DIGESTED_BYTES 80u
#define PART_BYTES 16u /* of a part with a digest of its own */
#define LINKS_AT 112u
#define CONTENTS_AT 160u
#define SHARED_AT 208u

static_assert(sizeof(APPUSE_MAGIC) == 16, "the magic fills its field");
static_assert(offsetof(iso9660_pvd_t, application_data) == APPUSE_OFFSET &&
		      sizeof(((iso9660_pvd_t *)NULL)->application_data) == FIELD_BYTES &&
		      offsetof(iso9660_svd_t, application_data) == APPUSE_OFFSET,
	      "ECMA-119 8.4.32, 8.5.28");

/* A part behind the first digest: there when its flag is set and its own digest is right. */
static void seal_part(uint8_t *part) { (void)sha256_of(part, PART_BYTES, part + PART_BYTES); }

static void encode_part(uint8_t *part, uint32_t a, uint32_t b, uint32_t c)
{
	put_le32(part, a);
	put_le32(part + 4, b);
	put_le32(part + 8, c);
	seal_part(part);
}

static void encode_shared(uint8_t *part, uint64_t shared_bytes, uint64_t found_bytes)
{
	put_le64(part, shared_bytes);
	put_le64(part + 8, found_bytes);
	seal_part(part);
}

void appuse_encode(const struct appuse *a, uint8_t descriptor[2048])
{
	uint8_t *field = descriptor + APPUSE_OFFSET;

	memset(field, 0, FIELD_BYTES);
	memcpy(field, APPUSE_MAGIC, 16);
	memcpy(field + 16, a->uuid, 16);
	put_le32(field + 32, a->number);
	put_le32(field + 36, a->start_lba);
	put_le32(field + 40, a->previous_lba);
	put_le32(field + 44, a->previous_descriptor_lba);
	put_le32(field + 48, a->sectors);
	put_le32(field + 52, a->directories);
	put_le64(field + 56, a->next_ino);
	put_le64(field + 64, a->tree_sectors);
	put_le32(field + 72, a->flags);
	put_le32(field + 76, a->previous_number);
	(void)sha256_of(field, DIGESTED_BYTES, field + DIGESTED_BYTES);
	if (a->flags & APPUSE_LINKS)
		encode_part(field + LINKS_AT, a->links_lba, a->links_bytes, a->links_sectors);
	if (a->flags & APPUSE_CONTENTS)
		encode_part(field + CONTENTS_AT, a->contents_lba, a->contents_bytes, 0);
	if (a->flags & APPUSE_SHARED)
		encode_shared(field + SHARED_AT, a->shared_bytes, a->found_bytes);
}

/* A part that is not there is zeros. */
static void open_part(const uint8_t *part, uint32_t flag, uint32_t *flags, uint8_t ret[PART_BYTES])
{
	uint8_t digest[32];

	if (*flags & flag && (sha256_of(part, PART_BYTES, digest) != 0 || memcmp(digest, part + PART_BYTES, 32) != 0))
		*flags &= ~flag;
	memset(ret, 0, PART_BYTES);
	if (*flags & flag)
		memcpy(ret, part, PART_BYTES);
}

static void decode_parts(const uint8_t *field, struct appuse *ret)
{
	uint8_t part[PART_BYTES];

	open_part(field + LINKS_AT, APPUSE_LINKS, &ret->flags, part);
	ret->links_lba = get_le32(part);
	ret->links_bytes = get_le32(part + 4);
	ret->links_sectors = get_le32(part + 8);
	open_part(field + CONTENTS_AT, APPUSE_CONTENTS, &ret->flags, part);
	ret->contents_lba = get_le32(part);
	ret->contents_bytes = get_le32(part + 4);
	open_part(field + SHARED_AT, APPUSE_SHARED, &ret->flags, part);
	ret->shared_bytes = get_le64(part);
	ret->found_bytes = get_le64(part + 8);
}

int appuse_decode(const uint8_t descriptor[2048], struct appuse *ret)
{
	const uint8_t *field = descriptor + APPUSE_OFFSET;
	uint8_t digest[32];

	if (memcmp(field, APPUSE_MAGIC, 16) != 0)
		return -ENODATA;
	if (sha256_of(field, DIGESTED_BYTES, digest) != 0 || memcmp(digest, field + DIGESTED_BYTES, 32) != 0)
		return -ENODATA;
	memcpy(ret->uuid, field + 16, 16);
	ret->number = get_le32(field + 32);
	ret->start_lba = get_le32(field + 36);
	ret->previous_lba = get_le32(field + 40);
	ret->previous_descriptor_lba = get_le32(field + 44);
	ret->sectors = get_le32(field + 48);
	ret->directories = get_le32(field + 52);
	ret->next_ino = get_le64(field + 56);
	ret->tree_sectors = get_le64(field + 64);
	ret->flags = get_le32(field + 72);
	ret->previous_number = get_le32(field + 76);
	decode_parts(field, ret);
	return 0;
}
