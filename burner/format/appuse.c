/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * appuse.c - the application-use field of the descriptors (format: burner/format/appuse.h)
 */
#include "burner/format/appuse.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <cdio/iso9660.h>

#include "burner/base/bytes.h"
#include "burner/base/sha256.h"

#define PART_BYTES 16u /* of a part with a digest of its own */

/* The field, as appuse.h has it: bytes, so that it has no holes and no byte order of the machine. */
struct part {
	uint8_t words[PART_BYTES], sha256[SHA256_BYTES];
};
struct field {
	char magic[16];
	uint8_t uuid[16], number[4], start_lba[4], previous_lba[4], previous_descriptor_lba[4], sectors[4],
		directories[4], next_ino[8], tree_sectors[8], flags[4], previous_number[4], sha256[SHA256_BYTES];
	struct part links, contents, shared, pieces, capacity, parity, adoption;
	uint8_t unused[APPUSE_BYTES - 448];
};
#define DIGESTED_BYTES offsetof(struct field, sha256)

static_assert(sizeof(APPUSE_MAGIC) == sizeof(((struct field *)0)->magic), "the magic fills its field");
static_assert(sizeof(struct field) == sizeof(((iso9660_pvd_t *)0)->application_data), "ECMA-119 8.4.32");
static_assert(offsetof(iso9660_pvd_t, application_data) == APPUSE_OFFSET, "ECMA-119 8.4.32, BP 884");
static_assert(offsetof(struct field, uuid) == 16 && offsetof(struct field, number) == 32 &&
		      offsetof(struct field, start_lba) == 36 && offsetof(struct field, previous_lba) == 40 &&
		      offsetof(struct field, previous_descriptor_lba) == 44 && offsetof(struct field, sectors) == 48 &&
		      offsetof(struct field, directories) == 52 && offsetof(struct field, next_ino) == 56 &&
		      offsetof(struct field, tree_sectors) == 64 && offsetof(struct field, flags) == 72 &&
		      offsetof(struct field, previous_number) == 76 && offsetof(struct field, sha256) == 80 &&
		      offsetof(struct field, links) == 112 && offsetof(struct field, contents) == 160 &&
		      offsetof(struct field, shared) == 208 && offsetof(struct field, pieces) == 256 &&
		      offsetof(struct field, capacity) == 304 && offsetof(struct field, parity) == 352 &&
		      offsetof(struct field, adoption) == 400,
	      "burner/format/appuse.h");

/* ---- writing ---- */

static void seal(struct part *part) { (void)sha256_of(part->words, PART_BYTES, part->sha256); }

static void encode_words(struct part *part, uint32_t a, uint32_t b, uint32_t c)
{
	put_le32(part->words, a);
	put_le32(part->words + 4, b);
	put_le32(part->words + 8, c);
	seal(part);
}

static void encode_counts(struct part *part, uint64_t a, uint64_t b)
{
	put_le64(part->words, a);
	put_le64(part->words + 8, b);
	seal(part);
}

static void encode_parts(const struct appuse *a, struct field *f)
{
	if (a->flags & APPUSE_LINKS)
		encode_words(&f->links, a->links_lba, a->links_bytes, a->links_sectors);
	if (a->flags & APPUSE_CONTENTS)
		encode_words(&f->contents, a->contents_lba, a->contents_bytes, 0);
	if (a->flags & APPUSE_SHARED)
		encode_counts(&f->shared, a->shared_bytes, a->found_bytes);
	if (a->flags & APPUSE_PIECES)
		encode_counts(&f->pieces, a->files_in_pieces, 0);
	if (a->flags & APPUSE_CAPACITY)
		encode_counts(&f->capacity, a->capacity_sectors, 0);
	if (a->flags & APPUSE_PARITY)
		encode_words(&f->parity, a->parity_lba, a->parity_sectors, 0);
	if (a->flags & APPUSE_ADOPTION)
		encode_words(&f->adoption, a->adoption_lba, a->adoption_sectors, 0);
}

