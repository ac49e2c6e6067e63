/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fs/stage: a journal whose bytes are damaged
 *
 * Input: flags (1 byte; 1: as a crash left it, with its log; 2: cut at the place given by the number that follows),
 * then patches: in the log or the database (1 byte, odd: the log), place (3), length (1), bytes.
 */
#include <stdio.h>

#include "tests/fuzz/common/scratch.h"
#include "tests/fuzz/common/stage_use.h"
#include "tests/fuzz/common/target.h"

static uint8_t db[1 << 20], wal[1 << 20];

static void patch(uint8_t *bytes, size_t n, struct input *in)
{
	uint32_t at = take_u16(in) | (uint32_t)take_u8(in) << 16;
	size_t length;
	const uint8_t *from = take_bytes(in, take_u8(in), &length);

	if (n)
		memcpy(bytes + at % n, from, min_u64(length, n - at % n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct stage_template *t = stage_use_template();
	struct input in = {data, size};
	uint8_t flags = take_u8(&in);
	size_t n_db = flags & 1 ? t->n_db_early : t->n_db, n_wal = flags & 1 ? t->n_wal : 0;
	uint64_t cut = flags & 2 ? take_number(&in) : UINT64_MAX;

	memcpy(db, flags & 1 ? t->db_early : t->db, n_db);
	memcpy(wal, t->wal, n_wal);
	while (in.left) {
		if (take_u8(&in) & 1)
			patch(wal, n_wal, &in);
		else
			patch(db, n_db, &in);
	}
	scratch_empty();
	(void)!stage_use_directory();
	scratch_write("stage/journal.db", db, flags & 1 ? n_db : min_u64(n_db, cut));
	if (flags & 1)
		scratch_write("stage/journal.db-wal", wal, min_u64(n_wal, cut));
	stage_use();
	return 0;
}
