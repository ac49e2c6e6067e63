/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sums.c - MD5 sums that the base has of files (burner/format/checksums.h): for those whose content stays as it is
 *
 * What is damaged of them is as good as not there: then the files are read.
 */
#include "fs/manifest/internal.h"

#include <sys/stat.h>

int build_find_sums(struct build *b)
{
	struct manifest *m = b->m;
	struct checksums c;
	int r = b->frozen->md5 && b->frozen->base ? iso_checksums(b->frozen->base, &c) : 0;

	if (r > 0)
		r = iso_checksums_array(b->frozen->base, &c, b->limit_sectors, m->bulk, &b->held->sums);
	if (!r && b->held->sums) {
		m->sums = b->held->sums;
		m->n_sums = c.n - 1;
	}
	return iso_xattrs_are_lost(r) ? 0 : r;
}

/* Which entry is that of the file; 0: none, or it has no sum. */
static int find_entry(struct build *b, const struct iso_entry *e, uint32_t *ret)
{
	uint32_t entry = 0;
	int r = iso_checksum_entry(b->frozen->base, e, &entry);

	*ret = 0;
	if (r)
		return iso_xattrs_are_lost(r) ? 0 : r;
	if (entry < b->m->n_sums && !checksum_is_none(b->m->sums + (size_t)entry * MD5_BYTES))
		*ret = entry;
	return 0;
}

static int tell_nodes(struct build *b, uint32_t n)
{
	struct manifest *m = b->m;
	int r = 0;

	while (b->n_sum_of < n && !r) {
		r = bulk_grow(m->bulk, (void **)&m->sum_of, &b->sum_of_space, b->n_sum_of, sizeof(*m->sum_of));
		if (!r)
			m->sum_of[b->n_sum_of++] = 0;
	}
	return r;
}

int build_note_sum(struct build *b, const struct iso_entry *e, uint32_t node)
{
	struct manifest *m = b->m;
	uint32_t entry;
	int r;

	if (!m->sums || !S_ISREG(e->mode) || build_find_row(b, e->ino) != SIZE_MAX)
		return 0;
	r = tell_nodes(b, node + 1);
	if (r || m->sum_of[node])
		return r;
	r = find_entry(b, e, &entry);
	m->sum_of[node] = entry;
	return r;
}

int build_note_row_sum(struct build *b, const struct iso_entry *e)
{
	size_t row = b->m->sums && S_ISREG(e->mode) ? build_find_row(b, e->ino) : SIZE_MAX;
	uint32_t entry = 0;
	int r;

	if (row == SIZE_MAX || !row_as_burned(&b->rows->nodes[row]) || b->rows->nodes[row].size != e->size ||
	    !row_is_there(&b->rows->nodes[row], e))
		return 0;
	r = find_entry(b, e, &entry);
	if (r || !entry)
		return r;
	r = bulk_grow(b->m->bulk, (void **)&b->row_sums, &b->row_sum_space, b->n_row_sums, sizeof(*b->row_sums));
	if (!r)
		b->row_sums[b->n_row_sums++] = (struct row_sum){(uint32_t)row, entry};
	return r;
}

int build_end_sums(struct build *b)
{
	int r = b->m->sums ? tell_nodes(b, b->m->n_nodes) : 0;

	for (uint32_t i = 0; i < b->n_row_sums && !r; i++) {
		uint32_t node = b->row_nodes[b->row_sums[i].row];

		if (node != NUMBERS_NONE)
			b->m->sum_of[node] = b->row_sums[i].entry;
	}
	return r;
}
