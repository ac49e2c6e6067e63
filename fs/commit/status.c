/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * status.c - what others may know of the commit's thread while it works: phase, medium, sessions
 *
 * All of it is a copy under the worker's lock, which is held for moments: nobody waits for a burn to be told of it.
 */
#include "fs/commit/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/log.h"
#include "burner/base/own.h"
#include "burner/base/time.h"

void commit_phase_locked(struct commit *c, enum commit_phase phase)
{
	lock_assert(&c->worker.lock);
	c->status = (struct commit_status){.phase = phase, .began_ms = now_ms()};
}

void commit_phase(struct commit *c, enum commit_phase phase)
{
	commit_lock(c);
	commit_phase_locked(c, phase);
	commit_unlock(c);
}

const char *commit_phase_name(enum commit_phase phase)
{
	static const char *const names[] = {
		[COMMIT_IDLE] = "idle",		  [COMMIT_PREPARING] = "preparing",   [COMMIT_BURNING] = "burning",
		[COMMIT_VERIFYING] = "verifying", [COMMIT_PUBLISHING] = "publishing", [COMMIT_REBASING] = "rebasing",
	};

	return names[phase];
}

bool commit_busy(struct commit *c, uint64_t *ret_n, struct commit_result *ret_last)
{
	bool busy;

	commit_lock(c);
	busy = c->waiting || c->taken || c->status.phase != COMMIT_IDLE;
	*ret_n = c->n_ended;
	if (ret_last)
		*ret_last = c->last;
	commit_unlock(c);
	return busy;
}

void commit_status(struct commit *c, struct commit_status *ret)
{
	commit_lock(c);
	*ret = c->status;
	commit_unlock(c);
}

void commit_cancel(struct commit *c)
{
	commit_lock(c);
	atomic_store(&c->cancelled, true);
	for (struct queued *q = c->waiting; q; q = q->next)
		q->cancelled = q->cancelled || q->options.kind == COMMIT_BURN;
	commit_unlock(c);
}

/* What no commit can burn any more is not accepted; one that is neither done nor undone may open the disc again. */
static bool takes_no_more(struct commit *c, const struct disc_state *state)
{
	struct stage_commit record;

	return !state->appendable && !c->unfinished && !c->unsettled && stage_commit_get(c->stage, &record) == 0 &&
	       record.state == STAGE_IDLE;
}

int commit_look(struct commit *c, bool sessions_too)
{
	_free_ struct disc_session *sessions = NULL;
	struct disc_state state;
	size_t n = 0;
	int r = disc_state(c->disc, &state);

	/* A list that could not be read when it was due is asked for again. */
	sessions_too |= c->sessions_due;
	if (!r && sessions_too)
		r = disc_sessions(c->disc, &sessions, &n);
	c->sessions_due = sessions_too && r;
	if (r)
		return r;
	if (sessions_too && c->hooks.sessions)
		c->hooks.sessions(c->hooks.context, sessions, n);
	commit_lock(c);
	c->state = state;
	if (sessions_too) {
		struct disc_session *old = c->sessions;

		c->sessions = sessions;
		c->n_sessions = n;
		sessions = old;
	}
	commit_unlock(c);
	state.finalized = state.finalized || takes_no_more(c, &state);
	tree_set_medium(c->tree, &state);
	return 0;
}

int commit_disc_info(struct commit *c, struct disc_state *ret_state, struct disc_session **ret_sessions, size_t *ret_n)
{
	struct disc_session *copy;

	commit_lock(c);
	copy = calloc(c->n_sessions ? c->n_sessions : 1, sizeof(*copy));
	if (copy) {
		if (c->n_sessions)
			memcpy(copy, c->sessions, c->n_sessions * sizeof(*copy));
		*ret_state = c->state;
		*ret_sessions = copy;
		*ret_n = c->n_sessions;
	}
	commit_unlock(c);
	return copy ? 0 : -ENOMEM;
}

void commit_explain_reload(struct commit *c, struct commit_result *result)
{
	size_t used = strlen(result->message);

	commit_lock(c);
	bool needs_reload = c->state.needs_reload;
	commit_unlock(c);
	if (result->error || !needs_reload)
		return;
	snprintf(result->message + used, sizeof(result->message) - used,
		 "%sthe drive cannot close its tray: Linux and other programs see what was burned when the disc was "
		 "taken out and put in again",
		 used ? "; " : "");
}

void commit_tick(struct commit *c)
{
	struct timespec now;
	int r;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (now.tv_sec - c->flushed.tv_sec < TICK_SECONDS)
		return;
	c->flushed = now;
	r = tree_flush(c->tree);
	if (r && !c->flush_failed)
		log_error("changes cannot be saved in the staging area: %s; make room there", strerror(-r));
	c->flush_failed = r != 0;
}

uint64_t commit_files_in_pieces(struct commit *c)
{
	const struct disc_session *newest;
	uint64_t files;

	commit_lock(c);
	newest = newest_session(c->sessions, c->n_sessions);
	files = newest ? newest->files_in_pieces : c->n_sessions ? PIECES_UNKNOWN : 0;
	commit_unlock(c);
	return files;
}
