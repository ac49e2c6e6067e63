/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * content_table.c - the content table: digests of the manifest, with the places where the plan puts the files (format:
 * burner/format/content_table.h)
 */
#include "burner/format/content_table.h"

#include <errno.h>

#include "burner/session/internal.h"
#include "burner/session/record.h"

/* Digests come in their own order, which no other array has: what the table says of each file is collected in the
 * order of the nodes. */
struct row {
	struct content_entry entry;
	uint32_t node;
};

static int by_node(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	return (x->node > y->node) - (x->node < y->node);
}

static int by_digest(const void *a, const void *b)
{
	int order = memcmp(((const struct row *)a)->entry.digest, ((const struct row *)b)->entry.digest,
			   CONTENT_DIGEST_BYTES);

	return order ? order : by_node(a, b);
}

static uint32_t run_lba(const struct burn_plan *p, const struct plan_file *f, uint32_t run)
{
	return (uint32_t)(p->runs[f->first_run + run].pos / SECTOR_BYTES);
}

/* Size and pieces of each; where: of those in one piece, once they have addresses. In the order of the nodes. */
static struct row *rows_of_nodes(const struct burn_plan *p)
{
	const struct manifest *m = p->manifest;
	struct row *rows = bulk_zalloc(m->bulk, m->n_digests, sizeof(*rows));

	for (uint32_t i = 0; rows && i < m->n_digests; i++) {
		memcpy(rows[i].entry.digest, m->digests[i].digest, CONTENT_DIGEST_BYTES);
		rows[i].node = m->digests[i].node;
		bulk_pace(m->bulk, 1);
	}
	if (!rows)
		return NULL;
	bulk_sort(m->bulk, rows, m->n_digests, sizeof(*rows), by_node);
	for (uint32_t i = 0; i < m->n_digests; i++) {
		const struct plan_file *f = plan_content(p, rows[i].node);

		rows[i].entry.size = content_stored_bytes(p, rows[i].node);
		rows[i].entry.n_runs = f->n_runs;
		rows[i].entry.where = f->n_runs == 1 ? run_lba(p, f, 0) : 0;
		bulk_pace(m->bulk, 1);
	}
	return rows;
}

/* A file without pieces on the disc has no content, and no entry. */
int contents_measure(struct burn_plan *p)
{
	struct plan_contents *c = &p->contents;
	_bulk_ struct row *rows = rows_of_nodes(p);
	uint64_t entries = 0, runs = 0;

	for (uint32_t i = 0; rows && i < p->manifest->n_digests; i++) {
		uint32_t pieces = rows[i].entry.n_runs;

		entries += pieces > 0;
		runs += pieces > 1 ? pieces : 0;
		bulk_pace(p->manifest->bulk, 1);
	}
	if (!rows)
		return -ENOMEM;
	if (entries > CONTENTS_MAX || runs > CONTENTS_MAX)
		return -EOVERFLOW;
	c->n_entries = (uint32_t)entries;
	c->n_runs = (uint32_t)runs;
	c->bytes =
		entries ?
			(uint32_t)(CONTENTS_HEADER_BYTES + entries * CONTENTS_ENTRY_BYTES + runs * CONTENTS_RUN_BYTES) :
			0;
	return 0;
}

struct contents_stream {
	const struct burn_plan *plan;
	struct records records;
	struct row *rows; /* in the order of the digests */
	bool runs;	  /* behind the entries */
	/* row at hand, its run; while there are entries: number of its first run in the table */
	uint32_t i, run;
};

static int next_entry(struct contents_stream *s, struct records *r)
{
	struct content_entry *e = &s->rows[s->i++].entry;

	if (!e->n_runs)
		return 0;
	if (e->n_runs > 1) {
		e->where = s->run;
		s->run += e->n_runs;
	}
	content_entry_encode(e, r->record);
	r->n = CONTENTS_ENTRY_BYTES;
	return 1;
}

static int next_run(struct contents_stream *s, struct records *r)
{
	const struct burn_plan *p = s->plan;
	const struct row *row = &s->rows[s->i];

	if (row->entry.n_runs < 2 || s->run == row->entry.n_runs) {
		s->i++;
		s->run = 0;
		return 0;
	}
	const struct plan_file *f = plan_content(p, row->node);
	content_run_encode((struct content_run){run_lba(p, f, s->run),
						(uint32_t)sectors_of(p->runs[f->first_run + s->run].length)},
			   r->record);
	r->n = CONTENTS_RUN_BYTES;
	s->run++;
	bulk_pace(p->manifest->bulk, BULK_ANYWHERE);
	return 1;
}

static int next_record(void *context, struct records *r)
{
	struct contents_stream *s = context;

	for (;;) {
		bulk_pace(s->plan->manifest->bulk, 1);
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
	s->rows = rows_of_nodes(p);
	if (!s->rows) {
		free(s);
		return -ENOMEM;
	}
	bulk_sort(p->manifest->bulk, s->rows, p->manifest->n_digests, sizeof(*s->rows), by_digest);
	s->records = (struct records){.next = next_record, .context = s, .n = CONTENTS_HEADER_BYTES};
	contents_header_encode(CONTENT_KIND, p->contents.n_entries, p->contents.n_runs, s->records.record);
	*ret = s;
	return 0;
}

int contents_stream_read(struct contents_stream *s, uint8_t *buf, size_t bytes)
{
	return records_read(&s->records, buf, bytes);
}

void contents_stream_free(struct contents_stream *s)
{
	if (s)
		bulk_free(s->rows);
	free(s);
}
