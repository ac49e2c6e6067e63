/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/format/directory_record.h"

#include <string.h>

#include <cdio/bytesex.h>

#include "burner/format/date.h"

void record_encode(const struct directory_record *r, unsigned length, uint8_t *ret)
{
	iso9660_dir_t dir = {
		.length = (uint8_t)length,
		.extent = to_733(r->lba),
		.size = to_733(r->bytes),
		.file_flags = r->flags,
		.volume_sequence_number = to_723(1),
		.filename.len = (uint8_t)r->identifier_bytes,
	};

	date_encode_short((uint8_t *)&dir.recording_time, r->time);
	memcpy(ret, &dir, sizeof(dir));
	memcpy(ret + sizeof(dir), r->identifier, r->identifier_bytes);
}
