/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/format/content_table.h"

#include <errno.h>
#include <string.h>

void contents_header_encode(enum content_kind kind, uint32_t n_entries, uint32_t n_runs,
			    uint8_t header[CONTENTS_HEADER_BYTES])
{
	memset(header, 0, CONTENTS_HEADER_BYTES);
	memcpy(header, CONTENTS_MAGIC, 15);
	header[15] = (uint8_t)('0' + kind);
	put_le32(header + 16, n_entries);
	put_le32(header + 20, n_runs);
}

int contents_header_decode(const uint8_t header[CONTENTS_HEADER_BYTES], uint32_t bytes, enum content_kind *ret_kind,
			   uint32_t *ret_entries, uint32_t *ret_runs)
{
	uint64_t n_entries = get_le32(header + 16), n_runs = get_le32(header + 20);
	unsigned kind = header[15] - (unsigned)'0';

	if (memcmp(header, CONTENTS_MAGIC, 15) != 0 || kind < CONTENT_SHA256 || kind > CONTENT_POLY1305 ||
	    CONTENTS_HEADER_BYTES + n_entries * CONTENTS_ENTRY_BYTES + n_runs * CONTENTS_RUN_BYTES != bytes)
		return -EBADMSG;
	*ret_kind = (enum content_kind)kind;
	*ret_entries = (uint32_t)n_entries;
	*ret_runs = (uint32_t)n_runs;
	return 0;
}

void content_entry_encode(const struct content_entry *e, uint8_t record[CONTENTS_ENTRY_BYTES])
{
	memcpy(record, e->digest, CONTENT_DIGEST_BYTES);
	put_le64(record + 16, e->size);
	put_le32(record + 24, e->where);
	put_le32(record + 28, e->n_runs);
}

struct content_entry content_entry_decode(const uint8_t record[CONTENTS_ENTRY_BYTES])
{
	struct content_entry e = {.size = get_le64(record + 16),
				  .where = get_le32(record + 24),
				  .n_runs = get_le32(record + 28)};

	memcpy(e.digest, record, CONTENT_DIGEST_BYTES);
	return e;
}

void content_run_encode(struct content_run run, uint8_t record[CONTENTS_RUN_BYTES])
{
	put_le32(record, run.lba);
	put_le32(record + 4, run.sectors);
}

struct content_run content_run_decode(const uint8_t record[CONTENTS_RUN_BYTES])
{
	return (struct content_run){get_le32(record), get_le32(record + 4)};
}
