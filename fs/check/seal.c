/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * seal.c - what the blocks of a session are proven by
 *
 * A session of ours ends with its commit record: the SHA-256 of all blocks before it, or that of a table with the
 * SHA-256 of each of its pieces.
 */
#include "fs/check/internal.h"

#include <errno.h>
#include <string.h>

void seal_release(struct seal *s)
{
	sha256_free(TAKE_PTR(s->sha256));
	proof_free(TAKE_PTR(s->table));
}

/* 1: it is the record of a session of ours; 0: none is there, or it cannot be read. */
static int read_record(struct disc *disc, const struct disc_session *session, struct commit_record *ret)
{
	uint8_t sector[SECTOR_BYTES];
	uint64_t lba = (uint64_t)session->start_lba + session->sectors - 1;
	int r = session->sectors < 2 || lba > UINT32_MAX ? -EIO : disc_read(disc, (uint32_t)lba, sector, 1);

	if (r)
		return reader_is_of_blocks(r) ? 0 : r;
	return commit_record_decode(sector, ret) == 0 && ret->start_lba == session->start_lba &&
	       ret->sectors == session->sectors;
}

int seal_open(struct disc *disc, struct check_session *session, struct seal *ret)
{
	static const uint8_t none[sizeof(session->disc.uuid)];
	const struct disc_session *s = &session->disc;
	bool says_ours = memcmp(s->uuid, none, sizeof(none)) != 0;
	int r = read_record(disc, s, &ret->record);

	if (r > 0 && says_ours && memcmp(ret->record.uuid, s->uuid, sizeof(s->uuid)) != 0)
		r = 0;
	if (r < 0)
		return r;
	session->ours = r > 0 || says_ours;
	ret->record_lost = session->ours && !r;
	if (!r)
		return 0;
	if (!commit_has_table(&ret->record) && ret->record.kind != COMMIT_DIGEST_ALL)
		return 0;
	session->proof = CHECK_PROOF_SHA256;
	return commit_has_table(&ret->record) ? proof_open(disc, &ret->record, &ret->table) : sha256_new(&ret->sha256);
}

/* The pieces of the table that lie there, at multiples of their length. */
static int compare_pieces(struct seal *s, struct check_session *session, const struct sweep_piece *p)
{
	const struct commit_record *record = &s->record;
	uint32_t end = record->table_lba - record->start_lba;
	uint8_t expected[1][SHA256_BYTES], found[SHA256_BYTES];

	if (p->at % record->piece_sectors)
		return -EOPNOTSUPP;
	for (uint32_t at = p->at, n; at < end && at < p->at + p->n_sectors; at += n) {
		int r = proof_digests(s->table, at / record->piece_sectors, 1, expected);

		if (r < 0 && !reader_is_of_blocks(r))
			return r;
		n = commit_piece_sectors(record, at / record->piece_sectors);
		if (r == 0 &&
		    sha256_of(p->bytes + (size_t)(at - p->at) * SECTOR_BYTES, (size_t)n * SECTOR_BYTES, found) < 0)
			return -ENOMEM;
		session->differs |= r < 0 || memcmp(found, expected[0], sizeof(found)) != 0;
	}
	return 0;
}

int seal_in_order(struct seal *s, struct check_session *session, const struct sweep_piece *p)
{
	uint32_t all = session->disc.sectors - 1, n = p->at < all ? (uint32_t)min_u64(all - p->at, p->n_sectors) : 0;

	if (p->n_bad) {
		sha256_free(TAKE_PTR(s->sha256));
		proof_free(TAKE_PTR(s->table));
	}
	s->hashed_sectors += n;
	if (s->table)
		return compare_pieces(s, session, p);
	return s->sha256 && n ? sha256_add(s->sha256, p->bytes, (size_t)n * SECTOR_BYTES) : 0;
}

int seal_end(struct seal *s, struct check_session *session)
{
	uint8_t digest[SHA256_BYTES];

	if (s->hashed_sectors + 1 != session->disc.sectors || !(s->sha256 || s->table))
		return 0;
	if (s->table) {
		int r = proof_rest(s->table);

		session->compared = true;
		session->differs |= r < 0;
		return r < 0 && !reader_is_of_blocks(r) ? r : 0;
	}
	if (sha256_end(s->sha256, digest) < 0)
		return -ENOMEM;
	session->compared = true;
	session->differs = memcmp(digest, s->record.sha256, sizeof(digest)) != 0;
	return 0;
}
