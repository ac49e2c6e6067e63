/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * states.h - which state of a commit may follow which, and the only way to journal one
 *
 * machine.c says what each state means.  The stage holds the record (enum stage_commit_state); whoever journals a
 * state, a run or the recovery, does it here.
 */
#ifndef FS_COMMIT_STATES_H
#define FS_COMMIT_STATES_H

#include <stdbool.h>

#include "fs/commit/faults.h"
#include "fs/stage/stage.h"

/* "frozen" */
const char *commit_state_name(enum stage_commit_state state);
/* Is that edge in the table? */
bool commit_may_follow(enum stage_commit_state from, enum stage_commit_state to);
/*
 * The record that the stage has becomes *next; durable when it returns, but for FROZEN and VERIFYING, which may wait
 * for the next sync.  faults NULL: none.  -EPROTO: no such edge, which is an error of ours and an assert in builds
 * with checks; what the stage says.  After a failure the record is what it was.
 */
int commit_journal(const struct faults *faults, struct stage *stage, const struct stage_commit *next);

#endif
