/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * queue.c - requests, and the thread that does them
 *
 * The lock of c->worker guards the queue, the status and the copy of what is known of the disc; it is held for moments
 * only and never over a call that leaves this room.  The disc's state is asked by the commit's thread alone (by the
 * maker before that thread is there).
 *
 * A commit answers all requests for one that wait when it begins, but those that want another message: what was staged
 * before them is in it.  A discard or a revert
 * is a fence: what was asked after it is served after it.  What was cancelled while it waited is answered by itself.  A
 * request leaves the list of those taken just before its answer, so a caller that goes away is either forgotten or
 * answered, never both.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "burner/base/log.h"
#include "burner/base/own.h"
#include "burner/base/time.h"
#include "fs/commit/internal.h"
#include "fs/commit/message.h"

/* ---- requests ---- */

void commit_revert_free(struct commit_revert *v)
{
	for (size_t i = 0; v && i < v->n_paths; i++)
		free(v->paths[i]);
	free(v);
}

static void queued_free(struct queued *q)
{
	if (q)
		commit_revert_free(q->options.revert);
	free(q);
}

int commit_request(struct commit *c, const struct commit_request_options *o, commit_done *done, void *arg)
{
	struct queued *q = malloc(sizeof(*q));
	bool refused;

	if (!q)
		return -ENOMEM;
	*q = (struct queued){.done = done, .arg = arg};
	if (o) {
		q->options = *o;
		snprintf(q->message, sizeof(q->message), "%s", o->message ? o->message : "");
		q->options.message = NULL;
	}
	commit_lock(c);
	refused = c->worker.stopping;
	if (!refused) {
		*c->waiting_end = q;
		c->waiting_end = &q->next;
		worker_wake_locked(&c->worker);
	}
	commit_unlock(c);
	if (refused) {
		q->options.revert = NULL;
		queued_free(q);
	}
	return refused ? -ESHUTDOWN : 0;
}

static struct queued *unlink_queued(struct queued **list, const void *arg)
{
	for (struct queued **link = list; *link; link = &(*link)->next) {
		if ((*link)->arg == arg) {
			struct queued *q = *link;

			*link = q->next;
			return q;
		}
	}
	return NULL;
}

static void find_end_locked(struct commit *c)
{
	lock_assert(&c->worker.lock);
	for (c->waiting_end = &c->waiting; *c->waiting_end;)
		c->waiting_end = &(*c->waiting_end)->next;
}

bool commit_forget(struct commit *c, void *arg)
{
	struct queued *q;

	commit_lock(c);
	q = unlink_queued(&c->waiting, arg);
	if (q)
		find_end_locked(c);
	else
		q = unlink_queued(&c->taken, arg);
	commit_unlock(c);
	queued_free(q);
	return q != NULL;
}

/* One session has one message. */
static bool goes_with(const struct queued *q, const struct asked *asked)
{
	return !q->message[0] || !asked->message[0] || strcmp(q->message, asked->message) == 0;
}

/* The first request and, for a commit, all others that it answers. */
static enum commit_request_kind take_locked(struct commit *c, struct asked *ret)
{
	enum commit_request_kind kind = c->waiting->options.kind;
	bool cancelled = c->waiting->cancelled;
	struct queued **to = &c->taken, **link = &c->waiting;

	lock_assert(&c->worker.lock);
	*ret = (struct asked){0};
	while (*link) {
		struct queued *q = *link;

		if (kind == COMMIT_BURN && (q->options.kind == COMMIT_DISCARD || q->options.kind == COMMIT_REVERT))
			break;
		if (q->options.kind != kind || q->cancelled != cancelled || !goes_with(q, ret)) {
			link = &q->next;
			continue;
		}
		*link = q->next;
		q->next = NULL;
		ret->flags |= q->options.flags;
		ret->revert = TAKE_PTR(q->options.revert); /* whoever asked may go away meanwhile */
		if (q->options.parity_percent > ret->parity_percent)
			ret->parity_percent = q->options.parity_percent;
		if (q->message[0])
			memcpy(ret->message, q->message, sizeof(ret->message));
		*to = q;
		to = &q->next;
		if (kind != COMMIT_BURN)
			break;
	}
	find_end_locked(c);
	atomic_store(&c->cancelled, cancelled);
	return kind;
}

/* Answers them all, in the order of asking; done is called without the lock. */
static void reply(struct commit *c, struct queued **list, const struct commit_result *result)
{
	for (;;) {
		struct queued *q;

		commit_lock(c);
		q = *list;
		if (q)
			*list = q->next;
		find_end_locked(c);
		commit_unlock(c);
		if (!q)
			return;
		q->done(q->arg, result);
		queued_free(q);
	}
}

/* ---- the thread ---- */

void commit_discard(struct commit *c, struct commit_result *outcome)
{
	_cleanup_(stage_snapshot_freep) struct stage_snapshot *what = NULL;

	outcome->fits = true;
	outcome->error = tree_discard(c->tree, &what);
	if (outcome->error == -EBUSY)
		snprintf(outcome->message, sizeof(outcome->message),
			 "the changes cannot be dropped while changed files are open or a session is unfinished");
	else if (outcome->error)
		snprintf(outcome->message, sizeof(outcome->message), "the changes could not be dropped: %s",
			 strerror(-outcome->error));
	if (what && c->hooks.discarded)
		c->hooks.discarded(c->hooks.context, what);
}

