/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * verify.c - a session read back from the medium
 *
 * Nothing is needed but the disc, so that it is also what recovery asks: the session exists if its commit record says
 * so.  The caller's thread reads, and fetches from the digest table what it must be; others compare.  What the disc
 * knows to be zeros (a hole of an image) nobody reads: its digest is known.  A session of an older version has one
 * digest over all, which one thread makes.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/own.h"
#include "burner/base/sha256.h"
#include "burner/format/appuse.h"
#include "burner/format/commit_record.h"
#include "burner/format/digest_table.h"
#include "burner/format/geometry.h"
#include "burner/pipe.h"
#include "cdappendfs/burn.h"
#include "cdappendfs/proof.h"

#define AHEAD_SECTORS (8 * PIPE_PIECE_SECTORS)
#define BATCH_DIGESTS 16384u					/* of 1 GiB: a drive has a long way to the table */
#define ZEROS_SECTORS_MAX (BATCH_DIGESTS * PROOF_PIECE_SECTORS) /* longer ones are cut, for progress and cancellation */

/* ---- reading ---- */

/* Length and number of the session by its descriptor, checked against its commit record. */
static int read_commit(struct disc *d, uint32_t start_lba, const uint8_t uuid[16], struct commit_record *ret)
{
	uint8_t sector[SECTOR_BYTES];
	struct commit_record commit;
	struct appuse a;
	int r = start_lba > UINT32_MAX - SESSION_SAVED_DESCRIPTORS ?
			-EBADMSG :
			disc_read(d, start_lba + SESSION_DESCRIPTORS, sector, 1);

	if (r < 0)
		return r;
	if (appuse_decode(sector, &a) < 0 || a.start_lba != start_lba || memcmp(a.uuid, uuid, sizeof(a.uuid)) != 0 ||
	    a.sectors <= SESSION_DESCRIPTORS + 1 || a.sectors > UINT32_MAX - start_lba)
		return -EBADMSG;
	r = disc_read(d, start_lba + a.sectors - 1, sector, 1);
	if (r < 0)
		return r;
	r = commit_record_decode(sector, &commit);
	if (r == -ENOMEM)
		return r;
	if (r < 0 || memcmp(commit.uuid, uuid, sizeof(commit.uuid)) != 0 || commit.start_lba != start_lba ||
	    commit.sectors != a.sectors || commit.number != a.number)
		return -EBADMSG;
	*ret = commit;
	return 0;
}

int burn_session_begins(struct disc *d, uint32_t start_lba, const uint8_t uuid[16])
{
	uint8_t sector[SECTOR_BYTES];
	struct appuse a;
	int r = start_lba > UINT32_MAX - 32 ? -ESTALE : disc_read(d, start_lba + 16, sector, 1);

	if (r)
		return r;
	return appuse_decode(sector, &a) == 0 && a.start_lba == start_lba && memcmp(a.uuid, uuid, sizeof(a.uuid)) == 0 ?
		       0 :
		       -ESTALE;
}

/* POSIX_FADV_DONTNEED, for what is not read past it: what is in the page cache is no proof of what is on the disk. */
static void advise(struct disc *d, uint32_t lba, uint32_t n_sectors, int advice)
{
	int fd = disc_file(d);

	if (fd >= 0)
		posix_fadvise(fd, (off_t)lba * SECTOR_BYTES, (off_t)n_sectors * SECTOR_BYTES, advice);
}

struct range {
	struct disc *disc;
	uint32_t lba, left, ahead; /* sectors; ahead: of lba, that the kernel was told to read */
	bool cached;		   /* it cannot be read past the page cache */
};

static int read_cached(struct range *r, void *buf, uint32_t n_sectors)
{
	if (r->ahead < n_sectors + AHEAD_SECTORS / 2 && r->ahead < r->left) {
		uint32_t n = (uint32_t)min_u64(r->left - r->ahead, AHEAD_SECTORS);

		advise(r->disc, r->lba + r->ahead, n, POSIX_FADV_WILLNEED);
		r->ahead += n;
	}
	r->ahead -= n_sectors;
	return disc_read(r->disc, r->lba, buf, n_sectors);
}

static int read_range(struct range *r, void *buf, uint32_t n)
{
	int result = n && !r->cached ? disc_read_medium(r->disc, r->lba, buf, n) : 0;

	if (result == -EOPNOTSUPP) {
		r->cached = true;
		result = 0;
	}
	if (n && result == 0 && r->cached)
		result = read_cached(r, buf, n);
	r->lba += n;
	r->left -= n;
	return result;
}

