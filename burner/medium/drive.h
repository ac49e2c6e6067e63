/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * drive.h - a drive as a disc and as a target
 *
 * drive.c is the disc: what lies on the medium, and reading it.  drive_target.c writes a session.  drive_recorder.c asks libburn.
 * A drive is opened exclusively however it is opened, so that what can be read can be written without opening it again (disc_state.exclusive).
 */
#ifndef BURNER_MEDIUM_DRIVE_H
#define BURNER_MEDIUM_DRIVE_H

#include <pthread.h>

#include "burner/medium/drive_recorder.h"
#include "burner/medium/medium.h"

#define DRIVE_WINDOWS 4u
/* Orange Book: lead-out and lead-in behind the first session of a CD and behind the others; two run-out blocks end a track at once. */
#define DRIVE_GAP_FIRST 11400u
#define DRIVE_GAP 6900u
#define DRIVE_RUN_OUT 2u
#define DRIVE_PAD 150u			/* readers ask for blocks behind the last one that they need */
#define DRIVE_TRACK_MIN 300u
#define DRIVE_ALIGN 16u			/* of starts: the page cache reads in pieces of 4 KiB, and more */
/* Room that a session takes behind its own sectors at most. */
#define DRIVE_TAIL_MAX (DRIVE_TRACK_MIN + DRIVE_ALIGN + DRIVE_RUN_OUT)

/* Sectors read ahead. */
struct drive_window {
	uint32_t lba, n_sectors;	/* 0: empty */
	uint64_t used;			/* the higher, the later */
	uint8_t *buf;
};

struct drive {
	struct disc disc;
	pthread_mutex_t lock;		/* the recorder and what follows; the list, why_not and unreadable are the one thread's of disc.h */
	struct recorder *recorder;
	struct recorder_medium medium;
	bool burning;
	uint64_t clock;
	struct drive_window windows[DRIVE_WINDOWS];
	struct session_list list;
	bool unreadable;		/* the newest session's descriptor cannot be read */
	char why_not[160];		/* empty: appendable */
};

bool drive_path(const char *path);
int drive_open(const char *path, struct disc **ret, const char **ret_why);
/* The drive behind a disc and its decorators, or NULL. */
struct drive *drive_of(struct disc *d);
/* From now on disc_read() says -EAGAIN; until drive_refresh after the end. */
void drive_set_burning(struct drive *d, bool burning);
/* Lost behind a session that is burned next: gap and run-out, without padding. */
uint32_t drive_gap(const struct drive *d);

/* drive_target.c */
int drive_target_new(struct drive *d, struct target **ret);

#endif
