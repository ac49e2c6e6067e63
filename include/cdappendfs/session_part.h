/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * session_part.h - what a session consists of, and what each part of it is called where its blocks are damaged
 *
 * Who plans a session knows its parts by the layout (burn_plan_parts()), who reads one by what it says of itself
 * (fs/check/naming.c).
 */
#ifndef CDAPPENDFS_SESSION_PART_H
#define CDAPPENDFS_SESSION_PART_H

enum session_part {
	PART_DESCRIPTORS,
	PART_ABSOLUTE_DESCRIPTORS, /* of overwritable media */
	PART_MESSAGE,
	PART_SAVED_HEAD, /* of another program */
	PART_PATH_TABLE_L,
	PART_PATH_TABLE_M,
	PART_JOLIET_TABLE_L,
	PART_JOLIET_TABLE_M,
	PART_LINKS,
	PART_DIRECTORY, /* this and the next ones are of a path */
	PART_FILE,
	PART_AREAS,
	PART_JOLIET_DIRECTORY,
	PART_PLAIN_DIRECTORY,
	PART_CONTENTS,
	PART_SUMS,
	PART_ADOPTION,
	PART_PARITY,
	PART_DIGESTS,
	PART_RECORD,
	PART_N
};

/* In words, static; of a path it stands behind them. */
const char *session_part_text(enum session_part what);

#endif
