/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fs/check: map files of ddrescue, and what is remembered of a disc's checks
 *
 * Input: the text, of both.
 */
#include "tests/fuzz/common/target.h"

#include "fs/check/mapfile.h"
#include "fs/check/memory.h"

static void any_map(const uint8_t *data, size_t size)
{
	struct mapfile m = {.n = 0};
	unsigned line = 0;
	uint64_t end = 0;

	if (mapfile_parse((const char *)data, size, &m, &line)) {
		MUST(m.n == 0 && line <= size + 1);
		return;
	}
	for (size_t i = 0; i < m.n; i++) {
		MUST(m.gaps[i].from < m.gaps[i].to &&
		     (!i || m.gaps[i].from > end ||
		      (m.gaps[i].from == end && m.gaps[i].status != m.gaps[i - 1].status)));
		MUST(mapfile_has_gap(&m, m.gaps[i].from, 1) && mapfile_has_gap(&m, m.gaps[i].to - 1, 1));
		MUST(m.gaps[i].from == end || !mapfile_has_gap(&m, end, m.gaps[i].from - end));
		end = m.gaps[i].to;
	}
	mapfile_release(&m);
}

static void any_memory(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct memory m = {.n_parts = 0};
	struct memory_part gap;

	MUST(text);
	memcpy(text, data, size);
	text[size] = 0;
	if (memory_parse(text, &m)) {
		MUST(m.n_parts <= MEMORY_PARTS && m.n_checks <= MEMORY_CHECKS);
		MUST(memory_covered(&m, UINT32_MAX) <= UINT32_MAX);
		for (unsigned i = 0; i < 2 * MEMORY_PARTS && memory_gap(&m, UINT32_MAX, &gap); i++)
			memory_cover(&m, gap.from, gap.to);
		MUST(!memory_gap(&m, UINT32_MAX, &gap) && m.n_parts == 1);
		(void)memory_trend(&m);
	}
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	any_map(data, size);
	any_memory(data, size);
	return 0;
}
