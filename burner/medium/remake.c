/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/medium/remake.h"

#include <stdlib.h>

#include "burner/base/own.h"
#include "burner/format/commit_record.h"
#include "burner/format/digest_table.h"
#include "burner/format/geometry.h"
#include "burner/format/volume_descriptor.h"
#include "burner/medium/internal.h"
#include "burner/session/stream.h"

#define READ_PIECES 16u /* at once */
#define SET_SECTORS (SESSION_MESSAGE - SESSION_ABSOLUTE_DESCRIPTORS)
#define ABSOLUTE_SECTORS (SESSION_DESCRIPTORS - SESSION_ABSOLUTE_DESCRIPTORS) /* with what lies behind the set */

/* ---- descriptors ---- */

/* Those with the size relative to the session, by those with the absolute one; behind them all stays. */
static bool make_relative(const uint8_t absolute[SET_SECTORS * SECTOR_BYTES], uint32_t start_lba, uint8_t *to)
{
	for (unsigned i = 0; i < SET_SECTORS; i++, absolute += SECTOR_BYTES, to += SECTOR_BYTES) {
		if (!is_volume_descriptor(absolute))
			return false;
		memcpy(to, absolute, SECTOR_BYTES);
		if (descriptor_type(to) == ISO_VD_END)
			return true;
		if (descriptor_type(to) != ISO_VD_PRIMARY && descriptor_type(to) != ISO_VD_SUPPLEMENTARY)
			continue;
		if (descriptor_space_sectors(to) <= start_lba)
			return false;
		descriptor_set_space_sectors(to, descriptor_space_sectors(to) - start_lba);
	}
	return false;
}

static int put_proven(const struct remaking *m, const struct commit_record *record, const uint8_t *piece, uint32_t at,
		      uint32_t n_sectors)
{
	uint32_t n = commit_piece_sectors(record, 0);
	int r = sha256_compare(piece, (size_t)n * SECTOR_BYTES, record->descriptors_sha256);

	if (r)
		return r == -EBADMSG ? 0 : r;
	r = m->put(m->context, record->start_lba + at, n_sectors, piece + (size_t)at * SECTOR_BYTES);
	return r ? r : 1;
}

int remake_descriptors(const struct remaking *m, const struct commit_record *record)
{
	uint32_t n = commit_has_table(record) ? commit_piece_sectors(record, 0) : 0;
	_free_ uint8_t *piece = malloc((size_t)n * SECTOR_BYTES + 1), *other = malloc((size_t)n * SECTOR_BYTES + 1);
	uint8_t made[DESCRIPTORS_SECTORS * SECTOR_BYTES], *absolute, *relative;
	int r = piece && other ? 0 : -ENOMEM;

	if (r || n < SESSION_DESCRIPTORS + SET_SECTORS)
		return r;
	r = disc_read_around(m->disc, record->start_lba, piece, n);
	if (!r)
		r = sha256_compare(piece, (size_t)n * SECTOR_BYTES, record->descriptors_sha256);
	if (r != -EBADMSG)
		return r;
	memcpy(other, piece, (size_t)n * SECTOR_BYTES);
	absolute = other + SESSION_ABSOLUTE_DESCRIPTORS * SECTOR_BYTES;
	relative = other + SESSION_DESCRIPTORS * SECTOR_BYTES;
	memset(made, 0, sizeof(made));
	memcpy(made, relative, SET_SECTORS * SECTOR_BYTES);
	r = 0;
	if (session_published_descriptors(made, record->start_lba, made) == 0) {
		memcpy(absolute, made, SET_SECTORS * SECTOR_BYTES);
		r = put_proven(m, record, other, SESSION_ABSOLUTE_DESCRIPTORS, ABSOLUTE_SECTORS);
	}
	if (r)
		return r > 0 ? 0 : r;
	memcpy(other, piece, (size_t)n * SECTOR_BYTES);
	if (make_relative(absolute, record->start_lba, relative))
		r = put_proven(m, record, other, SESSION_DESCRIPTORS, SET_SECTORS);
	return r > 0 ? 0 : r;
}

/* ---- the table ---- */

/* 1: all of it is as the record says; 0: not. */
static int table_is_right(struct disc *d, const struct commit_record *record)
{
	_cleanup_(proof_freep) struct proof *proof = NULL;
	uint32_t n = commit_pieces(record), some;
	uint8_t digests[256][SHA256_BYTES];
	int r = proof_open(d, record, &proof);

	for (uint32_t i = 0; i < n && !r; i += some) {
		some = (uint32_t)min_u64(256, n - i);
		r = proof_digests(proof, i, some, digests);
	}
	if (!r)
		r = proof_rest(proof);
	return disc_is_damage(r) ? 0 : r ? r : 1;
}

/* 1: level 0 of the blocks that there are; 0: some cannot be read. */
static int digest_pieces(const struct remaking *m, const struct commit_record *record, uint8_t *table)
{
	uint32_t each = record->piece_sectors, all = record->table_lba - record->start_lba, n;
	_free_ uint8_t *buf = malloc((size_t)READ_PIECES * each * SECTOR_BYTES);
	int r = buf ? 0 : -ENOMEM;

	for (uint32_t at = 0; at < all && !r; at += n) {
		n = (uint32_t)min_u64(all - at, READ_PIECES * each);
		r = m->pace ? m->pace(m->context, at, all) : 0;
		if (!r)
			r = disc_read(m->disc, record->start_lba + at, buf, n);
		for (uint32_t done = 0; done < n && !r; done += each)
			r = digest_of_piece(buf + (size_t)done * SECTOR_BYTES, (uint32_t)min_u64(each, n - done),
					    table + (size_t)((at + done) / each) * SHA256_BYTES);
	}
	return disc_is_damage(r) ? 0 : r ? r : 1;
}

