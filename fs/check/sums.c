/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sums.c - which files of a damaged session are altered, by the MD5 sums that libisofs has of files
 *
 * Tags tell in which of three parts a session differs.  So only where one does, or cannot be compared, its files are
 * read again, each once and by itself.  Sums are looked for in all trees, the newest first: there they are for files of
 * older sessions, too, and what has no name any more has one in an older tree.  Ranges of the files are noted as
 * altered, as whole files: it is not known where in them.
 */
#include "fs/check/internal.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "burner/base/bulk.h"
#include "burner/base/idset.h"

#define PIECE_BYTES (1u << 20)

struct summing {
	const struct sums_asked *asked;
	struct iso *iso;
	uint8_t *sums;	       /* of the tree at hand */
	uint32_t n;	       /* of them, those of files and entry 0 */
	struct idset met;      /* first blocks of files that were compared */
	struct ranges altered; /* of this tree, and what cannot be read any more */
	uint8_t *buf;
};

static bool is_in_doubt(const struct check_session *s, const struct seal *seal)
{
	if (s->verdict == CHECK_FAILED_BURN || s->read_sectors == 0)
		return false;
	if (s->ours)
		return seal->record_lost || s->table_damaged;
	return s->proof == CHECK_PROOF_NONE || !s->compared || s->differs;
}

/* Does the first byte lie in a session of which it is not known whether it is what it was? */
static bool is_looked_at(const struct summing *s, const struct iso_entry *e)
{
	const struct sums_asked *a = s->asked;
	uint64_t lba = e->extents[0].pos / SECTOR_BYTES, hit[4] = {0}, first;

	for (uint32_t i = 0; i < e->n_extents; i++)
		if (ranges_hit(a->ranges, e->extents[i].pos, e->extents[i].length, hit, &first))
			return false; /* it is told anyway */
	for (size_t i = 0; i < a->n_sessions; i++) {
		const struct disc_session *d = &a->sessions[i].disc;

		if (lba >= d->start_lba && lba - d->start_lba < d->sectors)
			return is_in_doubt(&a->sessions[i], &a->seals[i]);
	}
	return false;
}

/* What could be read before and is not there now, block by block.  1: some are not, as is the sum. */
static int note_unreadable(struct summing *s, uint64_t pos, uint64_t bytes)
{
	struct reader reader = {.disc = s->asked->disc, .exact = true};
	uint32_t lba = (uint32_t)(pos / SECTOR_BYTES), n = (uint32_t)((pos % SECTOR_BYTES + bytes) / SECTOR_BYTES),
		 n_bad;
	uint8_t sector[SECTOR_BYTES], bad[1];
	int r = 0;

	n += (pos + bytes) % SECTOR_BYTES != 0;
	for (uint32_t i = 0; i < n && !r; i++) {
		r = reader_fill(&reader, lba + i, 1, sector, bad, &n_bad);
		if (r || !n_bad)
			continue;
		*s->asked->unreadable_sectors += 1;
		r = ranges_add(&s->altered, lba + i, 1, CHECK_UNREADABLE);
	}
	return r ? r : 1;
}

static int sum_extent(struct summing *s, const struct extent *x, struct md5 *md5)
{
	int r = 0;

	for (uint64_t done = 0, n; done < x->length && !r; done += n) {
		n = min_u64(x->length - done, PIECE_BYTES);
		if (burn_is_cancelled(s->asked->progress))
			return -ECANCELED;
		r = iso_read_disc(s->asked->disc, x->pos + done, s->buf, n);
		if (reader_is_of_blocks(r))
			return note_unreadable(s, x->pos + done, n);
		if (!r)
			r = md5_add(md5, s->buf, n);
	}
	return r;
}

static int note_altered(struct summing *s, const struct iso_entry *e)
{
	int r = 0;

	for (uint32_t i = 0; i < e->n_extents && !r; i++)
		r = ranges_add(&s->altered, (uint32_t)(e->extents[i].pos / SECTOR_BYTES),
			       (uint32_t)sectors_of(e->extents[i].length), CHECK_ALTERED);
	return r;
}

