/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * internal.h - what the files of the state machine share
 *
 *	queue.c		requests, the thread
 *	status.c	what others are told of it
 *	policy.c	when it burns by itself
 *	machine.c	one commit, edge by edge
 *	plan.c		its manifest and its plan
 *	parity.c	its parity, also of older sessions
 *	adopt.c		sessions of other programs that it adopts
 *	span.c		of more than the disc takes: what waits for the next one
 *	run.c		its life and its journal
 *	states.c	the table of the edges, and the journal
 *	undo.c		one that failed
 *	finish.c	publish and rebase: what must be completed once it was begun
 *	medium.c	what the stage knows of the disc, opening it for writing
 *	recover.c	the same after a crash
 */
#ifndef FS_COMMIT_INTERNAL_H
#define FS_COMMIT_INTERNAL_H

#include <stdatomic.h>

#include "burner/base/own.h"
#include "burner/base/worker.h"
#include "fs/commit/commit.h"
#include "fs/commit/faults.h"
#include "fs/commit/inputs.h"
#include "fs/commit/states.h"
#include "fs/manifest/manifest.h"
#include "fs/tree/span.h"

#define TICK_SECONDS 2 /* changed nodes go to the stage so often */

/* A request in the queue. */
struct queued {
	struct queued *next;
	struct commit_request_options options;
	session_message message;
	bool cancelled;
	commit_done *done;
	void *arg;
};

/* What the requests that one commit answers want of it. */
struct asked {
	unsigned flags;		      /* enum commit_flags */
	unsigned parity_percent;      /* of COMMIT_ADD_PARITY */
	struct commit_revert *revert; /* of COMMIT_REVERT, freed by run_request() */
	session_message message;
};

/* One commit from freeze to rebase. The commit's thread only. */
struct run {
	struct commit *c;
	struct tree_frozen frozen;
	bool preview; /* a dry run: frozen is only a look */
	struct asked asked;
	struct span *span;	 /* of COMMIT_SPAN; NULL: nothing is held back */
	struct stage_set set;	 /* zeros: the disc is of none */
	struct burn_older older; /* of COMMIT_ADD_PARITY, once it was looked for */
	bool older_found;
	struct burn_adoptable adoptable; /* of COMMIT_ADOPT: the same */
	bool adoptable_found;
	struct burn_ranges unread; /* of that, what could not be read */
	bool again;		   /* it is finished after a failure */
	struct inputs inputs;
	struct manifest *manifest;
	struct burn_plan *plan;
	struct burn_cost cost;
	struct target *target;
	bool reserved;		    /* the target has its blocks, as the tree was told */
	struct stage_commit record; /* as journaled last */
	/* what is next once it was verified */
	enum finish_step { FINISH_PUBLISH, FINISH_REBASE, FINISH_REBIND, FINISH_DONE } finish;
};

struct commit {
	struct commit_options options;
	struct commit_hooks hooks;
	struct disc *disc;
	struct stage *stage;
	struct tree *tree;
	struct faults faults;
	atomic_bool cancelled;
	int64_t made_ms;		/* CLOCK_MONOTONIC: when the mount began */
	_Atomic int64_t policy_wait_ms; /* the same: before that it does not burn by itself */
	_Atomic int64_t burned_ms;	/* the same: when it burned by itself last; 0: not yet */
	_Atomic int64_t policy_idle_ms; /* when what is staged was touched last, and that left no change; 0: unknown */

	/* the thread's own */
	struct run *unfinished; /* verified, but not published or not the base yet */
	struct run *finished;	/* done with; freed when it was answered: pages of large arrays take a while */
	/* failed on a write-once disc, and what became of it is not known yet: the tree stays frozen */
	struct run *unsettled;
	struct timespec flushed; /* when changed nodes went to the stage last */
	bool flush_failed;	 /* said so already */
	bool sessions_due;	 /* what is known of them is old: the last look failed */

	struct worker worker; /* its lock guards what follows */
	bool finish_queue;
	struct queued *waiting, **waiting_end;
	struct queued *taken; /* those that the commit under way answers */
	struct commit_status status;
	uint64_t n_ended;	   /* commits, since the beginning */
	struct commit_result last; /* of them */
	struct disc_state state;
	struct disc_session *sessions;
	size_t n_sessions;
};

static inline void commit_lock(struct commit *c) { lock_take(&c->worker.lock); }
static inline void commit_unlock(struct commit *c) { lock_give(&c->worker.lock); }

/* ---- status.c ---- */
void commit_phase(struct commit *c, enum commit_phase phase);
void commit_phase_locked(struct commit *c, enum commit_phase phase);
void commit_tick(struct commit *c); /* changed nodes to the stage when two seconds are over */
/* Look at the medium again, for commit_disc_info() and the tree's free space.  Only the thread that owns the disc. */
int commit_look(struct commit *c, bool sessions_too);
/* How many files of the newest session have several sections, as it says; PIECES_UNKNOWN. */
uint64_t commit_files_in_pieces(struct commit *c);

/* ---- policy.c ---- */
/* Burns when that is due.  The commit's thread, while nothing is asked for. */
void policy_tick(struct commit *c);

/* ---- run.c ---- */
struct run *run_new(struct commit *c); /* NULL: no memory */
void run_free(struct run *run);
DEFINE_FREEP(struct run, run_free)
int run_journal(struct run *run, enum stage_commit_state state);
/* Tells the status how far it is, and asks whether it was cancelled. */
struct burn_progress run_progress(struct run *run);
/* returns error; the first message stays */
int commit_failed(struct commit_result *outcome, const char *what, int error, const char *why);

