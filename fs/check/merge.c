/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * merge.c - of several copies one
 *
 * Commit records prove themselves and name the one before, so they are found whatever else is damaged: the newest by
 * the sessions of a copy or at its end, the others by the chain.  A record proves its table from the root down, the
 * table each piece.  Then the image is made in the order of the disc.  At last the head is made sure of, which nothing
 * proves: it has to lead to the newest session.
 *
 * The image has no name of its own before merge_publish(): another one, which is taken away otherwise.
 */
#include "fs/check/merge.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "burner/base/io.h"
#include "burner/base/why.h"
#include "burner/format/digest_table.h"
#include "burner/format/geometry.h"
#include "fs/check/internal.h"

#define RECORDS_MAX 65536u

struct known_record {
	struct commit_record record;
	uint32_t lba;
};

struct merge {
	char *out, *temporary;
	struct copy image; /* what is made */
	bool made;	   /* the temporary file is there */
	struct copy copies[COPIES_MAX];
	size_t n_copies;
	struct mixing mixing;
	struct known_record *records; /* the newest first while they are found, then the oldest */
	size_t n_records, capacity;
	uint64_t end_sectors;
	struct merge_report *report;
	uint64_t taken[COPIES_MAX];
	const struct burn_progress *progress;
};

void merge_free(struct merge *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->n_copies; i++)
		copy_release(&m->copies[i]);
	mixing_release(&m->mixing);
	copy_release(&m->image);
	if (m->made)
		unlink(m->temporary);
	free(m->records);
	free(m->temporary);
	free(m->out);
	free(m);
}

int merge_open(const char *out, struct merge **ret, char **ret_why)
{
	_cleanup_(merge_freep) struct merge *m = calloc(1, sizeof(*m));
	struct stat st;
	int fd;

	if (!m || !(m->out = strdup(out)) || asprintf(&m->temporary, "%s.merging", out) < 0)
		return -ENOMEM;
	copy_init(&m->image, -1, 0);
	if (lstat(out, &st) == 0)
		return why_set(ret_why, -EEXIST, "%s: it is there already: give another name, or remove it", out);
	fd = open(m->temporary, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 && errno == EEXIST)
		return why_set(ret_why, -EEXIST,
			       "%s: a merge that was cut off has left it, or one is under way: remove it",
			       m->temporary);
	if (fd < 0)
		return why_set(ret_why, -errno, "%s: %s", m->temporary, strerror(errno));
	m->made = true;
	copy_init(&m->image, fd, 0);
	*ret = TAKE_PTR(m);
	return 0;
}

int merge_add_copy(struct merge *m, const char *path, const char *map, char **ret_why)
{
	struct copy *c = &m->copies[m->n_copies];
	int r;

	if (m->n_copies == COPIES_MAX)
		return why_set(ret_why, -E2BIG, "%s: %u copies are the most", path, COPIES_MAX);
	r = copy_open(path, map, c, ret_why);
	for (size_t i = 0; i < m->n_copies && !r; i++)
		if (m->copies[i].dev == c->dev && m->copies[i].ino == c->ino)
			r = why_set(ret_why, -EINVAL, "%s: that is %s as well, one file: give it once", path,
				    m->copies[i].path);
	m->n_copies++;
	m->end_sectors = max_u64(m->end_sectors, c->sectors);
	return r;
}

const char *merge_path(const struct merge *m) { return m->temporary; }

/* ---- records ---- */

static const struct known_record *record_at(const struct merge *m, uint64_t lba)
{
	for (size_t i = 0; i < m->n_records; i++)
		if (m->records[i].lba == lba)
			return &m->records[i];
	return NULL;
}

