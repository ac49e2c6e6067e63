/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/format/content_table.h"

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

struct content_entry content_entry_decode(const uint8_t record[CONTENTS_ENTRY_BYTES])
{
	struct content_entry e = {.size = get_le64(record + 16),
				  .where = get_le32(record + 24),
				  .n_runs = get_le32(record + 28)};

	memcpy(e.digest, record, CONTENT_DIGEST_BYTES);
	return e;
}
