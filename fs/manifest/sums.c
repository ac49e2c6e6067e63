/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sums.c - MD5 sums that the base has of files (burner/format/checksums.h): for those whose content stays as it is
 *
 * What is damaged of them is as good as not there: then the files are read.
 */
#include "fs/manifest/internal.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static bool is_of_disc(int r) { return r == -EIO || r == -EBADMSG; }

/* The last entry proves the others. */
static int read_sums(struct build *b, const struct checksums *c)
{
	struct manifest *m = b->m;
	size_t bytes = (size_t)c->n * MD5_BYTES;
	uint8_t *sums, md5[MD5_BYTES];
	int r;

	if (c->array_lba + sectors_of(bytes) > b->limit_sectors)
		return -EBADMSG;
	sums = b->held->sums = bulk_zalloc(m->bulk, c->n, MD5_BYTES);
	r = sums ? iso_read_disc(b->held->disc, (uint64_t)c->array_lba * SECTOR_BYTES, sums, bytes) : -ENOMEM;
	if (!r)
		r = md5_of(sums, bytes - MD5_BYTES, md5);
	if (!r && memcmp(md5, sums + bytes - MD5_BYTES, MD5_BYTES) != 0)
		r = -EBADMSG;
	if (!r) {
		m->sums = sums;
		m->n_sums = c->n - 1;
	}
	return r;
}

int build_find_sums(struct build *b)
{
	struct checksums c;
	int r = b->frozen->md5 && b->frozen->base ? iso_checksums(b->frozen->base, &c) : 0;

	if (r > 0)
		r = read_sums(b, &c);
	return is_of_disc(r) ? 0 : r;
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
	r = iso_checksum_entry(b->frozen->base, e, &entry);
	if (!r)
		m->sum_of[node] = entry;
	return is_of_disc(r) ? 0 : r;
}

int build_note_row_sum(struct build *b, const struct iso_entry *e)
{
	size_t row = b->m->sums && S_ISREG(e->mode) ? build_find_row(b, e->ino) : SIZE_MAX;
	uint32_t entry = 0;
	int r;

	if (row == SIZE_MAX || !row_as_burned(&b->rows->nodes[row]) || b->rows->nodes[row].size != e->size ||
	    !row_is_there(&b->rows->nodes[row], e))
		return 0;
	r = iso_checksum_entry(b->frozen->base, e, &entry);
	if (r || !entry)
		return is_of_disc(r) ? 0 : r;
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