static void pass_over(struct range *r, uint32_t n)
{
	r->lba += n;
	r->left -= n;
	r->ahead -= (uint32_t)min_u64(r->ahead, n);
}

/* ---- comparing ---- */

struct verification {
	const struct commit_record *commit;
	struct range range;
	struct proof *proof;
	struct sha256 *all;	       /* of a session without a table */
	uint32_t step;		       /* sectors in a slot: whole pieces */
	uint32_t batch_first, batch_n; /* pieces, whose digests are in batch */
	uint8_t (*batch)[SHA256_BYTES];
	uint8_t (*expected)[SHA256_BYTES]; /* step / piece_sectors of them for each slot */
	pthread_mutex_t lock;
	struct burn_damage damage; /* under the lock: the first piece that differs, if any */
};

static void note_damage(struct verification *v, uint32_t lba, uint32_t n_sectors)
{
	pthread_mutex_lock(&v->lock);
	if (!v->damage.sectors || lba < v->damage.lba)
		v->damage = (struct burn_damage){lba, n_sectors};
	pthread_mutex_unlock(&v->lock);
}

static uint8_t (*slot_of(const struct verification *v, unsigned slot))[SHA256_BYTES]
{
	return v->expected + (size_t)slot * (v->step / v->commit->piece_sectors);
}

/* The digest of one piece, below commit_pieces(). */
static int digest_of(struct verification *v, uint32_t piece, const uint8_t **ret)
{
	int r = 0;

	if (piece - v->batch_first >= v->batch_n) {
		v->batch_first = piece;
		v->batch_n = (uint32_t)min_u64(BATCH_DIGESTS, commit_pieces(v->commit) - piece);
		r = proof_digests(v->proof, piece, v->batch_n, v->batch);
	}
	if (disc_is_damage(r))
		note_damage(v, v->commit->table_lba, v->commit->table_sectors);
	if (r < 0)
		v->batch_n = 0;
	*ret = v->batch[piece - v->batch_first];
	return r;
}

/* Digests of the pieces from sector `at` on, n at most. */
static int fetch(struct verification *v, uint32_t at, uint32_t n, uint8_t (*ret)[SHA256_BYTES])
{
	uint32_t first = at / v->commit->piece_sectors, end = (uint32_t)min_u64(first + n, commit_pieces(v->commit));
	int r = 0;

	for (const uint8_t *digest; first < end && r == 0; first++, ret++) {
		r = digest_of(v, first, &digest);
		if (r == 0)
			memcpy(*ret, digest, SHA256_BYTES);
	}
	return r;
}

/* Whole pieces that the disc knows to be zeros, from here on; where they are few they are read with what follows. */
static uint32_t zeros_ahead(const struct verification *v)
{
	uint32_t n = (uint32_t)min_u64(v->range.left, ZEROS_SECTORS_MAX);

	if (!v->proof || v->commit->piece_sectors != PROOF_PIECE_SECTORS)
		return 0;
	n = disc_zeros(v->range.disc, v->range.lba, n);
	return n < v->step ? 0 : n - n % PROOF_PIECE_SECTORS;
}

static int compare_zeros(struct verification *v, uint32_t at, uint32_t n_sectors)
{
	uint8_t zeros[SHA256_BYTES];
	const uint8_t *digest;
	int r = digest_of_piece(NULL, PROOF_PIECE_SECTORS, zeros);

	for (uint32_t end = at + n_sectors; at < end && r == 0; at += PROOF_PIECE_SECTORS) {
		r = digest_of(v, at / PROOF_PIECE_SECTORS, &digest);
		if (r || memcmp(digest, zeros, sizeof(zeros)) == 0)
			continue;
		note_damage(v, v->commit->start_lba + at, PROOF_PIECE_SECTORS);
		r = -EBADMSG;
	}
	return r;
}

static int fill_from_disc(void *context, struct pipe_piece *piece)
{
	struct verification *v = context;
	uint32_t lba = v->range.lba, zeros = zeros_ahead(v);
	int r = 0;

	piece->at = lba - v->commit->start_lba;
	piece->zeros = zeros > 0;
	piece->n_sectors = zeros ? zeros : (uint32_t)min_u64(v->range.left, v->step);
	if (zeros) {
		pass_over(&v->range, zeros);
		return compare_zeros(v, piece->at, zeros);
	}
	if (piece->n_sectors && v->proof)
		r = fetch(v, piece->at, v->step / v->commit->piece_sectors, slot_of(v, piece->slot));
	if (r < 0)
		return r;
	r = read_range(&v->range, piece->buf, piece->n_sectors);
	if (r == -EIO)
		note_damage(v, lba, piece->n_sectors);
	return r;
}

