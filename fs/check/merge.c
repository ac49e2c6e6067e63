/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * merge.c - of several copies one
 *
 * Commit records prove themselves and name the one before, so they are found whatever else is damaged: the newest by
 * the sessions of a copy or at its end, the others by the chain.  A record proves its table from the root down, the
 * table each piece; some of a session's pieces prove blocks of other programs.  Then the image is made in the order of
 * the disc.  At last the head is made sure of: of all that there are the one that leads to the newest session, and then
 * what that proves of it.
 */
#include "fs/check/merge.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "burner/base/grow.h"
#include "burner/base/io.h"
#include "burner/base/new_file.h"
#include "burner/base/why.h"
#include "burner/format/digest_table.h"
#include "burner/format/geometry.h"
#include "burner/format/volume_descriptor.h"
#include "fs/check/internal.h"

#define RECORDS_MAX 65536u

struct known_record {
	struct commit_record record;
	uint32_t lba;
};

struct merge {
	struct new_file file;
	struct copy image; /* what is made */
	struct copy copies[COPIES_MAX];
	size_t n_copies;
	struct mixing mixing;
	struct adopted *adopted;      /* what they say of blocks that no table of theirs tells of */
	struct known_record *records; /* the newest first while they are found, then the oldest */
	size_t n_records, capacity;
	uint64_t end_sectors;
	struct merge_report *report;
	uint64_t head_lost, head_undecided; /* of the report's blocks, those of the head */
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
	if (m->adopted)
		adopted_free(m->adopted);
	copy_release(&m->image);
	new_file_release(&m->file);
	free(m->records);
	free(m);
}

