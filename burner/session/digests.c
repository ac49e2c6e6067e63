/* SPDX-License-Identifier: GPL-3.0-or-later */
/* digests.c - the digest table of a planned session, as its blocks come; its level 0 is filled in at its place */
#include "burner/session/digests.h"

#include "burner/format/commit_record.h"
#include "burner/format/digest_table.h"
#include "burner/session/internal.h"
#include "burner/session/stream.h"

struct session_digests {
	const struct burn_plan *plan;
	uint8_t *table; /* bulk */
};

int session_digests_new(const struct burn_plan *p, struct session_digests **ret)
{
	_cleanup_(session_digests_freep) struct session_digests *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->plan = p;
	d->table = bulk_zalloc(p->manifest->bulk, p->end_lba - 1 - p->digests_lba, SECTOR_BYTES);
	if (!d->table)
		return -ENOMEM;
	*ret = TAKE_PTR(d);
	return 0;
}

void session_digests_free(struct session_digests *d)
{
	if (d)
		bulk_free(d->table);
	free(d);
}

int session_digests_add(struct session_digests *d, uint32_t at, const void *buf, uint32_t n_sectors)
{
	const uint8_t *from = buf;
	int r = 0;

	for (uint32_t n; n_sectors > 0 && r == 0; at += n, n_sectors -= n) {
		n = (uint32_t)min_u64(n_sectors, PROOF_PIECE_SECTORS);
		r = digest_of_piece(from, n, d->table + (size_t)(at / PROOF_PIECE_SECTORS) * SHA256_BYTES);
		from += from ? (size_t)n * SECTOR_BYTES : 0;
	}
	return r;
}

int session_digests_end(struct session_digests *d, const uint8_t **ret_table, uint32_t *ret_table_sectors,
			uint8_t ret_record[SECTOR_BYTES])
{
	const struct burn_plan *p = d->plan;
	struct commit_record record = {.number = p->options.session_number,
				       .start_lba = session_start(p),
				       .sectors = session_length(p),
				       .kind = COMMIT_DIGEST_TABLE,
				       .piece_sectors = PROOF_PIECE_SECTORS,
				       .table_lba = p->digests_lba,
				       .table_sectors = p->end_lba - 1 - p->digests_lba,
				       .previous_lba = p->options.previous_record_lba,
				       .adoption_lba = p->adoption.sectors ? p->adoption.lba : 0,
				       .adoption_sectors = p->adoption.sectors};
	int r = digest_table_finish(d->table, commit_pieces(&record), record.sha256);

	if (r < 0)
		return r;
	memcpy(record.uuid, p->options.uuid, sizeof(record.uuid));
	memcpy(record.descriptors_sha256, d->table, SHA256_BYTES);
	if (record.previous_lba)
		memcpy(record.previous_sha256, p->options.previous_record_sha256, SHA256_BYTES);
	*ret_table = d->table;
	*ret_table_sectors = record.table_sectors;
	return commit_record_encode(&record, ret_record);
}
