/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * seal.c - what the blocks of a session are proven by
 *
 * A session of ours ends with its commit record.  That proves a table with the digest of each piece, so it is known
 * which piece is not what it was; the digests are taken into memory as the reading comes to them, many at once, so that
 * a drive seldom has to seek.  A session of an older version has one SHA-256 over all blocks: that says whether they
 * are what they were, and not which one is not.
 *
 * Sessions of libisofs may have checksum tags: three MD5, each of all blocks from the first one on.
 */
#include "fs/check/internal.h"

#include <errno.h>
#include <string.h>

#include "burner/format/digest_table.h"
#include "burner/format/geometry.h"

void seal_release(struct seal *s)
{
	sha256_free(TAKE_PTR(s->sha256));
	md5_free(TAKE_PTR(s->md5));
	proof_free(TAKE_PTR(s->proof));
	free(TAKE_PTR(s->digests));
}

/* ---- the commit record ---- */

/* 1: it is the record of a session of ours; 0: none is there, or it cannot be read. */
static int read_record(struct disc *disc, const struct disc_session *session, struct commit_record *ret)
{
	uint8_t sector[SECTOR_BYTES];
	uint64_t lba = (uint64_t)session->start_lba + session->sectors - 1;
	int r = session->sectors < 2 || lba > UINT32_MAX ? -EIO : disc_read(disc, (uint32_t)lba, sector, 1);

	if (r)
		return reader_is_of_blocks(r) ? 0 : r;
	r = commit_record_decode(sector, ret);
	return r == -ENOMEM ? r : r == 0 && ret->start_lba == session->start_lba && ret->sectors == session->sectors;
}

/* The one that it names is the one of ours below it, and as it was. */
static int look_at_chain(struct disc *disc, const struct commit_record *record, const struct check_session *before,
			 enum check_chain *ret)
{
	uint64_t lba = before ? (uint64_t)before->disc.start_lba + before->disc.sectors - 1 : 0;
	int r;

	if (!commit_has_table(record) || (!record->previous_lba && !before))
		return 0;
	r = record->previous_lba == lba ? proof_chain(disc, record) : -EBADMSG;
	*ret = !r ? CHECK_CHAIN_HOLDS : r == -EBADMSG ? CHECK_CHAIN_BROKEN : CHECK_CHAIN_UNREADABLE;
	return reader_is_of_blocks(r) ? 0 : r;
}

static int open_proof(struct disc *disc, struct check_session *session, struct seal *ret)
{
	int r;

	if (ret->record.kind == COMMIT_DIGEST_ALL) {
		session->proof = CHECK_PROOF_SHA256;
		return sha256_new(&ret->sha256);
	}
	if (!commit_has_table(&ret->record)) {
		session->proof = CHECK_PROOF_NEWER;
		return 0;
	}
	session->proof = CHECK_PROOF_TABLE;
	ret->digests = calloc(SEAL_WINDOW, SHA256_BYTES);
	r = proof_open(disc, &ret->record, &ret->proof);
	return r ? r : ret->digests ? 0 : -ENOMEM;
}

/* ---- tags of libisofs ---- */

/* 1: the tag that is to be there, of that kind and of what begins there. */
static int read_tag(struct disc *disc, uint64_t lba, enum tag_kind kind, uint32_t start_lba, struct tag *ret)
{
	uint8_t sector[SECTOR_BYTES];
	int r = lba > UINT32_MAX ? -EIO : disc_read(disc, (uint32_t)lba, sector, 1);

	if (r)
		return reader_is_of_blocks(r) ? 0 : r;
	return tag_decode(sector, ret) && ret->lba == lba && ret->kind == kind && ret->start_lba == start_lba;
}

/* The first stands behind the descriptors, and names the next. */
static int find_tags(struct disc *disc, struct check_session *session, struct seal *ret)
{
	uint64_t start = session->disc.start_lba, lba = start + SESSION_DESCRIPTORS + 1;
	int r = 0;

	for (; !r && lba < start + SESSION_DESCRIPTORS + DESCRIPTORS_SECTORS; lba++)
		r = read_tag(disc, lba, TAG_DESCRIPTORS, (uint32_t)start, &ret->tags[0]);
	for (ret->n_tags = r > 0; r > 0 && ret->n_tags<3; ret->n_tags += r> 0)
		r = read_tag(disc, ret->tags[ret->n_tags - 1].next_lba, (enum tag_kind)ret->n_tags, (uint32_t)start,
			     &ret->tags[ret->n_tags]);
	if (r < 0 || !ret->n_tags)
		return r;
	r = md5_new(&ret->md5);
	if (r == -EOPNOTSUPP) /* MD5 is forbidden here: then they are read, and that is all */
		return 0;
	session->proof = CHECK_PROOF_MD5;
	ret->record_lost = ret->n_tags < 3;
	return r;
}

