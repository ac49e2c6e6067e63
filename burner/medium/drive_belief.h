/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * drive_belief.h - what a drive says of a medium, held against what can be
 *
 * Drives and emulations of drives answer with fields that are 0, all ones, off by some blocks, or absent as in older
 * standards.  A field is believed only where it is possible; what can be had from another field is; for what is left
 * recorder_medium.untold has the words, and nothing is appended.
 *
 * Pure: no drive is asked. Threads: any.
 */
#ifndef BURNER_MEDIUM_DRIVE_BELIEF_H
#define BURNER_MEDIUM_DRIVE_BELIEF_H

#include "burner/medium/drive_recorder.h"

/* Of a sequential medium, besides recorder_medium.status, .profile, .atip_sectors and .tracks, all of them as told:
 * a start of 0 or a length of 0 may as well be "unknown". READ TRACK INFORMATION (MMC-6 6.26), READ CAPACITY. */
struct drive_told {
	/* the track to come, or the one that is open: where it begins, where writing goes on, what is free there */
	uint32_t track_lba, next_lba, free_sectors;
	bool has_next;	       /* next_lba is said to be valid */
	bool not_asked;	       /* nothing can be written, so that there is no track to come */
	bool damaged;	       /* that track was not written to its end */
	bool open_tracks;      /* its session has others */
	uint32_t pending_lba;  /* where the only track of the session that is not closed begins; if has_pending */
	bool has_pending;      /* such a track was listed */
	bool lost_sessions;    /* closed ones of which no track was told */
	uint32_t read_sectors; /* by READ CAPACITY; 0 unknown */
};
/* Mends the tracks of m and sets their room, next_lba, free_sectors, interrupted and untold.  m->tracks has room for
 * one more. */
void drive_believe(struct recorder_medium *m, const struct drive_told *told);

/* Of an overwritable medium: its lengths in sectors as told, 0 unknown. */
struct drive_told_size {
	uint32_t formatted, range, read; /* READ FORMAT CAPACITIES, libburn's range for writing, READ CAPACITY */
	bool unformatted;
};
/* Sets capacity_sectors of m, unformatted, and its one track if there may be something to be read; untold. m->tracks
 * has room for one. */
void drive_believe_size(struct recorder_medium *m, const struct drive_told_size *told);

#endif
