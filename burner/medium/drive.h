/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * drive.h - a drive as a disc and as a target
 *
 *	drive.c			the disc: what is in the drive, whether it can be appended to, opening and closing
 *	drive_sessions.c	what lies on the medium
 *	drive_read.c		reading it
 *	drive_target.c		writing a session
 *	drive_recorder.c, drive_burning.c	libburn
 *
 * A drive is opened exclusively however it is opened, so that what can be read can be written without opening it
 * again (disc_state.exclusive).
 */
#ifndef BURNER_MEDIUM_DRIVE_H
#define BURNER_MEDIUM_DRIVE_H

#include <pthread.h>

#include "burner/medium/drive_recorder.h"
#include "burner/base/worker.h"
#include "burner/medium/internal.h"
#include "burner/medium/elevator.h"
#include "burner/medium/windows.h"

/* What a session of its own, or the head of an overwritable medium, turned out to be. */
enum drive_content {
	CONTENT_TREE,	 /* an ISO 9660 volume */
	CONTENT_NOTHING, /* never written, zeros, or blanked by xorriso */
	CONTENT_FAILED,	 /* of ours, without its commit record; or told so by disc_forgive() */
	CONTENT_UNREADABLE,
	CONTENT_AUDIO, /* no data track */
	CONTENT_OTHER, /* UDF, another file system, whatever */
};

/* Numbers of a kind of medium that the drive does not tell. */
struct drive_rules {
	/* from the end of a session to the start of the next, at most: for df during a burn */
	uint32_t gap_first, gap;
	uint32_t run_out; /* unreadable blocks at the end of a track */
	/* blocks behind the session, at least: readers ask for some behind the last one that they need */
	uint32_t pad;
	uint32_t track_min; /* blocks that a track has at least */
	/* of starts, and so of lengths: what the medium writes at once, or the page cache reads at once */
	uint32_t align;
	uint32_t sessions_max; /* 0: as many as the drive takes */
};
struct drive_kind {
	unsigned profile;
	enum medium_kind kind;
	const char *name;
	const struct drive_rules *rules;
};

struct drive {
	struct disc disc;
	char *path;
	struct elevator elevator; /* of readers; taken before the lock */
	struct worker ahead;	  /* of drive_read.c; its lock guards has_turn, and nothing else is held with it */
	bool has_turn;		  /* the elevator's turn is that thread's */
	pthread_t opener;
	/* the recorder and what follows; from `list` on it is the one thread's of cdappendfs/disc.h */
	pthread_mutex_t lock;
	struct recorder *recorder;
	struct recorder_medium medium;
	bool burning;
	struct windows windows;
	struct session_list list;
	enum drive_content newest; /* of what was recorded last */
	oddities accepted;
	bool burned;	     /* since it was opened, or came back: the kernel does not know */
	bool lost;	     /* it went away once */
	uint32_t failed_lba; /* disc_forgive(); UINT32_MAX none */
	const char *why_not; /* static; NULL: appendable */
};

bool drive_path(const char *path);
int drive_open(const char *path, const struct disc_open_options *options, struct disc **ret, const char **ret_why);
/* The drive behind a disc and its decorators, or NULL. */
struct drive *drive_of(struct disc *d);
const struct drive_kind *drive_kind_of(unsigned profile);   /* MEDIUM_OTHER: none that we know */
const struct drive_kind *drive_kind(const struct drive *d); /* the same of the medium in it */
bool drive_kind_is_overwritable(const struct drive_kind *k);
const struct drive_rules *drive_rules(const struct drive *d);
/* Lost behind a session that is burned next: gap and run-out, without padding. */
uint32_t drive_gap(const struct drive *d);
/* Room that a session takes behind its own sectors at most. */
uint32_t drive_tail(const struct drive *d);
/* UINT32_MAX: as many as there is room for. */
uint32_t drive_sessions_left(const struct drive *d);

/* ---- drive_sessions.c ---- */

/* Sessions of the medium as d->medium describes it, oldest first; what was recorded last. Errors of disc_read() but
 * -EIO, -ENOMEM. */
int drive_list(struct drive *d, struct session_list *ret, enum drive_content *ret_newest);
uint64_t drive_end(const struct recorder_medium *m);
bool drive_has_data(const struct recorder_medium *m);
/* Those that can be mounted begin there: an earlier one may be broken, when a first burn failed. */
struct session_list drive_whole(const struct session_list *l);

/* ---- drive_read.c ---- */

void drive_reading_init(struct drive *d);
/* Before the recorder is closed: nobody reads any more. */
void drive_reading_stop(struct drive *d);
void drive_reading_release(struct drive *d);
int drive_read(struct disc *disc, uint32_t lba, void *buf, uint32_t n_sectors);
int drive_read_medium(struct disc *disc, uint32_t lba, void *buf, uint32_t n_sectors);
/* From now on disc_read() says -EAGAIN; until it is switched off. What was read ahead is forgotten. */
void drive_set_burning(struct drive *d, bool burning);
void drive_forget_windows_locked(struct drive *d);

/* ---- drive_target.c ---- */
int drive_target_new(struct drive *d, const struct target_options *options, struct target **ret);

#endif
