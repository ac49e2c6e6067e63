/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * around.c - reading around what is damaged
 */
#include "burner/base/bytes.h"
#include "cdappendfs/disc.h"

int disc_read_around(struct disc *d, uint32_t lba, void *buf, uint32_t n_sectors)
{
	uint8_t *to = buf;
	int r = disc_read(d, lba, to, n_sectors);

	if (!disc_is_damage(r))
		return r;
	r = 0;
	for (uint32_t i = 0; i < n_sectors && !r; i++, to += SECTOR_BYTES) {
		r = disc_read(d, lba + i, to, 1);
		if (!disc_is_damage(r))
			continue;
		memset(to, 0, SECTOR_BYTES);
		r = 0;
	}
	return r;
}
