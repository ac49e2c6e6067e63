/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * faults.h - developer's faults at the edges of the state machine
 *
 * -o fault= takes words for the target (target_wrap_faults) and these, N times the word "edge":
 *	edge@STATE=ERRNO	journaling that state fails
 *	edge@STATE=kill		SIGKILL to ourselves just before it is journaled
 *	edge@STATE=killed	… just after it is durable
 *	edge@STATE=wait		two seconds before it is journaled
 * STATE: idle frozen burning verifying publishing rebasing
 */
#ifndef FS_COMMIT_FAULTS_H
#define FS_COMMIT_FAULTS_H

#include "fs/stage/stage.h"

#define FAULT_STATES (STAGE_REBASING + 1)
enum { FAULT_KILL_BEFORE = 1, FAULT_KILL_AFTER = 2, FAULT_WAIT = 3 };

struct faults {
	int at[FAULT_STATES]; /* 0, -errno, or FAULT_KILL_ */
	char *target;	      /* what is left for the target; NULL nothing; owned */
};

/* -EINVAL: a word beginning with "edge@" is wrong; -ENOMEM. spec may be NULL. */
int faults_parse(const char *spec, struct faults *ret);
void faults_release(struct faults *f);
/* Around the journaling of a state (states.c); f NULL: no faults.  The error that it fails with, or 0. */
int faults_before(const struct faults *f, enum stage_commit_state state);
void faults_after(const struct faults *f, enum stage_commit_state state, struct stage *stage);

#endif