static int keep_record(struct merge *m, uint32_t lba, const struct commit_record *record,
		       const uint8_t sector[SECTOR_BYTES])
{
	if (m->n_records == RECORDS_MAX)
		return -EFBIG;
	if (m->n_records == m->capacity) {
		size_t capacity = m->capacity ? 2 * m->capacity : 64;
		struct known_record *grown = reallocarray(m->records, capacity, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		m->records = grown;
		m->capacity = capacity;
	}
	m->records[m->n_records++] = (struct known_record){*record, lba};
	return pwrite_full(m->image.fd, sector, SECTOR_BYTES, (uint64_t)lba * SECTOR_BYTES, NULL);
}

/* One that is to be there; sha256 of its block, or NULL.  -ESTALE: it is another one in two copies. */
static int take_record(struct merge *m, uint64_t lba, const uint8_t *sha256, char **ret_why)
{
	uint8_t kept[SECTOR_BYTES], sector[SECTOR_BYTES], digest[SHA256_BYTES];
	struct commit_record record, other;
	const char *from = NULL;

	if (lba >= m->end_sectors || lba > UINT32_MAX || record_at(m, lba))
		return 0;
	for (size_t i = 0; i < m->n_copies; i++) {
		int r = disc_read(&m->copies[i].disc, (uint32_t)lba, sector, 1);

		if (r && !reader_is_of_blocks(r))
			return r;
		if (!r && (r = commit_record_decode(sector, &other)) == -ENOMEM)
			return r;
		if (r || (uint64_t)other.start_lba + other.sectors - 1 != lba)
			continue;
		if (sha256 &&
		    (sha256_of(sector, sizeof(sector), digest) || memcmp(digest, sha256, sizeof(digest)) != 0))
			continue;
		if (from && memcmp(kept, sector, sizeof(kept)) != 0)
			return why_set(
				ret_why, -ESTALE,
				"%s and %s are not copies of one disc: they have different sessions that end at block "
				"%" PRIu64,
				from, m->copies[i].path, lba);
		from = m->copies[i].path;
		record = other;
		memcpy(kept, sector, sizeof(kept));
	}
	return from ? keep_record(m, (uint32_t)lba, &record, kept) : 0;
}

/* From the newest one back, as far as each is there. */
static int follow_chain(struct merge *m, char **ret_why)
{
	int r = 0;

	for (size_t i = 0; i < m->n_records && !r; i++) {
		struct commit_record record = m->records[i].record; /* they move */

		if (commit_has_table(&record) && record.previous_lba)
			r = take_record(m, record.previous_lba, record.previous_sha256, ret_why);
	}
	return r;
}

/* By the sessions that a copy shows, and at its end. */
static int find_records(struct merge *m, const struct copy *copy, char **ret_why)
{
	_cleanup_(disc_closep) struct disc *disc = NULL;
	_free_ struct disc_session *sessions = NULL;
	const struct disc_open_options how = {.unbounded = false};
	size_t n = 0;
	int r = copy->sectors ? take_record(m, copy->sectors - 1, NULL, ret_why) : 0;

	if (!r && disc_open_path(copy->path, &how, &disc, NULL) == 0 && disc_sessions(disc, &sessions, &n) == 0)
		for (size_t i = 0; i < n && !r; i++)
			if (sessions[i].sectors)
				r = take_record(m, (uint64_t)sessions[i].start_lba + sessions[i].sectors - 1, NULL,
						ret_why);
	return r;
}

static int compare_records(const void *a, const void *b)
{
	const struct known_record *x = a, *y = b;

	return (x->lba > y->lba) - (x->lba < y->lba);
}

static int find_all_records(struct merge *m, char **ret_why)
{
	int r = 0;

	for (size_t i = 0; i < m->n_copies && !r; i++)
		r = find_records(m, &m->copies[i], ret_why);
	if (!r)
		r = follow_chain(m, ret_why);
	if (!r && m->n_records)
		qsort(m->records, m->n_records, sizeof(*m->records), compare_records);
	return r;
}

/* ---- tables ---- */

static int put(struct merge *m, uint32_t lba, const void *bytes, uint32_t n)
{
	return pwrite_full(m->image.fd, bytes, (size_t)n * SECTOR_BYTES, (uint64_t)lba * SECTOR_BYTES, NULL);
}

/* The block of a table with that digest, from whichever copy has it; in none, it stays zeros. */
static int take_block(struct merge *m, uint32_t lba, const uint8_t sha256[SHA256_BYTES])
{
	uint8_t sector[SECTOR_BYTES], digest[SHA256_BYTES];

	for (size_t i = 0; i < m->n_copies; i++) {
		int r = disc_read(&m->copies[i].disc, lba, sector, 1);

		if (r && !reader_is_of_blocks(r))
			return r;
		if (!r && sha256_of(sector, sizeof(sector), digest))
			return -ENOMEM;
		if (!r && memcmp(digest, sha256, sizeof(digest)) == 0)
			return put(m, lba, sector, 1);
	}
	return 0;
}

/* From the root down: each block proves those below it. */
static int take_table(struct merge *m, const struct commit_record *record)
{
	struct digest_shape shape = digest_table_shape(commit_pieces(record));
	uint8_t above[SECTOR_BYTES];
	uint32_t root = record->table_lba + shape.first[shape.n_levels - 1];
	int r = take_block(m, root, record->sha256);

	for (unsigned level = shape.n_levels - 1; level-- > 0 && !r;)
		for (uint32_t i = 0; i < shape.n[level] && !r; i++) {
			if (i % DIGESTS_PER_SECTOR == 0)
				r = pread_full(m->image.fd, above, sizeof(above),
					       (uint64_t)(record->table_lba + shape.first[level + 1] +
							  i / DIGESTS_PER_SECTOR) *
						       SECTOR_BYTES,
					       NULL);
			if (!r)
				r = take_block(m, record->table_lba + shape.first[level] + i,
					       above + (size_t)(i % DIGESTS_PER_SECTOR) * SHA256_BYTES);
		}
	return r;
}

/* ---- pieces ---- */

static int tell(struct merge *m, uint64_t at)
{
	const struct burn_progress *p = m->progress;

	if (p && p->report)
		p->report(p->context, at, m->end_sectors);
	return p && p->cancelled && p->cancelled(p->context) ? -ECANCELED : 0;
}

/* What the mixing has made; right: it is proven. */
static int put_piece(struct merge *m, bool right)
{
	const struct mixing *x = &m->mixing;
	uint32_t lost = 0;
	int r = 0;

	for (uint32_t i = 0; i < x->n && !r; i++) {
		if (x->taken[i] < m->n_copies) {
			m->taken[x->taken[i]]++;
			continue;
		}
		lost++;
		r = mapfile_add(&m->image.map, (uint64_t)(x->lba + i) * SECTOR_BYTES, SECTOR_BYTES);
	}
	m->report->lost_sectors += lost || right ? lost : x->n;
	return r ? r : put(m, x->lba, x->made, x->n);
}

static int merge_pieces(struct merge *m, const struct commit_record *record)
{
	_cleanup_(proof_freep) struct proof *proof = NULL;
	uint32_t n = commit_pieces(record);
	int r = proof_open(&m->image.disc, record, &proof);

	for (uint32_t i = 0; i < n && !r; i++) {
		uint32_t lba = record->start_lba + i * record->piece_sectors, undecided = 0;
		uint8_t digest[1][SHA256_BYTES];
		int right;

		r = proof_digests(proof, i, 1, digest);
		if (reader_is_of_blocks(r))
			right = mixing_any(&m->mixing, lba, commit_piece_sectors(record, i), &undecided);
		else
			right = r ? r : mixing_piece(&m->mixing, lba, commit_piece_sectors(record, i), digest[0]);
		r = right < 0 ? right : put_piece(m, right > 0);
		if (!r)
			r = tell(m, lba);
	}
	return r;
}

/* Blocks that no table tells of. */
static int merge_others(struct merge *m, uint64_t from, uint64_t to)
{
	int r = 0;

	while (from < to && !r) {
		uint32_t n = (uint32_t)min_u64(to - from, SWEEP_PIECE_SECTORS), undecided = 0;

		r = mixing_any(&m->mixing, (uint32_t)from, n, &undecided);
		if (from >= FIRST_SESSION_LBA)
			m->report->undecided_sectors += undecided;
		if (!r)
			r = put_piece(m, true);
		if (!r)
			r = tell(m, from);
		from += n;
	}
	return r;
}

static int merge_all(struct merge *m)
{
	uint64_t at = 0;
	int r = merge_others(m, 0, min_u64(FIRST_SESSION_LBA, m->end_sectors));

	at = FIRST_SESSION_LBA;
	for (size_t i = 0; i < m->n_records && !r; i++) {
		const struct commit_record *c = &m->records[i].record;

		if (!commit_has_table(c) || c->start_lba < at)
			continue;
		r = merge_others(m, at, c->start_lba);
		if (!r)
			r = take_table(m, c);
		if (!r)
			r = merge_pieces(m, c);
		at = (uint64_t)c->start_lba + c->sectors;
	}
	return r ? r : merge_others(m, at, m->end_sectors);
}

/* ---- the head ---- */

/* 1: the image's head leads to the newest session that is known. */
static int head_leads(const struct merge *m)
{
	_cleanup_(disc_closep) struct disc *disc = NULL;
	_free_ struct disc_session *sessions = NULL;
	const struct disc_open_options how = {.unbounded = false};
	size_t n = 0;

	if (disc_open_path(m->temporary, &how, &disc, NULL) < 0 || disc_sessions(disc, &sessions, &n) < 0)
		return 0;
	return !m->n_records ||
	       (n && (uint64_t)sessions[n - 1].start_lba + sessions[n - 1].sectors > m->records[m->n_records - 1].lba);
}

static int mend_head(struct merge *m)
{
	uint8_t head[DESCRIPTORS_SECTORS * SECTOR_BYTES];
	int leads = head_leads(m), r = 0;

	for (size_t i = 0; i < m->n_copies && !leads && !r; i++) {
		if (disc_read(&m->copies[i].disc, DESCRIPTORS_LBA, head, DESCRIPTORS_SECTORS))
			continue;
		r = put(m, DESCRIPTORS_LBA, head, DESCRIPTORS_SECTORS);
		leads = r ? r : head_leads(m);
	}
	return r;
}

int merge_run(struct merge *m, const struct burn_progress *progress, struct merge_report *ret, char **ret_why)
{
	int r = mixing_init(&m->mixing, m->copies, m->n_copies);

	*ret = (struct merge_report){.taken_sectors = m->taken};
	m->report = ret;
	m->progress = progress;
	m->image.sectors = m->end_sectors = min_u64(m->end_sectors, UINT32_MAX);
	if (!r && ftruncate(m->image.fd, (off_t)(m->end_sectors * SECTOR_BYTES)))
		r = -errno;
	if (!r)
		r = find_all_records(m, ret_why);
	if (!r)
		r = merge_all(m);
	if (!r)
		r = mend_head(m);
	if (!r && fsync(m->image.fd))
		r = -errno;
	return r;
}

const struct mapfile *merge_lost(const struct merge *m) { return &m->image.map; }

int merge_publish(struct merge *m, char **ret_why)
{
	int r = renameat2(AT_FDCWD, m->temporary, AT_FDCWD, m->out, RENAME_NOREPLACE) ? -errno : 0;

	if (r == -EINVAL || r == -ENOSYS) /* a file system that does not know it */
		r = link(m->temporary, m->out) ? -errno : unlink(m->temporary) ? -errno : 0;
	if (r)
		return why_set(ret_why, r, "%s: %s", m->out,
			       r == -EEXIST ? "somebody has made one meanwhile; it was not overwritten" : strerror(-r));
	m->made = false;
	return fsync_parent(m->out);
}
