/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/format/commit_record.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "burner/base/sha256.h"
#include "burner/format/digest_table.h"

/* As commit_record.h has it. */
struct image {
	char magic[16];
	uint8_t uuid[16], number[4], start_lba[4], sectors[4], kind[4], session_sha256[SHA256_BYTES],
		head_sha256[SHA256_BYTES];
	uint8_t piece_sectors[4], table_lba[4], table_sectors[4], previous_lba[4], previous_sha256[SHA256_BYTES],
		descriptors_sha256[SHA256_BYTES], adoption_lba[4], adoption_sectors[4], unused[1816],
		sha256[SHA256_BYTES];
};
#define HEAD_BYTES offsetof(struct image, head_sha256)
#define DIGESTED_BYTES offsetof(struct image, sha256)

static_assert(sizeof(COMMIT_MAGIC) == sizeof(((struct image *)0)->magic) + 1, "the magic fills its field");
static_assert(offsetof(struct image, uuid) == 16 && offsetof(struct image, number) == 32 &&
		      offsetof(struct image, start_lba) == 36 && offsetof(struct image, sectors) == 40 &&
		      offsetof(struct image, kind) == 44 && offsetof(struct image, session_sha256) == 48 &&
		      offsetof(struct image, head_sha256) == 80 && offsetof(struct image, piece_sectors) == 112 &&
		      offsetof(struct image, table_lba) == 116 && offsetof(struct image, table_sectors) == 120 &&
		      offsetof(struct image, previous_lba) == 124 && offsetof(struct image, previous_sha256) == 128 &&
		      offsetof(struct image, descriptors_sha256) == 160 &&
		      offsetof(struct image, adoption_lba) == 192 && offsetof(struct image, adoption_sectors) == 196 &&
		      offsetof(struct image, unused) == 200 && offsetof(struct image, sha256) == 2016 &&
		      sizeof(struct image) == SECTOR_BYTES,
	      "burner/format/commit_record.h");
static_assert(PROOF_DIGEST_BYTES == SHA256_BYTES, "proof.h does without libcrypto");

int commit_record_encode(const struct commit_record *r, uint8_t ret_sector[SECTOR_BYTES])
{
	struct image *i = (struct image *)(void *)ret_sector;

	memset(ret_sector, 0, SECTOR_BYTES);
	memcpy(i->magic, COMMIT_MAGIC, sizeof(i->magic));
	memcpy(i->uuid, r->uuid, sizeof(i->uuid));
	put_le32(i->number, r->number);
	put_le32(i->start_lba, r->start_lba);
	put_le32(i->sectors, r->sectors);
	put_le32(i->kind, r->kind);
	memcpy(i->session_sha256, r->sha256, SHA256_BYTES);
	if (sha256_of(i, HEAD_BYTES, i->head_sha256) < 0)
		return -ENOMEM;
	if (!commit_has_table(r))
		return 0;
	put_le32(i->piece_sectors, r->piece_sectors);
	put_le32(i->table_lba, r->table_lba);
	put_le32(i->table_sectors, r->table_sectors);
	put_le32(i->previous_lba, r->previous_lba);
	memcpy(i->previous_sha256, r->previous_sha256, SHA256_BYTES);
	memcpy(i->descriptors_sha256, r->descriptors_sha256, SHA256_BYTES);
	put_le32(i->adoption_lba, r->adoption_lba);
	put_le32(i->adoption_sectors, r->adoption_sectors);
	return sha256_of(i, DIGESTED_BYTES, i->sha256);
}

static int check_digest(const void *bytes, size_t n, const uint8_t sha256[SHA256_BYTES])
{
	int r = sha256_compare(bytes, n, sha256);

	return r == -EBADMSG ? -ENODATA : r;
}

/* The table lies in the session, behind what it tells of, up to the record, and has room for all of that. */
static bool table_is_possible(const struct commit_record *r)
{
	uint64_t end = (uint64_t)r->start_lba + r->sectors;

	return end <= UINT32_MAX && r->piece_sectors && r->piece_sectors <= PROOF_PIECE_MAX_SECTORS &&
	       r->table_lba > r->start_lba && r->table_sectors &&
	       (uint64_t)r->table_lba + r->table_sectors + 1 == end &&
	       digest_table_shape(commit_pieces(r)).sectors <= r->table_sectors &&
	       (!r->previous_lba || r->previous_lba < r->start_lba);
}

/* So does the adoption table, if there is one: it is among what the digest table tells of. */
static bool adoption_is_possible(const struct commit_record *r)
{
	return !r->adoption_lba == !r->adoption_sectors &&
	       (!r->adoption_lba || (r->adoption_lba > r->start_lba && r->adoption_lba < r->table_lba &&
				     r->adoption_sectors <= r->table_lba - r->adoption_lba));
}

static int decode_table(const struct image *i, struct commit_record *r)
{
	int result = check_digest(i, DIGESTED_BYTES, i->sha256);

	if (result)
		return result;
	r->piece_sectors = get_le32(i->piece_sectors);
	r->table_lba = get_le32(i->table_lba);
	r->table_sectors = get_le32(i->table_sectors);
	r->previous_lba = get_le32(i->previous_lba);
	memcpy(r->previous_sha256, i->previous_sha256, SHA256_BYTES);
	memcpy(r->descriptors_sha256, i->descriptors_sha256, SHA256_BYTES);
	r->adoption_lba = get_le32(i->adoption_lba);
	r->adoption_sectors = get_le32(i->adoption_sectors);
	return table_is_possible(r) && adoption_is_possible(r) ? 0 : -ENODATA;
}

int commit_record_decode(const uint8_t sector[SECTOR_BYTES], struct commit_record *ret)
{
	const struct image *i = (const struct image *)(const void *)sector;
	struct commit_record r = {0};
	int result = memcmp(i->magic, COMMIT_MAGIC, sizeof(i->magic)) ? -ENODATA :
									check_digest(i, HEAD_BYTES, i->head_sha256);

	if (result)
		return result;
	memcpy(r.uuid, i->uuid, sizeof(r.uuid));
	r.number = get_le32(i->number);
	r.start_lba = get_le32(i->start_lba);
	r.sectors = get_le32(i->sectors);
	r.kind = get_le32(i->kind);
	memcpy(r.sha256, i->session_sha256, SHA256_BYTES);
	if (commit_has_table(&r))
		result = decode_table(i, &r);
	if (result)
		return result;
	*ret = r;
	return 0;
}

/* ---- as text ---- */

void proof_text(const uint8_t sha256[PROOF_DIGEST_BYTES], char ret[PROOF_TEXT_BYTES])
{
	for (unsigned i = 0; i < PROOF_DIGEST_BYTES; i++)
		snprintf(ret + 2 * (size_t)i, 3, "%02x", sha256[i]);
}

bool proof_is_prefix(const char *text)
{
	size_t n = strlen(text);

	return n >= PROOF_PREFIX_MIN && n < PROOF_TEXT_BYTES && strspn(text, "0123456789abcdefABCDEF") == n;
}

bool proof_matches(const uint8_t sha256[PROOF_DIGEST_BYTES], const char *prefix)
{
	char text[PROOF_TEXT_BYTES];

	proof_text(sha256, text);
	return proof_is_prefix(prefix) && strncasecmp(text, prefix, strlen(prefix)) == 0;
}