int commit_discard_paths(struct commit *c, const char *const *paths, size_t n_paths,
			 int (*emit)(void *context, char kind, const char *path, const char *from, uint64_t bytes),
			 void *context, char **ret_why)
{
	_cleanup_(stage_snapshot_freep) struct stage_snapshot *what = NULL;
	int r = tree_discard_paths(c->tree, paths, n_paths, emit, context, &what, ret_why);

	if (what && c->hooks.discarded)
		c->hooks.discarded(c->hooks.context, what);
	return r;
}

/* What is to be known of a session that is, or can be, burned. */
static void add_warning(struct commit *c, struct commit_result *outcome)
{
	uint64_t directories = tree_directories(c->tree);

	if (outcome->error || outcome->message[0] || !outcome->cost.append_sectors)
		return;
	if (outcome->note[0])
		snprintf(outcome->message, sizeof(outcome->message), "%s", outcome->note);
	else if (directories > TREE_DIRECTORIES_NUMBERED)
		message_directories(outcome->message, sizeof(outcome->message), directories);
}

static void run_request(struct commit *c, enum commit_request_kind kind, const struct asked *asked)
{
	struct commit_result result = {.cost.files_in_pieces = commit_files_in_pieces(c)};

	if (kind == COMMIT_BURN && atomic_load(&c->cancelled))
		result.error = commit_failed(&result, "nothing was burned", -ECANCELED, NULL);
	else if (kind == COMMIT_BURN)
		machine_commit(c, asked, &result);
	else if (kind == COMMIT_DRY_RUN)
		machine_dry_run(c, asked, &result);
	else if (kind == COMMIT_REVERT)
		run_revert(c, asked->revert, &result);
	else
		commit_discard(c, &result);
	commit_revert_free(asked->revert);
	add_warning(c, &result);
	commit_lock(c);
	if (kind == COMMIT_BURN) {
		c->last = result;
		c->n_ended++;
	}
	commit_phase_locked(c, COMMIT_IDLE);
	commit_unlock(c);
	reply(c, &c->taken, &result);
	run_free(TAKE_PTR(c->finished));
}

/* True: something is to be done; *ret_kind < 0: nothing but the tick. False: the end. */
static bool wait_for_work(struct commit *c, int *ret_kind, struct asked *ret_asked)
{
	struct timespec until;
	int r = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += TICK_SECONDS;
	*ret_kind = -1;
	commit_lock(c);
	while (!c->waiting && !c->worker.stopping && !r)
		r = lock_wait_until(&c->worker.lock, &c->worker.wake, &until);
	if (c->worker.stopping && (!c->finish_queue || !c->waiting)) {
		commit_unlock(c);
		return false;
	}
	if (c->waiting) {
		*ret_kind = (int)take_locked(c, ret_asked);
		commit_phase_locked(c, COMMIT_PREPARING);
	}
	commit_unlock(c);
	return true;
}

static void *commit_main(void *arg)
{
	struct commit *c = arg;
	struct asked asked = {0};
	int kind;

	while (wait_for_work(c, &kind, &asked)) {
		if (kind >= 0)
			run_request(c, (enum commit_request_kind)kind, &asked);
		else
			commit_look(c, false); /* for `df`: without it the figures of the last look stand */
		commit_tick(c);
		if (kind < 0)
			policy_tick(c);
	}
	return NULL;
}

int commit_start_thread(struct commit *c) { return worker_start(&c->worker, commit_main, c); }

void commit_stop(struct commit *c, bool finish_queue)
{
	struct commit_result result = {.error = -ECANCELED};
	int r;

	commit_lock(c);
	c->finish_queue = finish_queue;
	commit_unlock(c);
	worker_stop(&c->worker);
	snprintf(result.message, sizeof(result.message),
		 "the mount ended; nothing was burned; the changes stay staged");
	reply(c, &c->waiting, &result);
	r = tree_flush(c->tree);
	if (r)
		log_error("the last changes could not be saved in the staging area: %s", strerror(-r));
}

int commit_new(const struct commit_options *options, const struct commit_hooks *hooks, struct disc *disc,
	       struct stage *stage, struct tree *tree, struct commit **ret)
{
	struct commit *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	c->options = *options;
	c->hooks = hooks ? *hooks : (struct commit_hooks){.context = NULL};
	c->disc = disc;
	c->stage = stage;
	c->tree = tree;
	c->waiting_end = &c->waiting;
	c->made_ms = now_ms();
	worker_init(&c->worker);
	r = faults_parse(options->fault, &c->faults);
	c->options.fault = c->faults.target;
	if (!r)
		r = commit_look(c, true);
	if (r) {
		commit_free(c);
		return r;
	}
	*ret = c;
	return 0;
}

void commit_free(struct commit *c)
{
	if (!c)
		return;
	run_free(c->unfinished);
	run_free(c->unsettled);
	faults_release(&c->faults);
	free(c->sessions);
	worker_release(&c->worker);
	free(c);
}
