/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * contents.c - the content table: digests of the manifest, with the places where the plan puts the files (format: cdappendfs/contents.h)
 */
#include "cdappendfs/contents.h"

#include <errno.h>

#include "burner/session/layout.h"
#include "burner/session/records.h"

/* Pieces of the file on the disc; 0: it has no content, and no entry. */
static uint32_t pieces_of(const struct burn_plan *p, uint32_t i) { return plan_content(p, p->manifest->digests[i].node)->n_runs; }

int contents_measure(struct burn_plan *p)
{
	struct plan_contents *c = &p->contents;
	uint64_t entries = 0, runs = 0;

	for (uint32_t i = 0; i < p->manifest->n_digests; i++) {
		uint32_t pieces = pieces_of(p, i);

		bulk_pace(p->manifest->bulk, 8);
		entries += pieces > 0;
		runs += pieces > 1 ? pieces : 0;
	}
	if (entries > CONTENTS_MAX || runs > CONTENTS_MAX)
		return -EOVERFLOW;
	c->n_entries = (uint32_t)entries;
	c->n_runs = (uint32_t)runs;
	c->bytes = entries ? (uint32_t)(CONTENTS_HEADER_BYTES + entries * CONTENTS_ENTRY_BYTES + runs * CONTENTS_RUN_BYTES) : 0;
	return 0;
}

struct contents_stream {
	const struct burn_plan *plan;
	struct records records;
	bool runs;			/* behind the entries */
	uint32_t i, run;		/* digest at hand, its run; while there are entries: number of its first run in the table */
};

static uint32_t first_lba(const struct burn_plan *p, const struct plan_file *f, uint32_t run)
{
	return (uint32_t)(p->runs[f->first_run + run].pos / SECTOR_BYTES);
}

static int next_entry(struct contents_stream *s, struct records *r)
{
	const struct burn_plan *p = s->plan;
	const struct manifest_digest *d = &p->manifest->digests[s->i];
	uint32_t pieces = pieces_of(p, s->i++);
	struct content_entry e = {.size = p->manifest->nodes[d->node].size, .n_runs = pieces};

	if (!pieces)
		return 0;
	e.where = pieces == 1 ? first_lba(p, plan_content(p, d->node), 0) : s->run;
	memcpy(e.digest, d->digest, sizeof(e.digest));
	content_entry_encode(&e, r->record);
	r->n = CONTENTS_ENTRY_BYTES;
	s->run += pieces > 1 ? pieces : 0;
	return 1;
}

static int next_run(struct contents_stream *s, struct records *r)
{
	const struct burn_plan *p = s->plan;
	uint32_t pieces = pieces_of(p, s->i);
	const struct plan_file *f = plan_content(p, p->manifest->digests[s->i].node);

	if (pieces < 2 || s->run == pieces) {
		s->i++;
		s->run = 0;
		return 0;
	}
	put_le32(r->record, first_lba(p, f, s->run));
	put_le32(r->record + 4, (uint32_t)sectors_of(p->runs[f->first_run + s->run].length));
	r->n = CONTENTS_RUN_BYTES;
	s->run++;
	return 1;
}

static int next_record(void *context, struct records *r)
{
	struct contents_stream *s = context;

	for (;;) {
		bulk_pace(s->plan->manifest->bulk, BULK_ANYWHERE);
		if (s->i == s->plan->manifest->n_digests) {
			if (s->runs || !s->plan->contents.n_runs)
				return 0;
			s->runs = true;
			s->i = s->run = 0;
		} else if (s->runs ? next_run(s, r) : next_entry(s, r)) {
			return 1;
		}
	}
}

int contents_stream_new(const struct burn_plan *p, struct contents_stream **ret)
{
	struct contents_stream *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->plan = p;
	s->records = (struct records){.next = next_record, .context = s, .n = CONTENTS_HEADER_BYTES};
	contents_header_encode(p->contents.n_entries, p->contents.n_runs, s->records.record);
	*ret = s;
	return 0;
}

int contents_stream_read(struct contents_stream *s, uint8_t *buf, size_t bytes) { return records_read(&s->records, buf, bytes); }

void contents_stream_free(struct contents_stream *s) { free(s); }