/* 1: the whole table, in its place, and in the record what it says of it; 0: it cannot be made. */
static int make_table(const struct remaking *m, struct commit_record *record, uint8_t **ret)
{
	_free_ uint8_t *table = calloc(record->table_sectors, SECTOR_BYTES);
	int r = table ? digest_pieces(m, record, table) : -ENOMEM;

	if (r <= 0)
		return r;
	r = digest_table_finish(table, commit_pieces(record), record->sha256);
	if (r < 0)
		return r;
	memcpy(record->descriptors_sha256, table, SHA256_BYTES);
	*ret = TAKE_PTR(table);
	return 1;
}

static int remake_table(const struct remaking *m, const struct commit_record *record)
{
	struct commit_record made = *record;
	_free_ uint8_t *table = NULL;
	int r = table_is_right(m->disc, record);

	if (r)
		return r < 0 ? r : 0;
	r = make_table(m, &made, &table);
	if (r <= 0 || memcmp(made.sha256, record->sha256, sizeof(made.sha256)) != 0)
		return r < 0 ? r : 0;
	return m->put(m->context, record->table_lba, record->table_sectors, table);
}

/* ---- the record ---- */

static bool is_whole(const struct disc_session *s)
{
	return !s->broken && !s->truncated && s->sectors > 1 && session_says_ours(s);
}

/* As it was, if nothing of the session was altered; 0: it cannot be known. */
static int make_record(const struct remaking *m, const struct disc_session *sessions, size_t at,
		       struct commit_record *ret, uint8_t **ret_table)
{
	const struct disc_session *s = &sessions[at];
	struct commit_record before;
	int r;

	*ret = (struct commit_record){.number = s->number,
				      .start_lba = s->start_lba,
				      .sectors = s->sectors,
				      .kind = COMMIT_DIGEST_TABLE,
				      .piece_sectors = PROOF_PIECE_SECTORS,
				      .adoption_lba = s->adoption_lba,
				      .adoption_sectors = s->adoption_sectors};
	memcpy(ret->uuid, s->uuid, sizeof(ret->uuid));
	ret->table_lba = s->start_lba + (uint32_t)digest_table_body(s->sectors);
	ret->table_sectors = s->start_lba + s->sectors - 1 - ret->table_lba;
	while (at > 0 && !is_whole(&sessions[at - 1]))
		at--;
	if (at > 0) {
		r = proof_own_record(m->disc, &sessions[at - 1], &before, ret->previous_sha256);
		if (r)
			return disc_is_damage(r) ? 0 : r;
		ret->previous_lba = before.start_lba + before.sectors - 1;
	}
	return make_table(m, ret, ret_table);
}

/* 1: a newer session names that one; 0: another one; -ENODATA: none is known that does. */
static int is_named(const struct remaking *m, const struct disc_session *sessions, size_t n, size_t at, uint32_t lba,
		    const uint8_t sector[SECTOR_BYTES])
{
	struct commit_record newer;
	int r = -ENODATA;

	while (++at < n && (r == -ENODATA || disc_is_damage(r)))
		if (is_whole(&sessions[at]))
			r = proof_own_record(m->disc, &sessions[at], &newer, NULL);
	if (r)
		return disc_is_damage(r) ? -ENODATA : r;
	if (!commit_has_table(&newer) || newer.previous_lba != lba)
		return -ENODATA;
	r = sha256_compare(sector, SECTOR_BYTES, newer.previous_sha256);
	return r == -EBADMSG ? 0 : r ? r : 1;
}

/* What lies between the parity, which does not protect it, and the table is zeros: 1; 0. */
static int is_empty_behind(struct disc *d, const struct disc_session *s, uint32_t table_lba)
{
	static const uint8_t zeros[SECTOR_BYTES];
	uint8_t sector[SECTOR_BYTES];
	int r = 0;

	for (uint32_t lba = s->parity_lba + s->parity_sectors; lba < table_lba && !r; lba++) {
		r = disc_read(d, lba, sector, 1);
		if (!r && memcmp(sector, zeros, SECTOR_BYTES) != 0)
			r = -EBADMSG;
	}
	return disc_is_damage(r) ? 0 : r ? r : 1;
}

int remake_proof(const struct remaking *m, const struct disc_session *sessions, size_t n, size_t at, bool proven)
{
	const struct disc_session *s = &sessions[at];
	struct commit_record record;
	_free_ uint8_t *table = NULL;
	uint8_t sector[SECTOR_BYTES];
	uint32_t lba = s->start_lba + s->sectors - 1;
	int r = is_whole(s) ? proof_own_record(m->disc, s, &record, NULL) : 0;

	if (!is_whole(s) || (r && !disc_is_damage(r)))
		return r;
	if (!r)
		return commit_has_table(&record) ? remake_table(m, &record) : 0;
	r = make_record(m, sessions, at, &record, &table);
	if (r <= 0)
		return r;
	r = commit_record_encode(&record, sector);
	if (!r)
		r = is_named(m, sessions, n, at, lba, sector);
	if (r == -ENODATA)
		r = proven ? is_empty_behind(m->disc, s, record.table_lba) : 0;
	if (r <= 0)
		return r;
	r = m->put(m->context, record.table_lba, record.table_sectors, table);
	return r ? r : m->put(m->context, lba, 1, sector);
}
