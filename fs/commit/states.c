/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/commit/states.h"

#include <errno.h>

#include "burner/base/check.h"
#include "burner/base/log.h"
#include "burner/base/own.h"

#define TO(state) (1u << STAGE_##state)

/* Bits of those that may follow each. */
static const unsigned followers[] = {
	/* to itself: FROZEN could not be journaled, and is undone like any other */
	[STAGE_IDLE] = TO(IDLE) | TO(FROZEN),
	[STAGE_FROZEN] = TO(IDLE) | TO(BURNING),
	/* An error was reported, or the mount ended, and the session is there all the same: on a write-once disc it is
	 * taken for verified (undo.c), by the recovery for published (recover.c). */
	[STAGE_BURNING] = TO(IDLE) | TO(VERIFYING) | TO(PUBLISHING) | TO(REBASING),
	[STAGE_VERIFYING] = TO(IDLE) | TO(PUBLISHING) | TO(REBASING),
	/* to IDLE: the recovery found the session unreadable */
	[STAGE_PUBLISHING] = TO(IDLE) | TO(REBASING),
	[STAGE_REBASING] = TO(IDLE),
};
static const char *const names[] = {
	[STAGE_IDLE] = "idle",		 [STAGE_FROZEN] = "frozen",	    [STAGE_BURNING] = "burning",
	[STAGE_VERIFYING] = "verifying", [STAGE_PUBLISHING] = "publishing", [STAGE_REBASING] = "rebasing",
};
_Static_assert(ARRAY_LENGTH(followers) == ARRAY_LENGTH(names), "each state has a name");

const char *commit_state_name(enum stage_commit_state state) { return names[state]; }

bool commit_may_follow(enum stage_commit_state from, enum stage_commit_state to)
{
	return (size_t)from < ARRAY_LENGTH(followers) && (size_t)to < ARRAY_LENGTH(followers) &&
	       followers[from] >> to & 1;
}

/* What a crash in it means is what it means in the state before: it may become durable with the next one. */
static bool may_wait(enum stage_commit_state state) { return state == STAGE_FROZEN || state == STAGE_VERIFYING; }

int commit_journal(const struct faults *faults, struct stage *stage, const struct stage_commit *next)
{
	struct stage_commit now;
	int r = stage_commit_get(stage, &now);

	if (r)
		return r;
	if (!commit_may_follow(now.state, next->state)) {
		check(!"an edge that is not in the table");
		return -EPROTO;
	}
	r = faults_before(faults, next->state);
	if (!r)
		r = may_wait(next->state) ? stage_commit_put(stage, next) : stage_commit_set(stage, next);
	if (!r)
		log_debug("commit: %s -> %s", names[now.state], names[next->state]);
	faults_after(faults, next->state, stage);
	return r;
}
