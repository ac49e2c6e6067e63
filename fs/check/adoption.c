/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * adoption.c - blocks that other programs wrote, by what our sessions say of them
 *
 * A table that is damaged proves nothing; that it is damaged is found when its session is read.
 */
#include "fs/check/internal.h"

#include <errno.h>
#include <string.h>

int adoption_open(struct disc *disc, uint32_t floor_lba, const struct seal *seals, size_t n, struct adopted **ret)
{
	int r = adopted_new(disc, floor_lba, ret);

	while (n-- > 0 && !r) {
		r = adopted_add(*ret, &seals[n].record);
		r = reader_is_of_blocks(r) ? 0 : r;
	}
	return r;
}

uint64_t adoption_stretch(const struct adopted *a, uint64_t from, uint64_t to, bool *ret)
{
	struct adopted_run run;
	uint64_t end;

	*ret = false;
	if (from > UINT32_MAX || !adopted_next(a, (uint32_t)from, &run) || run.lba >= to)
		return to - from;
	if (run.lba > from)
		return run.lba - from;
	/* What is not a whole piece here cannot be compared. */
	if ((from - run.lba) % ADOPTED_PIECE_SECTORS)
		return min_u64(to, run.lba + round_up(from - run.lba, ADOPTED_PIECE_SECTORS)) - from;
	end = (uint64_t)run.lba + run.sectors;
	if (end > to)
		end = to - (to - run.lba) % ADOPTED_PIECE_SECTORS;
	*ret = end > from;
	return end > from ? end - from : to - from;
}

int adoption_prepare(struct adopted *a, struct sweep_piece *p)
{
	struct parts *w = p->scratch;

	w->unit = ADOPTED_PIECE_SECTORS;
	w->doubtful = false;
	w->n = (p->n_sectors + ADOPTED_PIECE_SECTORS - 1) / ADOPTED_PIECE_SECTORS;
	for (uint32_t i = 0, lba; i < w->n; i++) {
		int r = adopted_digest(a, p->lba + i * w->unit, w->digest[i], &lba, &w->sectors[i]);

		w->state[i] = r ? PART_UNPROVEN : PART_SOUND;
		if (r && r != -ENODATA && !reader_is_of_blocks(r))
			return r;
	}
	return 0;
}
