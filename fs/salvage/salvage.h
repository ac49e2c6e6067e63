/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * salvage.h - a stage whose disc is not mounted: what it is, and the ways out of it
 *
 *	salvage_list							all of this user
 *	salvage_find -> salvage_open -> salvage_export | _discard | _rebase -> salvage_close
 *
 * Works also where a mount refuses: the disc has another session by another program, is another file, or is gone; the
 * journal is damaged.  What cannot be done changes nothing. Texts for the user are allocated, the caller frees them.
 *
 * Threads: one.  Errors: -ENOENT nothing is staged for it; -EBUSY a mount or another salvage has it; -EBADMSG damaged
 * (the stage, or what of the disc it stands on); -ESTALE it is not for this disc; -ENOTUNIQ several stages might be
 * meant; those of fs/stage/stage.h and cdappendfs/disc.h.
 */
#ifndef FS_SALVAGE_SALVAGE_H
#define FS_SALVAGE_SALVAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "burner/base/own.h"

/* ---- all of them ---- */

enum salvage_state {
	SALVAGE_WAITING,     /* for the next mount */
	SALVAGE_MOUNTED,     /* a mount has it */
	SALVAGE_FINISHING,   /* it is being burned after an unmount */
	SALVAGE_INTERRUPTED, /* a burn was cut off: the next mount finishes it or takes it back */
	SALVAGE_FAILED,	     /* the last burn failed */
	SALVAGE_STALE,	     /* another program has written to the disc */
	SALVAGE_REPLACED,    /* another disc is at the path */
	SALVAGE_GONE,	     /* nothing is at the path, or it cannot be read */
	SALVAGE_DAMAGED,     /* its journal cannot be read */
};
const char *salvage_state_name(enum salvage_state state); /* "waiting" … */

struct salvage_stage {
	enum salvage_state state;
	char *directory;
	char *disc; /* path; "" not known */
	char *why;  /* one line */
	char *mountpoint;
	int32_t pid; /* of the mount; 0 */
	uint64_t staged_bytes;
	struct timespec changed;
};
struct salvage_stages {
	struct salvage_stage *all;
	size_t n;
};
/* staging: the directory of one (-o staging=); NULL: those below the default root.  Those that hold nothing are left
 * out. */
int salvage_list(const char *staging, struct salvage_stages *ret, char **ret_why);
void salvage_list_release(struct salvage_stages *s);
/* Those that a running mount has are left out. */
void salvage_list_forget_mounted(struct salvage_stages *s);

/* ---- one of them ---- */

/* The directory of what is staged for that disc: a path, which may be gone, or the directory itself. */
int salvage_find(const char *staging, const char *disc, char **ret_directory, char **ret_why);

struct salvage;
/* For reading (export) or for changing.  A damaged stage is opened for changing: it can only be discarded. */
enum salvage_for { SALVAGE_TO_READ, SALVAGE_TO_CHANGE };
int salvage_open(const char *directory, const char *disc, enum salvage_for purpose, struct salvage **ret,
		 char **ret_why);
void salvage_close(struct salvage *s);
DEFINE_FREEP(struct salvage, salvage_close)

/* What is told on the way, one line each. */
struct salvage_tell {
	/* kind 'A', 'M', 'D', 'R' (from: its path on the disc); what the export does not hold itself is told so, too */
	void (*change)(void *context, char kind, const char *path, const char *from, uint64_t bytes);
	void (*missing)(void *context, const char *path, const char *what);
	void *context;
};
/* New and changed files whole, into a directory that is empty or made, or (NULL) as a tar on standard output.
 * *ret_missing: how much of it is not there.  -ENOTEMPTY. */
int salvage_export(struct salvage *s, const char *directory, const struct salvage_tell *tell, uint64_t *ret_missing,
		   char **ret_why);
/* All that is staged is dropped; the burn that was cut off is finished or taken back before. */
int salvage_discard(struct salvage *s, uint64_t *ret_bytes, char **ret_why);
/* Onto the disc as it is now.  -EEXIST: paths clash, each was told by `missing`; nothing was changed.  -EALREADY: it
 * stands on that. */
int salvage_rebase(struct salvage *s, const struct salvage_tell *tell, char **ret_why);

/*
 * What was held back when a disc of a set was burned (fs/tree/span.h) is staged for the next disc, a blank one: an
 * image, made when it is missing, or a drive. -EEXIST: something is staged for that already, or it is not blank;
 * -EXDEV: what is staged changes its old disc, as was told by `missing`.  Nothing was changed then.
 */
int salvage_move(const char *directory, const char *next, const struct salvage_tell *tell, char **ret_why);

#endif
