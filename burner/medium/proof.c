/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * proof.c - commit records and digest tables, read from a disc and held against each other
 *
 * Of a table no more is kept than a run of its level 0 and one block of each level above: the way from there to the
 * root, which the record proves.
 */
#include "cdappendfs/proof.h"

#include <stdlib.h>

#include "burner/base/own.h"
#include "burner/format/commit_record.h"
#include "burner/format/digest_table.h"
#include "burner/medium/internal.h"

#define RUN_SECTORS 32u /* of level 0: digests of 128 MiB; half of what one block above tells of */

struct kept {
	uint32_t at; /* in its level; UINT32_MAX: nothing */
	uint8_t bytes[SECTOR_BYTES];
};

struct proof {
	struct disc *disc;
	struct commit_record record;
	struct digest_shape shape;
	struct kept above[DIGEST_LEVELS_MAX]; /* of each level but the lowest */
	uint32_t run_at, run_n;		      /* sectors of level 0 in run, proven */
	uint8_t run[RUN_SECTORS * SECTOR_BYTES];
};

int proof_record(struct disc *d, const struct disc_session *session, struct commit_record *ret,
		 uint8_t ret_sha256[PROOF_DIGEST_BYTES])
{
	uint8_t sector[SECTOR_BYTES];
	struct commit_record r;
	int result;

	if (!session->ours || !session->sectors)
		return -ENODATA;
	result = proof_record_at(d, session->start_lba + session->sectors - 1, NULL, sector, &r);
	if (result < 0)
		return result;
	if (r.start_lba != session->start_lba || memcmp(r.uuid, session->uuid, sizeof(r.uuid)) != 0)
		return -EBADMSG;
	if (ret_sha256 && sha256_of(sector, sizeof(sector), ret_sha256) < 0)
		return -ENOMEM;
	*ret = r;
	return 0;
}

int proof_record_at(struct disc *d, uint32_t lba, const uint8_t *sha256, uint8_t sector[SECTOR_BYTES],
		    struct commit_record *ret)
{
	struct commit_record record;
	int r = disc_read(d, lba, sector, 1);

	if (r == 0 && sha256)
		r = sha256_compare(sector, SECTOR_BYTES, sha256);
	if (r < 0)
		return r;
	r = commit_record_decode(sector, &record);
	if (r == -ENOMEM)
		return r;
	if (r < 0 || record.start_lba + (uint64_t)record.sectors != lba + UINT64_C(1))
		return -EBADMSG;
	*ret = record;
	return 0;
}

int proof_own_record(struct disc *d, const struct disc_session *session, struct commit_record *ret,
		     uint8_t ret_sha256[PROOF_DIGEST_BYTES])
{
	struct disc_session s = *session;

	s.ours = true;
	return s.sectors ? proof_record(d, &s, ret, ret_sha256) : -EBADMSG;
}

int proof_previous(struct disc *d, const struct commit_record *newer, struct commit_record *ret)
{
	uint8_t sector[SECTOR_BYTES];

	if (!commit_has_table(newer) || !newer->previous_lba)
		return -ENODATA;
	return proof_record_at(d, newer->previous_lba, newer->previous_sha256, sector, ret);
}

int proof_chain(struct disc *d, const struct commit_record *newer)
{
	struct commit_record older;
	int r = proof_previous(d, newer, &older);

	return r == -ENODATA ? 0 : r;
}

int proof_descriptors(struct disc *d, const struct commit_record *record)
{
	uint32_t n = commit_has_table(record) ? commit_piece_sectors(record, 0) : 0;
	_free_ uint8_t *piece = malloc((size_t)n * SECTOR_BYTES + 1);
	int r = !piece ? -ENOMEM : n ? disc_read(d, record->start_lba, piece, n) : 0;

	if (r < 0 || !n)
		return r;
	return sha256_compare(piece, (size_t)n * SECTOR_BYTES, record->descriptors_sha256);
}

/* ---- tables ---- */

int proof_open(struct disc *d, const struct commit_record *record, struct proof **ret)
{
	struct proof *p;

	if (!commit_has_table(record))
		return -EINVAL;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->disc = d;
	p->record = *record;
	p->shape = digest_table_shape(commit_pieces(record));
	for (unsigned i = 0; i < DIGEST_LEVELS_MAX; i++)
		p->above[i].at = UINT32_MAX;
	*ret = p;
	return 0;
}

