/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/format/twin.h"

#include <errno.h>

void twin_encode(const struct twin *twin, uint8_t entry[TWIN_BYTES])
{
	susp_header_encode(SUSP_SIGNATURE('T', 'W'), TWIN_BYTES, 1, entry);
	put_le32(entry + 4, twin->lba);
	put_le32(entry + 8, twin->bytes);
	put_le32(entry + 12, twin->area_sectors);
	put_le32(entry + 16, twin->attempt);
}

int twin_decode(const uint8_t *entry, struct twin *ret)
{
	if (susp_length(entry) < TWIN_BYTES)
		return -EBADMSG;
	*ret = (struct twin){get_le32(entry + 4), get_le32(entry + 8), get_le32(entry + 12), get_le32(entry + 16)};
	return 0;
}
