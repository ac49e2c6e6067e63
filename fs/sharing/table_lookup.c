/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/sharing/table_lookup.h"

#include <stdlib.h>

#include "burner/format/appuse.h"
#include "burner/format/bound.h"
#include "burner/base/own.h"
#include "fs/manifest/disc_table.h"
#include "fs/iso/iso.h"

#define ALIKE_MAX 16u /* entries of one digest that are looked at */

int digest_compare(const void *a, const void *b)
{
	const struct manifest_digest *x = a, *y = b;
	int order = memcmp(x->digest, y->digest, CONTENT_DIGEST_BYTES);

	return order ? order : x->node < y->node ? -1 : x->node > y->node;
}

/* The entries and the runs of one table. */
struct tables {
	struct disc_table entries, runs;
	enum content_kind kind;
};

static void tables_release(struct tables *t)
{
	disc_table_release(&t->entries);
	disc_table_release(&t->runs);
}

/* 1: the session has a content table, in its own part of the disc.  0 also when it cannot be read: then it shares
 * nothing, and the session to come is larger. */
static int open_tables(struct disc *disc, const struct disc_session *session, struct tables *ret)
{
	uint8_t sector[SECTOR_BYTES], header[CONTENTS_HEADER_BYTES];
	uint64_t pos, start, end;
	struct appuse a;

	if (!session->ours || session->broken || disc_read(disc, session->descriptor_lba, sector, 1) ||
	    appuse_decode(sector, &a) < 0 || !(a.flags & APPUSE_CONTENTS))
		return 0;
	pos = (uint64_t)a.contents_lba * SECTOR_BYTES;
	start = (uint64_t)session->start_lba * SECTOR_BYTES;
	end = start + (uint64_t)session->sectors * SECTOR_BYTES;
	if (pos < start || pos + a.contents_bytes > end || a.contents_bytes < CONTENTS_HEADER_BYTES ||
	    iso_read_disc(disc, pos, header, sizeof(header)))
		return 0;
	ret->entries = (struct disc_table){.disc = disc,
					   .pos = pos + CONTENTS_HEADER_BYTES,
					   .record_bytes = CONTENTS_ENTRY_BYTES};
	ret->runs = (struct disc_table){.disc = disc, .record_bytes = CONTENTS_RUN_BYTES};
	if (contents_header_decode(header, a.contents_bytes, &ret->kind, &ret->entries.n, &ret->runs.n) < 0)
		return 0;
	ret->runs.pos = ret->entries.pos + (uint64_t)ret->entries.n * CONTENTS_ENTRY_BYTES;
	return 1;
}

static bool add_extent(struct extent *extents, uint32_t i, uint64_t size, uint32_t lba, uint64_t sectors,
		       uint64_t disc_sectors)
{
	uint64_t offset = i ? extents[i - 1].offset + extents[i - 1].length : 0;

	if (!sectors || offset >= size || lba + sectors > disc_sectors)
		return false;
	extents[i] = (struct extent){.offset = offset,
				     .length = min_u64(sectors * SECTOR_BYTES, size - offset),
				     .pos = (uint64_t)lba * SECTOR_BYTES,
				     .kind = EXTENT_DISC};
	return true;
}

/* 1: the entry's extents; 0: it has none that can be. */
static int entry_extents(struct tables *t, const struct content_entry *e, uint64_t disc_sectors,
			 struct extent ret[BOUND_SECTIONS])
{
	if (!e->size || !e->n_runs || e->n_runs > BOUND_SECTIONS)
		return 0;
	if (e->n_runs == 1)
		return add_extent(ret, 0, e->size, e->where, sectors_of(e->size), disc_sectors);
	if (e->where > t->runs.n || e->n_runs > t->runs.n - e->where)
		return 0;
	for (uint32_t i = 0; i < e->n_runs; i++) {
		struct content_run run;
		const uint8_t *record;
		int r = disc_table_at(&t->runs, e->where + i, &record);

		if (r)
			return r;
		run = content_run_decode(record);
		if (!add_extent(ret, i, e->size, run.lba, run.sectors, disc_sectors))
			return 0;
	}
	return ret[e->n_runs - 1].offset + ret[e->n_runs - 1].length == e->size;
}

static bool digest_before(const uint8_t *record, const void *key)
{
	return memcmp(record, key, CONTENT_DIGEST_BYTES) < 0;
}

/* The entries of one digest, from *at on; our tables have one of each content. */
static int find_digest(struct tables *t, const struct digest_query *q, uint32_t i, uint32_t *at,
		       struct extent extents[BOUND_SECTIONS])
{
	int r = burn_is_cancelled(q->progress) ?
			-ECANCELED :
			disc_table_find(&t->entries, *at, q->digests[i].digest, digest_before, at);

	for (uint32_t j = *at; !r && j < t->entries.n && j - *at < ALIKE_MAX; j++) {
		struct content_entry e;
		const uint8_t *record;

		r = disc_table_at(&t->entries, j, &record);
		if (r || memcmp(record, q->digests[i].digest, CONTENT_DIGEST_BYTES) != 0)
			return r;
		e = content_entry_decode(record);
		r = entry_extents(t, &e, q->disc_sectors, extents);
		if (r > 0)
			r = q->found(q->context, i, &e, extents);
	}
	return r;
}

static int find_in_session(struct disc *disc, const struct disc_session *session, struct digest_query *q)
{
	_cleanup_(tables_release) struct tables t = {.entries = {.disc = NULL}};
	struct extent extents[BOUND_SECTIONS];
	uint32_t at = 0;
	int r = 0;

	if (!open_tables(disc, session, &t))
		return 0;
	if (t.kind != q->kind) {
		q->others = true;
		return 0;
	}
	for (uint32_t i = 0; i < q->n && at < t.entries.n && !r; i++)
		r = find_digest(&t, q, i, &at, extents);
	/* What cannot be read shares nothing. */
	return disc_is_damage(r) ? 0 : r;
}

int digest_find(struct disc *disc, struct digest_query *q)
{
	_free_ struct disc_session *sessions = NULL;
	size_t n = 0;
	int r = disc_sessions(disc, &sessions, &n);

	if (r)
		return r == -ENOMEM ? r : 0;
	while (n-- > 0 && !r)
		r = find_in_session(disc, &sessions[n], q);
	return r;
}
