/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/format/pieces.h"

#include "burner/format/bound.h"

bool pieces_keepable(const struct extent *e, uint64_t file_bytes, uint64_t fresh_below, struct extent *ret)
{
	uint64_t end = e->offset + e->length, from = max_u64(e->offset, fresh_below);

	if (e->kind != EXTENT_DISC || (e->pos - e->offset) % SECTOR_BYTES || from >= end)
		return false;
	from = round_up(from, SECTOR_BYTES);
	if (end != file_bytes)
		end -= end % SECTOR_BYTES;
	if (from >= end)
		return false;
	*ret = (struct extent){.offset = from,
			       .length = end - from,
			       .pos = e->pos + (from - e->offset),
			       .kind = EXTENT_DISC};
	return true;
}

bool pieces_pay(const struct pieces_rule *rule, uint64_t file_bytes, uint64_t kept_bytes, uint64_t sections,
		uint64_t names)
{
	uint64_t least = rule->least_bytes ? rule->least_bytes : PIECES_LEAST_BYTES, records;

	if (rule->share != SHARE_AUTO)
		return rule->share == SHARE_BLOCKS;
	if (least == PIECES_NEVER)
		return false;
	if (file_bytes > SECTION_LAST_MAX_BYTES)
		return true;
	records = bound_section_sectors(sections, names ? names : 1) * SECTOR_BYTES;
	return kept_bytes >= records && kept_bytes - records >= least;
}