/* ---- plan.c ---- */
/* From run->frozen to run->manifest, run->plan and what it costs.  0, also when it does not fit (outcome->fits, with a
 * message); -ENODATA: a session would have nothing that the newest one has not; or an error with a message. */
int run_plan(struct run *run, struct commit_result *outcome);

/* ---- parity.c ---- */
/* What older blocks the plan is to protect, if that was asked for: into the inputs. */
int run_find_older(struct run *run, struct commit_result *outcome);
/* Makes the parity of a plan that has it.  1: some of the older blocks are damaged, and the plan was made again without
 * them; -ENODATA: without them nothing is left to be burned. */
int run_protect(struct run *run, struct commit_result *outcome);
/* What of it is to be known at the end. */
void run_tell_older(const struct run *run, struct commit_result *outcome);
/* Their blocks. */
uint64_t run_sectors_of(const struct burn_ranges *r);
/* Into the log, and where nothing else is to be known into the message: which, the ranges, how (up to its first comma
 * into the log). */
void run_tell_ranges(const struct burn_ranges *out, struct commit_result *outcome, const char *which, const char *how);
/* It does not fit. */
void run_no_room_for_parity(const struct run *run, uint64_t missing_bytes, const char *where,
			    struct commit_result *outcome);

/* ---- adopt.c ---- */
/* What the plan is to name of sessions of other programs, if that was asked for: into the inputs. */
int run_find_adoptable(struct run *run, struct commit_result *outcome);
/* Reads it.  -ENODATA: nothing of it can be, and nothing else was to be burned. */
int run_adopt(struct run *run, struct commit_result *outcome);
/* What of it is to be known at the end. */
void run_tell_unread(const struct run *run, struct commit_result *outcome);

/* ---- span.c ---- */
/* Freezes the tree, or, of a dry run, looks at it; of COMMIT_SPAN without what waits for the next disc.  As
 * tree_freeze(). */
int run_take_tree(struct run *run, unsigned flags, struct commit_result *outcome);
/* Then: which disc of a set it is; that is put when the set begins. */
int run_find_set(struct run *run, struct commit_result *outcome);
/* The tree gave -ENODATA: if all that is staged waits for the next disc, that is told. */
void run_tell_full(const struct run *run, struct commit_result *outcome);
/* The message of the session, with that. */
int run_put_message(struct run *run, struct commit_result *outcome);

/* ---- machine.c ---- */
void machine_commit(struct commit *c, const struct asked *asked, struct commit_result *outcome);
void machine_dry_run(struct commit *c, const struct asked *asked, struct commit_result *outcome);

/* ---- queue.c ---- */
/* All that is staged is dropped; the commit's thread only. */
void commit_discard(struct commit *c, struct commit_result *outcome);

/* ---- revert.c ---- */
void run_revert(struct commit *c, const struct commit_revert *v, struct commit_result *outcome);

/* ---- undo.c ---- */
/*
 * A run that failed with `error`, as if it had not been asked for.  0: undone, run is freed.  1: on a write-once disc
 * the session is there after all, whole, and can be finished.  < 0: not known yet (no disc, no drive): kept as
 * c->unsettled.
 */
int run_undo(struct run *run, int error);
/* What that record stands for is taken back, and the journal IDLE; of what is not write-once. */
int undo_record(struct commit *c, const struct stage_commit *record);
/* run_undo() again for c->unsettled.  1: it is to be finished, and c->unsettled is NULL. < 0 with a message. */
int run_settle(struct commit *c, struct run **ret, struct commit_result *outcome);

/* ---- finish.c ---- */
/* From a verified session, journaled as PUBLISHING, to IDLE.  After a failure (r->message says which) it goes on
 * where it was when called again. */
int run_finish(struct run *run, struct commit_result *outcome);

/* ---- medium.c ---- */
/* Does the disc look as the stage knows it?  -ESTALE and a text naming both states. */
int medium_is_expected(struct stage *stage, struct disc *disc, char *message, size_t n);
/* Is the newest session on the disc the one with that uuid?  1 and *ret, 0, or an errno. */
int medium_newest_is(struct disc *disc, const uint8_t uuid[16], struct disc_session *ret);
/* -EIO of a block that cannot be read stays; it is -ENOMEDIUM or -ENODEV when there is no disc or no drive any more. */
int medium_explain(struct disc *disc, int error);
/* The write side of the disc, with the fault and the speed of the options (NULL: neither). -EINVAL: the fault is
 * wrong. */
int medium_open_target(struct disc *disc, const struct commit_options *o, unsigned flags, struct target **ret);
/*
 * What became of a session on a write-once disc whose burn failed, or of which nothing is known.  Its open track is
 * closed.  1: it is there, whole, the newest.  0: it is not; the stage is tied to the disc as it is now, IDLE.
 * -ESTALE: another disc; what the drive says.
 */
int medium_conclude(struct stage *stage, struct disc *disc, const struct stage_commit *record,
		    const struct faults *faults);
/* Ties the stage to the disc as it is, then IDLE: by one sync, or, when a crash comes between the two, in this order,
 * which is recovered from. */
int medium_settle(struct stage *stage, struct disc *disc, const struct faults *faults);

#endif