static int compare(struct summing *s, const struct iso_entry *e, const uint8_t sum[MD5_BYTES])
{
	_cleanup_(md5_freep) struct md5 *md5 = NULL;
	uint8_t is[MD5_BYTES];
	int r = md5_new(&md5);

	for (uint32_t i = 0; i < e->n_extents && !r; i++)
		r = sum_extent(s, &e->extents[i], md5);
	if (!r)
		r = md5_now(md5, is);
	if (r > 0)
		return 0; /* it cannot be compared, and its blocks are told */
	return r || !memcmp(is, sum, MD5_BYTES) ? r : note_altered(s, e);
}

static int found(void *context, const char *path, const struct iso_entry *e)
{
	struct summing *s = context;
	uint32_t entry, lba;
	int r;

	(void)path;
	if (!S_ISREG(e->mode) || !e->n_extents || e->extents[0].pos / SECTOR_BYTES > UINT32_MAX || !is_looked_at(s, e))
		return 0;
	lba = (uint32_t)(e->extents[0].pos / SECTOR_BYTES);
	r = idset_has(&s->met, lba) ? -EEXIST : iso_checksum_entry(s->iso, e, &entry);
	if (r == -EEXIST || reader_is_of_blocks(r) || iso_xattrs_are_lost(r) || (!r && (!entry || entry >= s->n)))
		return 0;
	if (!r && checksum_is_none(s->sums + (size_t)entry * MD5_BYTES))
		return 0;
	if (!r)
		r = idset_reserve(&s->met, 1);
	if (r)
		return r;
	idset_add(&s->met, lba);
	return compare(s, e, s->sums + (size_t)entry * MD5_BYTES);
}

static int lost(void *context, const char *path, struct iso_extent at, int error)
{
	(void)context, (void)path, (void)at, (void)error;
	return 0;
}

static int look_at_tree(struct summing *s, const struct check_session *session)
{
	_cleanup_(iso_unrefp) struct iso *iso = NULL;
	char where[ISO_WHERE_BYTES];
	struct checksums c;
	int r = iso_open(s->asked->disc, session->disc.descriptor_lba, &iso);

	s->iso = iso;
	if (!r)
		r = iso_checksums(iso, &c);
	if (r > 0)
		r = iso_checksums_array(iso, &c, s->asked->end_sectors, NULL, &s->sums);
	s->n = s->sums ? c.n - 1 : 0;
	if (!r && s->sums)
		r = iso_walk(iso, &(struct iso_walk){.found = found, .lost = lost, .context = s}, where);
	bulk_free(TAKE_PTR(s->sums));
	/* What of it is damaged is told by others. */
	return reader_is_of_blocks(r) || iso_xattrs_are_lost(r) || r == -EMEDIUMTYPE || r == -EOPNOTSUPP ? 0 : r;
}

/* Two trees may name a file, and two files a block. */
static int settle(struct summing *s)
{
	int r = 0;

	for (size_t i = 0; i < s->altered.n && !r; i++)
		r = ranges_add(s->asked->ranges, s->altered.list[i].lba, s->altered.list[i].sectors,
			       s->altered.list[i].problem);
	s->asked->ranges->too_many |= s->altered.too_many;
	s->altered.n = 0;
	ranges_settle(s->asked->ranges);
	return r;
}

int sums_look(const struct sums_asked *asked)
{
	struct summing s = {.asked = asked};
	bool any = false;
	int r = 0;

	for (size_t i = 0; i < asked->n_sessions; i++)
		any |= is_in_doubt(&asked->sessions[i], &asked->seals[i]);
	if (!any)
		return 0;
	s.buf = malloc(PIECE_BYTES);
	if (!s.buf)
		return -ENOMEM;
	ranges_init(&s.altered);
	for (size_t i = asked->n_sessions; i-- > 0 && !r;) {
		if (asked->sessions[i].verdict != CHECK_FAILED_BURN)
			r = look_at_tree(&s, &asked->sessions[i]);
		if (!r)
			r = settle(&s);
	}
	ranges_release(&s.altered);
	idset_release(&s.met);
	free(s.buf);
	return r;
}
