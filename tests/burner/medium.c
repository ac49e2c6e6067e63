/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * medium.c - the table of media
 *
 * CD: a session costs its lead-out (6,750 blocks after the first, 2,250 after later ones), the next lead-in (4,500)
 * and the pre-gap (150).  DVD-R: border-out and the next border-in, 56 MiB after the first session, 12 MiB after
 * later ones at these radii.  DVD+R: closure and intro, 4 MiB.  BD-R: nothing.  A driver must not know these numbers
 * but ask for them.
 */
#include "tests/burner/medium.h"

#include <string.h>

#include "burner/base/own.h"

#define CD_RULES \
	.family = CD, .capacity = 359849, .packet = 1, .first_gap = 11400, .later_gap = 6900, .track_gap = 150, \
	.run_out = 2, .shortest_track = 300, .max_tracks = 99, .max_sessions = 99, .max_reserved = 98, .one_x = 176, \
	.close_track_ms = 3000, .close_session_ms = 20000, .blank_ms = 30000
#define DVD_MINUS_RULES \
	.family = DVD_MINUS, .packet = 16, .first_gap = 28672, .later_gap = 6144, .max_tracks = 1000, \
	.max_sessions = 1000, .max_reserved = 2, .one_x = 1385, .close_track_ms = 5000, .close_session_ms = 60000, \
	.blank_ms = 60000

static const struct medium media[] = {
	{.name = "cd-r", .profile = PROFILE_CD_R, CD_RULES, .speeds = {8467, 6350, 4234, 2117}},
	{.name = "cd-rw", .profile = PROFILE_CD_RW, .rewritable = true, CD_RULES, .speeds = {4234, 2117, 706}},
	{.name = "dvd-r",
	 .profile = PROFILE_DVD_R,
	 DVD_MINUS_RULES,
	 .capacity = 2298496,
	 .speeds = {22160, 11080, 5540},
	 .maker = "EMUDVD",
	 .type = "R00001"},
	{.name = "dvd-r-dl",
	 .profile = PROFILE_DVD_R_DL,
	 DVD_MINUS_RULES,
	 .capacity = 4171712,
	 .speeds = {11080, 5540},
	 .maker = "EMUDVD",
	 .type = "R0DL01"}, /* as a disc of one layer twice as large */
	{.name = "dvd-rw",
	 .profile = PROFILE_DVD_RW_SEQ,
	 .rewritable = true,
	 DVD_MINUS_RULES,
	 .capacity = 2298496,
	 .speeds = {8310, 5540, 2770},
	 .maker = "EMUDVD",
	 .type = "RW0001"},
	{.name = "dvd+r",
	 .family = DVD_PLUS_R,
	 .profile = PROFILE_DVD_PLUS_R,
	 .capacity = 2295104,
	 .packet = 16,
	 .first_gap = 2048,
	 .later_gap = 2048,
	 .max_tracks = 1000,
	 .max_sessions = 153,
	 .max_reserved = 15,
	 .one_x = 1385,
	 .speeds = {22160, 11080, 5540},
	 .close_track_ms = 4000,
	 .close_session_ms = 30000,
	 .maker = "EMUPLUSR",
	 .type = "001"},
	{.name = "bd-r",
	 .family = BD_R,
	 .profile = PROFILE_BD_R,
	 .capacity = 12219392,
	 .packet = 32,
	 .max_tracks = 1000,
	 .max_sessions = 1000,
	 .max_reserved = 900,
	 .one_x = 4495,
	 .speeds = {26970, 17980, 8990},
	 .close_track_ms = 2000,
	 .close_session_ms = 5000,
	 .maker = "EMUBDR",
	 .type = "001"},
	{.name = "dvd+rw",
	 .family = DVD_PLUS_RW,
	 .profile = PROFILE_DVD_PLUS_RW,
	 .rewritable = true,
	 .capacity = 2295104,
	 .packet = 16,
	 .one_x = 1385,
	 .speeds = {11080, 5540, 3324},
	 .close_session_ms = 15000,
	 .blank_ms = 10000,
	 .maker = "EMUPLSRW",
	 .type = "001"},
	{.name = "dvd-ram",
	 .family = DVD_RAM,
	 .profile = PROFILE_DVD_RAM,
	 .rewritable = true,
	 .capacity = 2236704,
	 .packet = 16,
	 .one_x = 1385,
	 .speeds = {6925, 4155, 2770},
	 .blank_ms = 60000},
	{.name = "bd-re",
	 .family = BD_RE,
	 .profile = PROFILE_BD_RE,
	 .rewritable = true,
	 .capacity = 12219392,
	 .packet = 32,
	 .one_x = 4495,
	 .speeds = {8990},
	 .blank_ms = 15000,
	 .maker = "EMUBRE",
	 .type = "001"},
};

const struct medium *medium_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LENGTH(media); i++) {
		if (!strcmp(media[i].name, name))
			return &media[i];
	}
	return NULL;
}

const char *medium_name(size_t i) { return i < ARRAY_LENGTH(media) ? media[i].name : NULL; }