static const char *part_of(enum tag_kind kind)
{
	static const char *const words[] = {
		[TAG_DESCRIPTORS] = "its volume descriptors, or what lies before them",
		[TAG_TREE] = "its directories and path tables",
		[TAG_SESSION] = "the data of its files",
	};

	return words[kind];
}

/* Up to the next tag, which is held against it. */
static int add_md5(struct seal *s, struct check_session *session, const struct sweep_piece *p)
{
	uint32_t at = 0;
	int r = 0;

	while (!r && s->md5 && s->n_held < s->n_tags) {
		const struct tag *t = &s->tags[s->n_held];
		uint32_t n = (uint32_t)min_u64(t->sectors - (p->at + at), p->n_sectors - at);
		uint8_t md5[MD5_BYTES];

		r = md5_add(s->md5, p->bytes + (size_t)at * SECTOR_BYTES, (size_t)n * SECTOR_BYTES);
		at += n;
		if (r || p->at + at < t->sectors)
			break;
		r = md5_now(s->md5, md5);
		s->n_held++;
		if (r || !memcmp(md5, t->md5, sizeof(md5)))
			continue;
		session->differs = true;
		session->differs_in = part_of(t->kind);
		md5_free(TAKE_PTR(s->md5)); /* those that follow are of this as well */
	}
	return r;
}

/* ---- where the record is lost ---- */

/* Only sessions with a digest table say any of these. */
static bool says_of_table(const struct disc_session *s)
{
	return s->files_in_pieces != PIECES_UNKNOWN || s->has_message || s->parity_sectors;
}

/* What a record would say besides: its first digest. */
static int assume_descriptors(struct disc *disc, struct seal *s)
{
	uint8_t first[1][SHA256_BYTES];
	int r = proof_digests(s->proof, 0, 1, first);

	if (r)
		return reader_is_of_blocks(r) ? 0 : r;
	memcpy(s->record.descriptors_sha256, first[0], SHA256_BYTES);
	proof_free(TAKE_PTR(s->proof));
	return proof_open(disc, &s->record, &s->proof);
}

/*
 * Its table, if it has one, is where such a session has it.  What is at its top proves what is below, and of what it
 * says of the pieces something must be so, or it is none, or not any more.
 */
static int assume_table(struct disc *disc, struct check_session *session, struct seal *ret)
{
	const struct disc_session *s = &session->disc;
	uint64_t body = digest_table_body(s->sectors);
	struct commit_record r = {.number = s->number,
				  .start_lba = s->start_lba,
				  .sectors = s->sectors,
				  .kind = COMMIT_DIGEST_TABLE,
				  .piece_sectors = PROOF_PIECE_SECTORS,
				  .table_lba = s->start_lba + (uint32_t)body,
				  .table_sectors = s->sectors - 1 - (uint32_t)body,
				  .adoption_lba = s->adoption_lba,
				  .adoption_sectors = s->adoption_sectors};
	struct digest_shape shape = digest_table_shape(commit_pieces(&r));
	uint8_t sector[SECTOR_BYTES];
	int result;

	if (!body || !shape.n_levels)
		return 0;
	if (s->adoption_lba < s->start_lba || s->adoption_lba + (uint64_t)s->adoption_sectors > r.table_lba)
		r.adoption_lba = r.adoption_sectors = 0; /* as commit_record_decode() has it */
	memcpy(r.uuid, s->uuid, sizeof(r.uuid));
	ret->record = r;
	ret->assumed = true;
	ret->is_flat = shape.n_levels == 1;
	result = disc_read(disc, r.table_lba + shape.first[shape.n_levels - 1], sector, 1);
	if (reader_is_of_blocks(result)) {
		session->table_damaged = says_of_table(s);
		return 0;
	}
	if (!result && sha256_of(sector, sizeof(sector), ret->record.sha256) < 0)
		result = -ENOMEM;
	if (!result)
		result = open_proof(disc, session, ret);
	return result ? result : assume_descriptors(disc, ret);
}

/* All was read. */
static void judge_assumed(const struct seal *s, struct check_session *session, bool rest_is_lost)
{
	session->table_damaged = (s->assumed_lost || rest_is_lost || !s->matched_sectors) &&
				 (s->matched_sectors || says_of_table(&session->disc));
	if (!s->matched_sectors)
		session->proof = CHECK_PROOF_NONE;
}

/* ---- all of it ---- */

int seal_open(struct disc *disc, struct check_session *session, const struct check_session *before, struct seal *ret)
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
		return session->ours ? assume_table(disc, session, ret) : find_tags(disc, session, ret);
	r = look_at_chain(disc, &ret->record, before, &session->chain);
	return r ? r : open_proof(disc, session, ret);
}

uint32_t seal_piece_sectors(const struct seal *s)
{
	return s->proof ? SWEEP_PIECE_SECTORS / s->record.piece_sectors * s->record.piece_sectors : 0;
}

/* ---- digests of pieces ---- */