void appuse_encode(const struct appuse *a, uint8_t descriptor[SECTOR_BYTES])
{
	struct field *f = (struct field *)(void *)(descriptor + APPUSE_OFFSET);

	memset(f, 0, sizeof(*f));
	memcpy(f->magic, APPUSE_MAGIC, sizeof(f->magic));
	memcpy(f->uuid, a->uuid, sizeof(f->uuid));
	put_le32(f->number, a->number);
	put_le32(f->start_lba, a->start_lba);
	put_le32(f->previous_lba, a->previous_lba);
	put_le32(f->previous_descriptor_lba, a->previous_descriptor_lba);
	put_le32(f->sectors, a->sectors);
	put_le32(f->directories, a->directories);
	put_le64(f->next_ino, a->next_ino);
	put_le64(f->tree_sectors, a->tree_sectors);
	put_le32(f->flags, a->flags);
	put_le32(f->previous_number, a->previous_number);
	(void)sha256_of(f, DIGESTED_BYTES, f->sha256);
	encode_parts(a, f);
}

/* ---- reading ---- */

static bool digest_is_right(const void *bytes, size_t n, const uint8_t sha256[SHA256_BYTES])
{
	uint8_t digest[SHA256_BYTES];

	return sha256_of(bytes, n, digest) == 0 && memcmp(digest, sha256, sizeof(digest)) == 0;
}

/* A part behind the first digest: there when its flag is set and its own digest is right; else zeros. */
static void open_part(const struct part *part, uint32_t flag, uint32_t *flags, uint8_t ret[PART_BYTES])
{
	if (*flags & flag && !digest_is_right(part->words, PART_BYTES, part->sha256))
		*flags &= ~flag;
	memset(ret, 0, PART_BYTES);
	if (*flags & flag)
		memcpy(ret, part->words, PART_BYTES);
}

static void decode_parts(const struct field *f, struct appuse *ret)
{
	uint8_t words[PART_BYTES];

	open_part(&f->links, APPUSE_LINKS, &ret->flags, words);
	ret->links_lba = get_le32(words);
	ret->links_bytes = get_le32(words + 4);
	ret->links_sectors = get_le32(words + 8);
	open_part(&f->contents, APPUSE_CONTENTS, &ret->flags, words);
	ret->contents_lba = get_le32(words);
	ret->contents_bytes = get_le32(words + 4);
	open_part(&f->shared, APPUSE_SHARED, &ret->flags, words);
	ret->shared_bytes = get_le64(words);
	ret->found_bytes = get_le64(words + 8);
	open_part(&f->pieces, APPUSE_PIECES, &ret->flags, words);
	ret->files_in_pieces = get_le64(words);
	open_part(&f->capacity, APPUSE_CAPACITY, &ret->flags, words);
	ret->capacity_sectors = get_le64(words);
	open_part(&f->parity, APPUSE_PARITY, &ret->flags, words);
	ret->parity_lba = get_le32(words);
	ret->parity_sectors = get_le32(words + 4);
	open_part(&f->adoption, APPUSE_ADOPTION, &ret->flags, words);
	ret->adoption_lba = get_le32(words);
	ret->adoption_sectors = get_le32(words + 4);
}

int appuse_decode(const uint8_t descriptor[SECTOR_BYTES], struct appuse *ret)
{
	const struct field *f = (const struct field *)(const void *)(descriptor + APPUSE_OFFSET);

	if (memcmp(f->magic, APPUSE_MAGIC, sizeof(f->magic)) != 0 || !digest_is_right(f, DIGESTED_BYTES, f->sha256))
		return -ENODATA;
	memcpy(ret->uuid, f->uuid, sizeof(ret->uuid));
	ret->number = get_le32(f->number);
	ret->start_lba = get_le32(f->start_lba);
	ret->previous_lba = get_le32(f->previous_lba);
	ret->previous_descriptor_lba = get_le32(f->previous_descriptor_lba);
	ret->sectors = get_le32(f->sectors);
	ret->directories = get_le32(f->directories);
	ret->next_ino = get_le64(f->next_ino);
	ret->tree_sectors = get_le64(f->tree_sectors);
	ret->flags = get_le32(f->flags);
	ret->previous_number = get_le32(f->previous_number);
	decode_parts(f, ret);
	return 0;
}