int merge_open(const char *out, struct merge **ret, char **ret_why)
{
	_cleanup_(merge_freep) struct merge *m = calloc(1, sizeof(*m));
	int r, fd;

	if (!m)
		return -ENOMEM;
	copy_init(&m->image, -1, 0);
	r = new_file_begin(out, &m->file, ret_why);
	if (r)
		return r;
	fd = fcntl(m->file.fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
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

const char *merge_path(const struct merge *m) { return m->file.temporary; }

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
	if (grow(&m->records, &m->capacity, m->n_records, sizeof(*m->records)))
		return -ENOMEM;
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

/* What a file shows as a disc; none where it is too damaged for that.  -ENOMEM, -EMFILE, -ENFILE: that is not known. */
static int sessions_of(const char *path, struct disc_session **ret, size_t *ret_n)
{
	_cleanup_(disc_closep) struct disc *disc = NULL;
	const struct disc_open_options how = {.unbounded = false};
	int r = disc_open_path(path, &how, &disc, NULL);

	*ret = NULL;
	*ret_n = 0;
	if (!r)
		r = disc_sessions(disc, ret, ret_n);
	return r == -ENOMEM || r == -EMFILE || r == -ENFILE ? r : 0;
}

/* By the sessions that a copy shows, and at its end. */
static int find_records(struct merge *m, const struct copy *copy, char **ret_why)
{
	_free_ struct disc_session *sessions = NULL;
	size_t n = 0;
	int r = copy->sectors ? take_record(m, copy->sectors - 1, NULL, ret_why) : 0;

	if (!r)
		r = sessions_of(copy->path, &sessions, &n);
	for (size_t i = 0; i < n && !r; i++)
		if (sessions[i].sectors)
			r = take_record(m, (uint64_t)sessions[i].start_lba + sessions[i].sectors - 1, NULL, ret_why);
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
	burn_report(m->progress, at, m->end_sectors);
	return burn_is_cancelled(m->progress) ? -ECANCELED : 0;
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

/* A session's adoption table comes before all else: it is of what lies below. */
static int take_adoption(struct merge *m, const struct commit_record *record)
{
	_cleanup_(proof_freep) struct proof *proof = NULL;
	uint32_t unit = record->piece_sectors, from = record->adoption_lba - record->start_lba, at = from / unit,
		 end = (from + record->adoption_sectors - 1) / unit + 1;
	int r = take_table(m, record);

	if (!r)
		r = proof_open(&m->image.disc, record, &proof);
	for (; at < end && !r; at++) {
		uint32_t n = commit_piece_sectors(record, at), lba = record->start_lba + at * unit;
		uint8_t digest[1][SHA256_BYTES];

		r = proof_digests(proof, at, 1, digest);
		if (!r)
			r = mixing_piece(&m->mixing, lba, n, digest[0]);
		r = r > 0 ? put(m, lba, m->mixing.made, n) : reader_is_of_blocks(r) ? 0 : r;
	}
	if (!r)
		r = adopted_add(m->adopted, record);
	return reader_is_of_blocks(r) ? 0 : r;
}

static int take_adoptions(struct merge *m)
{
	int r = adopted_new(&m->image.disc, FIRST_SESSION_LBA, &m->adopted);

	for (size_t i = m->n_records; i-- > 0 && !r;)
		if (m->records[i].record.adoption_sectors)
			r = take_adoption(m, &m->records[i].record);
	return r;
}

/* 1, or an error. */
static int mix_unproven(struct merge *m, uint32_t lba, uint32_t n)
{
	uint32_t undecided = 0;
	int r = mixing_any(&m->mixing, lba, n, &undecided);

	m->report->undecided_sectors += undecided;
	return r ? r : 1;
}

/* *ret_right: it is, or nothing says what is right. */
static int mix_other(struct merge *m, uint64_t lba, uint32_t n, bool adopted, bool *ret_right)
{
	uint8_t digest[SHA256_BYTES];
	uint32_t piece, sectors;
	int r = adopted ? adopted_digest(m->adopted, (uint32_t)lba, digest, &piece, &sectors) : -ENODATA;

	if (!r)
		r = mixing_piece(&m->mixing, (uint32_t)lba, n, digest);
	else if (r == -ENODATA || reader_is_of_blocks(r))
		r = mix_unproven(m, (uint32_t)lba, n);
	*ret_right = r > 0;
	return r < 0 ? r : 0;
}

/* Blocks that no table of their session tells of. */
static int merge_others(struct merge *m, uint64_t from, uint64_t to)
{
	bool adopted, right;
	uint32_t n;
	int r = 0;

	for (; from < to && !r; from += n) {
		n = (uint32_t)min_u64(adoption_stretch(m->adopted, from, to, &adopted), SWEEP_PIECE_SECTORS);
		n = (uint32_t)min_u64(n, adopted ? ADOPTED_PIECE_SECTORS : n);
		r = mix_other(m, from, n, adopted, &right);
		if (!r)
			r = put_piece(m, right);
		if (!r)
			r = tell(m, from);
	}
	return r;
}

/* Nothing but a head lies before its first session. */
static bool begins_with_ours(const struct merge *m)
{
	return m->n_records && m->records[0].record.start_lba == FIRST_SESSION_LBA;
}

static bool is_descriptor(const struct merge *m, size_t copy)
{
	static const uint8_t mark[] = {'C', 'D', '0', '0', '1'};

	return !m->mixing.from[copy].bad[0] && !memcmp(m->mixing.from[copy].bytes + 1, mark, sizeof(mark));
}

/*
 * What lies before the first session that can be proven: 16 blocks that no session of ours has to do with, and the
 * head, which is the newer the newer a copy is.  Where another program began the disc, what else is among the blocks of
 * the head is of files; such a block of ours is a descriptor, or empty.
 */
static int merge_beginning(struct merge *m)
{
	bool ours = begins_with_ours(m);
	uint64_t end = min_u64(FIRST_SESSION_LBA, m->end_sectors);
	int r = 0;

	for (uint32_t lba = 0; lba < end && !r; lba++) {
		uint32_t undecided = 0;
		uint64_t lost = m->report->lost_sectors;
		bool is_head = lba >= DESCRIPTORS_LBA && ours;

		r = mixing_any(&m->mixing, lba, 1, &undecided);
		for (size_t i = 0; i < m->n_copies && lba >= DESCRIPTORS_LBA && m->n_records && !r; i++)
			is_head |= is_descriptor(m, i);
		if (!r && !is_head)
			*(ours ? &m->report->undecided_boot : &m->report->undecided_sectors) += undecided;
		if (!r)
			r = put_piece(m, true);
		if (lba >= DESCRIPTORS_LBA) {
			m->head_lost += m->report->lost_sectors - lost;
			m->head_undecided += is_head ? 0 : undecided;
		}
	}
	return r;
}

static int merge_all(struct merge *m)
{
	uint64_t at = 0;
	int r = merge_beginning(m);

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

/* Where the session ends that the image's head leads to; 0: it leads nowhere. */
static int head_leads(const struct merge *m, uint64_t *ret)
{
	_free_ struct disc_session *sessions = NULL;
	uint8_t head[SECTOR_BYTES];
	size_t n = 0;
	int r = pread_full(m->image.fd, head, sizeof(head), (uint64_t)DESCRIPTORS_LBA * SECTOR_BYTES, NULL);

	*ret = 0;
	if (r || !descriptor_is_any_primary(head))
		return r; /* sessions are found without it, too, but a mount writes none above them */
	r = sessions_of(m->file.temporary, &sessions, &n);
	if (n)
		*ret = (uint64_t)sessions[n - 1].start_lba + sessions[n - 1].sectors;
	return r;
}

/* That of a copy, with what of `made` cannot be read in it. False: nothing of it can be. */
static bool head_of(struct merge *m, size_t copy, const uint8_t *made, uint8_t *ret)
{
	bool any = false;

	for (uint32_t i = 0; i < DESCRIPTORS_SECTORS; i++) {
		uint8_t *to = ret + (size_t)i * SECTOR_BYTES;
		bool is_read = !disc_read(&m->copies[copy].disc, DESCRIPTORS_LBA + i, to, 1);

		if (!is_read)
			memcpy(to, made + (size_t)i * SECTOR_BYTES, SECTOR_BYTES);
		any |= is_read;
	}
	return any;
}

/* The one that leads further than that before becomes the best. */
static int try_head(struct merge *m, const uint8_t head[DISC_HEAD_BYTES], uint64_t *most, uint8_t best[DISC_HEAD_BYTES])
{
	uint64_t leads = 0;
	int r = put(m, DESCRIPTORS_LBA, head, DESCRIPTORS_SECTORS);

	if (!r)
		r = head_leads(m, &leads);
	if (!r && leads > *most) {
		*most = leads;
		memcpy(best, head, DISC_HEAD_BYTES);
	}
	return r;
}

/* What the sessions prove of it is right, whatever the copies have, and nothing of it is lost. */
static int put_proven_head(struct merge *m)
{
	_free_ struct disc_session *sessions = NULL;
	uint8_t head[DISC_HEAD_BYTES];
	size_t n = 0;
	int r = sessions_of(m->file.temporary, &sessions, &n);

	if (!r)
		r = proof_head(&m->image.disc, sessions, n, head);
	if (!r)
		r = proof_head_hides(&m->image.disc, &sessions[n - 1]) ? -ENODATA : 0;
	if (!r)
		r = mapfile_fill(&m->image.map, (uint64_t)DESCRIPTORS_LBA * SECTOR_BYTES, DISC_HEAD_BYTES);
	if (r)
		return r == -ENODATA ? 0 : r;
	m->report->lost_sectors -= m->head_lost;
	m->report->undecided_sectors -= m->head_undecided;
	return put(m, DESCRIPTORS_LBA, head, DESCRIPTORS_SECTORS);
}

/* What was made of all copies stays, unless another leads further: that of a copy, or as the newest session says. */
static int mend_head(struct merge *m)
{
	const struct known_record *newest = m->n_records ? &m->records[m->n_records - 1] : NULL;
	uint8_t made[DISC_HEAD_BYTES], best[DISC_HEAD_BYTES], head[DISC_HEAD_BYTES];
	uint64_t wanted = newest ? newest->lba + UINT64_C(1) : 1, most = 0;
	int r;

	if (m->end_sectors < FIRST_SESSION_LBA)
		return 0;
	r = pread_full(m->image.fd, made, sizeof(made), (uint64_t)DESCRIPTORS_LBA * SECTOR_BYTES, NULL);
	memcpy(best, made, sizeof(best));
	if (!r)
		r = head_leads(m, &most);
	for (size_t i = 0; i < m->n_copies && most < wanted && !r; i++)
		if (head_of(m, i, made, head))
			r = try_head(m, head, &most, best);
	if (!r && most < wanted && begins_with_ours(m) &&
	    burn_head(&m->image.disc, newest->record.start_lba, head) == 0)
		r = try_head(m, head, &most, best);
	if (!r)
		r = put(m, DESCRIPTORS_LBA, best, DESCRIPTORS_SECTORS);
	return r ? r : put_proven_head(m);
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
		r = take_adoptions(m);
	if (!r)
		r = merge_all(m);
	return r ? r : mend_head(m);
}

const struct mapfile *merge_lost(const struct merge *m) { return &m->image.map; }

int merge_publish(struct merge *m, char **ret_why) { return new_file_publish(&m->file, ret_why); }
