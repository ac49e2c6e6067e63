/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * commit.h - the state machine: freeze -> manifest -> burn -> verify -> publish -> rebase; and its recovery
 *
 *	commit_recover (before the tree is made) -> commit_new -> commit_start_thread (after the daemon forked)
 *	-> commit_request … -> commit_stop -> commit_free
 *
 * One thread of its own does all the work; it also hands changed nodes to the stage every two seconds.
 * Requests that arrive during a commit become one next commit.  Threads: any.
 */
#ifndef FS_COMMIT_COMMIT_H
#define FS_COMMIT_COMMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "cdappendfs/burn.h"
#include "fs/commit/forecast.h"
#include "fs/commit/policy.h"
#include "fs/stage/stage.h"
#include "fs/tree/tree.h"

struct commit;

struct commit_options {
	struct pieces_rule pieces;
	unsigned parity_percent; /* ecc=; 0: none */
	bool no_joliet, compat, compress, md5, no_verify;
	bool span; /* as that of the tree */
	struct commit_policy policy;
	oddities accepted;
	char volume_id[33];	   /* "" : keep that of the disc */
	uint64_t bytes_per_second; /* speed= on an image: the target is throttled; 0 not */
	double speed;		   /* speed= in a drive: times the single speed; 0 the fastest */
	const char *fault;	   /* developer's -o fault=: see target_wrap_faults; NULL none */
};

/* Called from the commit's thread, no lock held. */
struct commit_hooks {
	/* mmap writers: before a freeze (notify_inval_inode).  What fails it fails the commit. */
	int (*flush_writers)(void *context);
	void (*discarded)(void *context, const struct stage_snapshot *what); /* invalidate the kernel's caches */
	/* The disc has these now: after each commit, whatever became of it. */
	void (*sessions)(void *context, const struct disc_session *sessions, size_t n);
	void (*inhibit)(void *context);	  /* a burn begins: the system should not go down … */
	void (*uninhibit)(void *context); /* … until here */
	void *context;
};

enum commit_phase {
	COMMIT_IDLE,
	COMMIT_PREPARING,
	COMMIT_BURNING,
	COMMIT_VERIFYING,
	COMMIT_PUBLISHING,
	COMMIT_REBASING
};
const char *commit_phase_name(enum commit_phase phase); /* "idle", … */
struct commit_status {
	enum commit_phase phase;
	uint64_t done_sectors, all_sectors; /* of burning, then of verifying */
	int64_t began_ms;		    /* CLOCK_MONOTONIC: of the phase */
};

/* What a request ended with. */
struct commit_result {
	int error; /* 0 or -errno; 0 with nothing burned when nothing was staged */
	bool burned;
	uint32_t session;      /* number of the session (dry run: it would get) */
	struct burn_cost cost; /* append_sectors 0: nothing staged; files_in_pieces is of the newest session then */
	uint64_t found_bytes;  /* of what is staged, that lie on the disc already, or twice in the stage */
	/* of COMMIT_ADD_PARITY, besides cost.older_sectors: they are of so many sessions; of them, what no digest
	 * proves; what is damaged, and gets none; there is more than one session can protect */
	uint32_t older_sessions;
	uint64_t unproven_sectors, left_out_sectors;
	bool older_more;
	/* of COMMIT_ADOPT: blocks that are adopted (dry run: are to be), of so many sessions; those that could not be
	 * read; one session cannot name all */
	uint64_t adopted_sectors, unread_sectors;
	uint32_t adopted_sessions;
	bool adopted_more;
	/* of COMMIT_REVERT: names that came back, changed, were renamed, went */
	uint64_t made, changed, renamed, removed;
	uint64_t attributes_lost; /* names without those that they had, as -o accept=attributes says */
	uint64_t held_bytes;	  /* of COMMIT_SPAN: content that waits for the next discs; 0 none */
	struct stage_set set;	  /* which disc of a set this one is; zeros: of none … */
	uint32_t set_discs;	  /* … and how many there will be, as it seems now */
	bool fits;
	struct forecast forecast; /* of a session that is burned, or can be: append_sectors is not 0 */
	char note[384];		  /* what is to be known of a session that is burned, or can be; mostly "" */
	char message[512];	  /* for the user: what, why, what to do; "" on plain success */
};

/* After a crash: bring journal and disc to one state.  *ret_generation > 0: that generation is on the disc: after
 * tree_new call commit_finish_recovery. Cuts a half-written session off an image. */
int commit_recover(struct stage *stage, struct disc *disc, uint32_t *ret_generation, char **ret_message);
int commit_finish_recovery(struct stage *stage, struct disc *disc, struct tree *tree, struct iso *base,
			   uint32_t generation);

