/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * parity.c - the place of a session's parity area, and what it protects: older blocks, if any, and its own session
 */
#include "burner/session/internal.h"

#include <errno.h>
#include <string.h>

#include "burner/base/io.h"
#include "burner/session/stream.h"

int parity_plan(struct burn_plan *p, const struct burn_options *o)
{
	size_t n = o->parity_percent ? o->n_older : 0;

	p->options.n_older = 0;
	p->parity.older = n ? malloc(n * sizeof(*o->older)) : NULL;
	if (n && !p->parity.older)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		p->parity.older[i] = o->older[i];
		p->cost.older_sectors += o->older[i].sectors;
	}
	p->parity.n_older = n;
	return 0;
}

void parity_release(struct plan_parity *parity)
{
	close_fd(&parity->fd);
	free(parity->older);
}

int parity_place(struct burn_plan *p, uint64_t *at)
{
	uint64_t all = *at - p->options.start_lba + p->cost.older_sectors,
		 sectors = p->options.parity_percent ? parity_sectors_for(all, p->options.parity_percent) : 0;

	if (p->parity.n_older >= PARITY_RANGES_MAX)
		return -EINVAL;
	if (*at + sectors > UINT32_MAX)
		return -ENOSPC;
	p->parity.lba = (uint32_t)*at;
	p->parity.sectors = (uint32_t)sectors;
	p->cost.parity_sectors = sectors;
	p->cost.protected_sectors = sectors ? all : 0;
	*at += sectors;
	return 0;
}

bool session_parity(const struct burn_plan *p, struct parity_header *ret)
{
	uint32_t start = p->options.start_lba, n = (uint32_t)p->parity.n_older;

	memset(ret, 0, sizeof(*ret));
	if (!p->parity.sectors)
		return false;
	memcpy(ret->uuid, p->options.uuid, sizeof(ret->uuid));
	ret->lba = p->parity.lba;
	ret->sectors = p->parity.sectors;
	ret->shape = parity_shape_of(p->parity.lba - start + p->cost.older_sectors, p->options.parity_percent);
	for (uint32_t i = 0; i < n; i++)
		ret->ranges[i] = (struct parity_range){p->parity.older[i].lba, p->parity.older[i].sectors};
	ret->ranges[n] = (struct parity_range){start, p->parity.lba - start};
	ret->n_ranges = n + 1;
	return true;
}

void session_give_parity(struct burn_plan *p, int fd)
{
	close_fd(&p->parity.fd);
	p->parity.fd = fd;
}
