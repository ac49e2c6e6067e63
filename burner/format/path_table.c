/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * path_table.c - records of path tables
 *
 * libiso9660 keeps the structure of a record to itself; its iso9660_pathtable_l_add_entry() looks for the end of a
 * table in memory whose size it does not know.
 */
#include "burner/format/path_table.h"

#include <errno.h>
#include <string.h>

void path_record_encode(const struct path_record *r, enum path_table_type type, uint8_t *ret)
{
	memset(ret, 0, path_record_bytes(r->identifier_bytes));
	ret[0] = r->identifier_bytes;
	ret[1] = r->attribute_blocks;
	(type == PATH_TABLE_M ? put_be32 : put_le32)(ret + 2, r->lba);
	(type == PATH_TABLE_M ? put_be16 : put_le16)(ret + 6, r->parent);
	memcpy(ret + PATH_RECORD_FIXED_BYTES, r->identifier, r->identifier_bytes);
}

int path_record_decode(const uint8_t *bytes, enum path_table_type type, struct path_record *ret)
{
	struct path_record r = {.identifier = bytes + PATH_RECORD_FIXED_BYTES,
				.identifier_bytes = bytes[0],
				.attribute_blocks = bytes[1]};

	r.lba = (type == PATH_TABLE_M ? get_be32 : get_le32)(bytes + 2);
	r.parent = (type == PATH_TABLE_M ? get_be16 : get_le16)(bytes + 6);
	if (!r.identifier_bytes || !r.parent)
		return -EBADMSG;
	*ret = r;
	return 0;
}