/* Borrows all. */
int commit_new(const struct commit_options *options, const struct commit_hooks *hooks, struct disc *disc,
	       struct stage *stage, struct tree *tree, struct commit **ret);
int commit_start_thread(struct commit *c);
void commit_free(struct commit *c);

/* What a commit does besides; those that wait together become one commit that does all of it. */
enum commit_flags {
	/* close the disc behind the session, which is burned also when nothing is staged */
	COMMIT_FINALIZE = 1 << 0,
	/* write every directory; also when nothing is staged, unless the newest session has them all */
	COMMIT_FULL_TREE = 1 << 1,
	/* the session gets parity of all that has none so far, and is made for that even if nothing is staged */
	COMMIT_ADD_PARITY = 1 << 2,
	/* the session gets digests of all sessions of other programs that have none so far, and is made for that even
	 * if nothing is staged; with COMMIT_ADD_PARITY that is so without being asked for */
	COMMIT_ADOPT = 1 << 3,
	/* of what is more than the disc takes, what is in its way (fs/tree/span.h) is kept for the next disc */
	COMMIT_SPAN = 1 << 4,
	/* with COMMIT_SPAN: a file that is larger than a disc is split into parts (fs/tree/split.h) */
	COMMIT_SPLIT = 1 << 5,
};

/* What is asked for; all zero: a commit of what is staged. */
struct commit_request_options {
	enum commit_request_kind {
		COMMIT_BURN,
		COMMIT_DRY_RUN, /* what the commit would burn, with the same flags */
		COMMIT_DISCARD, /* what is staged is dropped */
		COMMIT_REVERT,	/* the tree becomes as it was: see commit_revert */
	} kind;
	unsigned flags;		 /* enum commit_flags */
	unsigned parity_percent; /* of COMMIT_ADD_PARITY: 1..100; less than the mount's is as much */
	/* NULL, or that of the session, one that is not refused; copied.  One session has one: a request with another
	 * waits for the next commit. */
	const char *message;
	struct commit_revert *revert; /* of COMMIT_REVERT, in memory of malloc(): taken when the request is queued */
};
/*
 * The present tree, or some paths of it, becomes as it was in a session, which is staged.  What is staged there already
 * would be lost: then it is -EEXIST, unless `force` says that it is to be dropped.  When that is not done to the end,
 * what was changed is dropped again: the tree is that of the newest session.
 */
struct commit_revert {
	uint32_t session;
	bool force;
	size_t n_paths; /* 0: all of it */
	char *paths[];	/* without a slash before them; owned */
};
void commit_revert_free(struct commit_revert *v);

/*
 * What is staged at some paths (in the mount, without a slash before them) and below them is dropped, as
 * tree_discard_paths() does.  At once, from the caller's thread: -EBUSY while a session is burned.
 */
int commit_discard_paths(struct commit *c, const char *const *paths, size_t n_paths,
			 int (*emit)(void *context, char kind, const char *path, const char *from, uint64_t bytes),
			 void *context, char **ret_why);

typedef void commit_done(void *arg, const struct commit_result *result);
/* Queue a request (o NULL: all zero); done is called from the commit's thread: of a commit, when all that was staged
 * before this call is on the disc, or failed.  -ENOMEM, -ESHUTDOWN: done is not called. */
int commit_request(struct commit *c, const struct commit_request_options *o, commit_done *done, void *arg);
/* Forget a request that waits (its caller went away): true when done will not be called for it. */
bool commit_forget(struct commit *c, void *arg);
void commit_status(struct commit *c, struct commit_status *ret);
/* The medium and its sessions (the caller frees *ret_sessions) as of the last look at it: at commit_new, after each
 * commit, and every two seconds for the free space.  A copy kept under a lock of its own: safe from any thread, never
 * waits for a burn; the disc itself is only the commit thread's to ask.  -ENOMEM. */
int commit_disc_info(struct commit *c, struct disc_state *ret_state, struct disc_session **ret_sessions, size_t *ret_n);
/* When it burns by itself, as it was given, and when that is next: seconds since the epoch, or 0, not known. */
const char *commit_policy(struct commit *c, int64_t *ret_next);
/* What others see of the disc goes into the message of a result without an error: that its tray has to be opened. */
void commit_explain_reload(struct commit *c, struct commit_result *result);
/* Is a commit under way, or waiting?  *ret_n: how many have ended; *ret_last (may be NULL): what the last one ended
 * with. */
bool commit_busy(struct commit *c, uint64_t *ret_n, struct commit_result *ret_last);
/* Stop the burn under way, and those that wait: they end with -ECANCELED, and the stage is kept. */
void commit_cancel(struct commit *c);
/* Waits for a burn under way, does what is queued when finish_queue, ends the thread; changed nodes go to the stage. */
void commit_stop(struct commit *c, bool finish_queue);

#endif