/* n of them from `first` on; where a block of the table is damaged the others are taken one by one. */
static int take_window(struct seal *s, uint32_t first)
{
	uint32_t n = (uint32_t)min_u64(commit_pieces(&s->record) - first, SEAL_WINDOW);
	int r = proof_digests(s->proof, first, n, s->digests);

	s->first = first;
	s->n = n;
	memset(s->lost, 0, sizeof(s->lost));
	if (!reader_is_of_blocks(r))
		return r;
	r = 0;
	for (uint32_t i = 0; i < n && !r; i += DIGESTS_PER_SECTOR) {
		uint32_t some = (uint32_t)min_u64(n - i, DIGESTS_PER_SECTOR);

		r = proof_digests(s->proof, first + i, some, s->digests + i);
		s->lost[i / DIGESTS_PER_SECTOR] = r != 0;
		r = reader_is_of_blocks(r) ? 0 : r;
	}
	return r;
}

/* Pieces of the table that begin in it; what lies behind the last one proves itself. */
static uint32_t parts_of(const struct seal *s, const struct sweep_piece *p)
{
	uint32_t unit = s->record.piece_sectors, all = commit_pieces(&s->record), first = p->at / unit;

	return first >= all ? 0 : (uint32_t)min_u64(all - first, (p->n_sectors + unit - 1) / unit);
}

int seal_prepare(struct seal *s, struct check_session *session, struct sweep_piece *p)
{
	struct parts *w = p->scratch;
	uint32_t unit = s->record.piece_sectors, n = s->proof ? parts_of(s, p) : 0;

	w->n = n;
	w->unit = unit;
	w->doubtful = s->assumed && s->is_flat;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t piece = p->at / unit + i;
		bool lost;

		if (piece < s->first || piece - s->first >= s->n) {
			int r = take_window(s, piece);

			if (r)
				return r;
		}
		lost = s->lost[(piece - s->first) / DIGESTS_PER_SECTOR];
		memcpy(w->digest[i], s->digests[piece - s->first], SHA256_BYTES);
		w->state[i] = lost ? PART_UNPROVEN : PART_SOUND;
		w->sectors[i] = commit_piece_sectors(&s->record, piece);
		s->assumed_lost |= lost;
		session->table_damaged |= lost && !s->assumed;
	}
	return 0;
}

/* All blocks before its table, or, if that is not known, before its record. */
static void count_unproven(const struct seal *s, struct check_session *session, const struct sweep_piece *p)
{
	uint32_t end = s->assumed ? s->record.table_lba - s->record.start_lba : session->disc.sectors - 1;
	uint32_t n = p->at < end ? (uint32_t)min_u64(end - p->at, p->n_sectors) : 0;

	for (uint32_t i = 0; i < n; i++)
		session->unproven_sectors += !p->bad[i];
}

/* ---- in order ---- */

int seal_in_order(struct seal *s, struct check_session *session, const struct sweep_piece *p, struct ranges *damaged)
{
	uint32_t all = session->disc.sectors - 1, n = p->at < all ? (uint32_t)min_u64(all - p->at, p->n_sectors) : 0;

	s->hashed_sectors += n;
	if (s->proof)
		s->matched_sectors += parts_sound(p);
	if (s->proof)
		return parts_count(p, &session->unproven_sectors, &session->altered_sectors, damaged);
	if (s->md5 && (p->n_bad || p->at != s->read_sectors))
		md5_free(TAKE_PTR(s->md5));
	if (session->ours && s->record_lost)
		count_unproven(s, session, p);
	s->read_sectors = p->at + p->n_sectors;
	if (s->md5)
		return add_md5(s, session, p);
	if (p->n_bad || p->at + n != s->hashed_sectors)
		sha256_free(TAKE_PTR(s->sha256));
	return s->sha256 && n ? sha256_add(s->sha256, p->bytes, (size_t)n * SECTOR_BYTES) : 0;
}

int seal_end(struct seal *s, struct check_session *session)
{
	uint8_t digest[SHA256_BYTES];
	bool all = s->hashed_sectors + 1 == session->disc.sectors;
	int r = s->proof && all ? proof_rest(s->proof) : 0;

	if (s->assumed && s->proof && all)
		judge_assumed(s, session, reader_is_of_blocks(r));
	else
		session->table_damaged |= reader_is_of_blocks(r);
	if (s->proof)
		session->compared = all && !session->unproven_sectors && !session->table_damaged;
	if (session->proof == CHECK_PROOF_MD5)
		session->compared = s->md5 && s->n_held == s->n_tags && !s->record_lost;
	if (s->proof || !s->sha256 || !all)
		return reader_is_of_blocks(r) ? 0 : r;
	if (sha256_end(s->sha256, digest) < 0)
		return -ENOMEM;
	session->compared = true;
	session->differs = memcmp(digest, s->record.sha256, sizeof(digest)) != 0;
	return 0;
}
