/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cdappendfs/session_part.h"

const char *session_part_text(enum session_part what)
{
	static const char *const texts[PART_N] = {
		[PART_DESCRIPTORS] = "volume descriptors",
		[PART_ABSOLUTE_DESCRIPTORS] = "volume descriptors with the absolute size",
		[PART_MESSAGE] = "message",
		[PART_SAVED_HEAD] = "saved head of another program",
		[PART_PATH_TABLE_L] = "path table (L)",
		[PART_PATH_TABLE_M] = "path table (M)",
		[PART_JOLIET_TABLE_L] = "path table (Joliet, L)",
		[PART_JOLIET_TABLE_M] = "path table (Joliet, M)",
		[PART_LINKS] = "link table",
		[PART_DIRECTORY] = "",
		[PART_FILE] = "",
		[PART_AREAS] = "continuation areas of ",
		[PART_JOLIET_DIRECTORY] = "directory of the Joliet tree: ",
		[PART_PLAIN_DIRECTORY] = "directory of the plain tree: ",
		[PART_CONTENTS] = "content table",
		[PART_SUMS] = "MD5 sums",
		[PART_ADOPTION] = "adoption table",
		[PART_PARITY] = "parity",
		[PART_DIGESTS] = "digest table",
		[PART_RECORD] = "commit record",
	};

	return texts[what];
}
