/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * adoption.c - the adoption table of a planned session: its ranges are known with the plan, its digests before the burn
 */
#include "burner/session/internal.h"

#include <errno.h>
#include <string.h>

#include "burner/session/stream.h"

int adoption_plan(struct burn_plan *p, const struct burn_options *o)
{
	p->options.n_adopt = 0;
	p->adoption.table = NULL;
	if (o->n_adopt > ADOPTION_RANGES_MAX)
		return -EINVAL;
	for (size_t i = 0; i < o->n_adopt; i++)
		p->adoption.header.ranges[i] = (struct adoption_range){o->adopt[i].lba, o->adopt[i].sectors};
	p->adoption.header.n_ranges = (uint32_t)o->n_adopt;
	return 0;
}

int adoption_place(struct burn_plan *p, uint64_t *at)
{
	struct adoption *a = &p->adoption.header;
	uint64_t sectors = a->n_ranges ? adoption_sectors_for(adoption_pieces(a)) : 0;

	if (!sectors)
		return 0;
	if (*at + sectors > UINT32_MAX)
		return -ENOSPC;
	memcpy(a->uuid, p->options.uuid, sizeof(a->uuid));
	a->lba = (uint32_t)*at;
	a->sectors = p->adoption.sectors = (uint32_t)sectors;
	p->adoption.lba = a->lba;
	p->cost.adoption_sectors = sectors;
	*at += sectors;
	p->adoption.table = bulk_zalloc(p->manifest->bulk, sectors, SECTOR_BYTES);
	return p->adoption.table ? adoption_encode(a, p->adoption.table) : -ENOMEM;
}

void adoption_release(struct plan_adoption *a) { bulk_free(a->table); }

const struct adoption *session_adoption(const struct burn_plan *p, uint8_t **ret_digests)
{
	if (!p->adoption.sectors)
		return NULL;
	*ret_digests = p->adoption.table + SECTOR_BYTES;
	return &p->adoption.header;
}
