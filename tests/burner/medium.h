/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * medium.h - the kinds of disc and the numbers of their standards
 */
#ifndef TESTS_BURNER_MEDIUM_H
#define TESTS_BURNER_MEDIUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum family {
	CD, /* CD-R, CD-RW: tracks, run-out blocks, lead-in and lead-out of every session */
	/* DVD-R, DVD-RW: incremental or at once, borders; DVD-RW may be formatted for restricted overwrite */
	DVD_MINUS,
	DVD_PLUS_R,
	BD_R,	     /* sequential recording mode without pseudo-overwrite */
	DVD_PLUS_RW, /* formats in the background while it is written */
	DVD_RAM,
	BD_RE,
};

enum profile {
	PROFILE_NONE = 0,
	PROFILE_CD_ROM = 0x08,
	PROFILE_CD_R = 0x09,
	PROFILE_CD_RW = 0x0a,
	PROFILE_DVD_ROM = 0x10,
	PROFILE_DVD_R = 0x11,
	PROFILE_DVD_RAM = 0x12,
	PROFILE_DVD_RW_RO = 0x13,
	PROFILE_DVD_RW_SEQ = 0x14,
	PROFILE_DVD_R_DL = 0x15,
	PROFILE_DVD_PLUS_RW = 0x1a,
	PROFILE_DVD_PLUS_R = 0x1b,
	PROFILE_BD_ROM = 0x40,
	PROFILE_BD_R = 0x41,
	PROFILE_BD_RE = 0x43,
};

enum { MAX_SPEEDS = 4 };

struct medium {
	const char *name;
	enum family family;
	enum profile profile; /* as it leaves the factory */
	bool rewritable;
	int32_t capacity; /* blocks for data and what lies between the sessions */
	int32_t packet;	  /* blocks that are recorded together (ECC block, cluster) */
	/* sequential recording */
	int32_t first_gap, later_gap; /* from the end of the first, of a later session to the start of the next */
	int32_t track_gap;	      /* between tracks of one session */
	int32_t run_out;	      /* unreadable blocks at the end of a track */
	int32_t shortest_track;	      /* the drive pads to this */
	int max_tracks, max_sessions, max_reserved;
	/* speed */
	uint32_t one_x;					     /* 1000 bytes a second */
	uint32_t speeds[MAX_SPEEDS];			     /* fastest first, 0 ends */
	unsigned close_track_ms, close_session_ms, blank_ms; /* timing model */
	const char *maker, *type;			     /* media id, as the tools show it */
};

/* By name ("cd-r", "dvd+rw", "bd-re"...); NULL when there is none. */
const struct medium *medium_find(const char *name);
/* The names, for the usage text. */
const char *medium_name(size_t i);

#endif