void proof_free(struct proof *p) { free(p); }

static int read_table(struct proof *p, unsigned level, uint32_t at, uint8_t *buf, uint32_t n)
{
	return disc_read(p->disc, p->record.table_lba + p->shape.first[level] + at, buf, n);
}

/* The digest that sector `at` of a level must have: what is above it is proven first, from the root down. */
static int expected(struct proof *p, unsigned level, uint32_t at, uint8_t ret[SHA256_BYTES])
{
	uint32_t path[DIGEST_LEVELS_MAX] = {at};
	unsigned top = p->shape.n_levels - 1;
	int r = 0;

	memcpy(ret, p->record.sha256, SHA256_BYTES);
	for (unsigned l = level + 1; l <= top; l++)
		path[l - level] = path[l - level - 1] / DIGESTS_PER_SECTOR;
	for (unsigned l = top; l > level && r == 0; l--) {
		struct kept *k = &p->above[l];
		uint32_t wanted = path[l - level];

		if (k->at != wanted) {
			k->at = UINT32_MAX;
			r = read_table(p, l, wanted, k->bytes, 1);
			if (r == 0)
				r = sha256_compare(k->bytes, SECTOR_BYTES, ret);
			if (r < 0)
				break;
			k->at = wanted;
		}
		memcpy(ret, k->bytes + path[l - level - 1] % DIGESTS_PER_SECTOR * SHA256_BYTES, SHA256_BYTES);
	}
	return r;
}

/* Sectors of level 0, from `at` on; n at most. */
static int take_run(struct proof *p, uint32_t at, uint32_t n)
{
	uint8_t sha256[SHA256_BYTES];
	int r;

	p->run_n = 0;
	n = (uint32_t)min_u64(n, RUN_SECTORS);
	r = read_table(p, 0, at, p->run, n);
	for (uint32_t i = 0; i < n && r == 0; i++) {
		r = expected(p, 0, at + i, sha256);
		if (r == 0)
			r = sha256_compare(p->run + (size_t)i * SECTOR_BYTES, SECTOR_BYTES, sha256);
	}
	if (r == 0) {
		p->run_at = at;
		p->run_n = n;
	}
	return r;
}

int proof_digests(struct proof *p, uint32_t first, uint32_t n, uint8_t (*ret)[PROOF_DIGEST_BYTES])
{
	uint32_t pieces = commit_pieces(&p->record);

	if (first > pieces || n > pieces - first)
		return -EINVAL;
	while (n > 0) {
		uint32_t at = first / DIGESTS_PER_SECTOR, end = (first + n - 1) / DIGESTS_PER_SECTOR + 1, have;

		if (at < p->run_at || at - p->run_at >= p->run_n) {
			int r = take_run(p, at, end - at);

			if (r < 0)
				return r;
		}
		have = (uint32_t)min_u64(n, (uint64_t)(p->run_at + p->run_n) * DIGESTS_PER_SECTOR - first);
		memcpy(ret, p->run + (size_t)(first - p->run_at * DIGESTS_PER_SECTOR) * SHA256_BYTES,
		       (size_t)have * SHA256_BYTES);
		first += have;
		ret += have;
		n -= have;
	}
	return 0;
}

int proof_read(struct proof *p, uint32_t piece, uint8_t *buf)
{
	uint32_t n = commit_piece_sectors(&p->record, piece);
	uint8_t expected[1][SHA256_BYTES];
	int r = proof_digests(p, piece, 1, expected);

	if (r == 0)
		r = disc_read(p->disc, p->record.start_lba + piece * p->record.piece_sectors, buf, n);
	return r ? r : sha256_compare(buf, (size_t)n * SECTOR_BYTES, expected[0]);
}

int proof_rest(struct proof *p)
{
	uint8_t sector[SECTOR_BYTES], first[1][SHA256_BYTES];
	int r = proof_digests(p, 0, 1, first);

	if (r == 0 && memcmp(first[0], p->record.descriptors_sha256, SHA256_BYTES) != 0)
		r = -EBADMSG;
	for (uint32_t i = p->shape.sectors; i < p->record.table_sectors && r == 0; i++) {
		r = disc_read(p->disc, p->record.table_lba + i, sector, 1);
		if (r == 0 && !bytes_are_zeros(sector, sizeof(sector)))
			r = -EBADMSG;
	}
	return r;
}