static int add_to_all(void *context, const struct pipe_piece *piece)
{
	return sha256_add(((struct verification *)context)->all, piece->buf, (size_t)piece->n_sectors * SECTOR_BYTES);
}

static int compare(void *context, const struct pipe_piece *piece)
{
	struct verification *v = context;
	const uint8_t(*expected)[SHA256_BYTES] = (const uint8_t(*)[SHA256_BYTES])slot_of(v, piece->slot);
	int r = 0;

	if (piece->zeros)
		return 0;
	for (uint32_t done = 0, n; done < piece->n_sectors && r == 0; done += n, expected++) {
		uint8_t found[SHA256_BYTES];

		n = (uint32_t)min_u64(piece->n_sectors - done, v->commit->piece_sectors);
		r = digest_of_piece(piece->buf + (size_t)done * SECTOR_BYTES, n, found);
		if (r < 0 || memcmp(found, *expected, sizeof(found)) == 0)
			continue;
		note_damage(v, v->commit->start_lba + piece->at + done, n);
		r = -EBADMSG;
	}
	return r;
}

static void verification_release(struct verification *v)
{
	pthread_mutex_destroy(&v->lock);
	proof_free(v->proof);
	sha256_free(v->all);
	free(v->batch);
	free(v->expected);
}

static int verification_init(struct verification *v, struct disc *d, const struct commit_record *commit)
{
	bool table = commit_has_table(commit);
	uint32_t end = table ? commit->table_lba : commit->start_lba + commit->sectors - 1;
	int r;

	*v = (struct verification){.commit = commit, .step = PIPE_PIECE_SECTORS};
	pthread_mutex_init(&v->lock, NULL);
	v->range = (struct range){.disc = d, .lba = commit->start_lba, .left = end - commit->start_lba};
	if (!table)
		return commit->kind == COMMIT_DIGEST_ALL ? sha256_new(&v->all) : -EOPNOTSUPP;
	v->step -= v->step % commit->piece_sectors;
	v->batch = malloc((size_t)BATCH_DIGESTS * SHA256_BYTES);
	v->expected = malloc((size_t)PIPE_SLOTS * (v->step / commit->piece_sectors) * SHA256_BYTES);
	r = v->batch && v->expected ? proof_open(d, commit, &v->proof) : -ENOMEM;
	return r;
}

static int verify_end(struct verification *v)
{
	uint8_t sha256[SHA256_BYTES];
	int r = v->proof ? proof_rest(v->proof) : sha256_end(v->all, sha256);

	if (r == 0 && v->all && memcmp(sha256, v->commit->sha256, sizeof(sha256)) != 0)
		r = -EBADMSG;
	if (v->proof && disc_is_damage(r))
		note_damage(v, v->commit->table_lba, v->commit->table_sectors);
	return r;
}

static int verify_session(struct disc *d, const struct commit_record *commit, const struct burn_progress *progress,
			  struct burn_damage *ret_damage)
{
	_cleanup_(verification_release) struct verification v;
	int r = verification_init(&v, d, commit);
	const struct pipe_options options = {.fill = fill_from_disc,
					     .digest = v.proof ? compare : add_to_all,
					     .context = &v,
					     .one_digester = !v.proof,
					     .all_sectors = commit->sectors,
					     .progress = progress};

	if (r == 0)
		r = pipe_run(&options);
	if (r == 0)
		r = verify_end(&v);
	if (r < 0)
		*ret_damage = v.damage;
	return r;
}

int burn_verify(struct disc *d, uint32_t start_lba, const uint8_t uuid[16], const struct burn_progress *progress,
		struct burn_damage *ret_damage)
{
	struct burn_damage damage = {0};
	struct commit_record commit;
	int r = read_commit(d, start_lba, uuid, &commit);

	if (r == 0) {
		advise(d, start_lba, commit.sectors, POSIX_FADV_DONTNEED);
		r = read_commit(d, start_lba, uuid, &commit);
	}
	if (r == 0)
		r = verify_session(d, &commit, progress, &damage);
	if (r == 0)
		burn_report(progress, commit.sectors, commit.sectors);
	if (ret_damage)
		*ret_damage = damage;
	return r;
}

int burn_session_is_complete(struct disc *d, uint32_t start_lba, const uint8_t uuid[16])
{
	int r = burn_verify(d, start_lba, uuid, NULL, NULL);

	return r == 0 ? 1 : disc_is_damage(r) ? 0 : r;
}
