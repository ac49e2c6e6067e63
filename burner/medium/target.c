/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cdappendfs/target.h"

#include "burner/format/geometry.h"
#include "burner/medium/internal.h"

int target_publish(struct target *t, const uint8_t published[16 * SECTOR_BYTES])
{
	int r = 0;

	if (!t->ops->publish_sector)
		return t->ops->publish ? t->ops->publish(t, published) : 0;
	for (uint32_t lba = FIRST_SESSION_LBA - 1; lba > DESCRIPTORS_LBA && !r; lba--)
		r = t->ops->publish_sector(t, lba, published + (lba - DESCRIPTORS_LBA) * SECTOR_BYTES);
	if (!r)
		r = t->ops->sync(t);
	if (!r)
		r = t->ops->publish_sector(t, DESCRIPTORS_LBA, published);
	return r ? r : t->ops->sync(t);
}
