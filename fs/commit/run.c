/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * run.c - one commit as an object: its life, its journal, what it tells while it works
 */
#include "fs/commit/internal.h"

#include <stdlib.h>

#include "fs/commit/message.h"

struct run *run_new(struct commit *c)
{
	struct run *run = calloc(1, sizeof(*run));

	if (run)
		run->c = c;
	return run;
}

void run_free(struct run *run)
{
	if (!run)
		return;
	target_free(run->target);
	burn_plan_free(run->plan);
	manifest_free(run->manifest);
	tree_frozen_release(&run->frozen);
	burn_older_release(&run->older);
	burn_ranges_release(&run->unread);
	span_free(run->span);
	free(run);
}

int run_journal(struct run *run, enum stage_commit_state state)
{
	struct stage_commit next = run->record;
	int r;

	next.state = state;
	r = commit_journal(&run->c->faults, run->c->stage, &next);
	if (!r)
		run->record = next;
	return r;
}

int commit_failed(struct commit_result *outcome, const char *what, int error, const char *why)
{
	if (!outcome->message[0])
		message_failed(outcome->message, sizeof(outcome->message), what, error, why);
	return error;
}

static void report(void *context, uint64_t done_sectors, uint64_t all_sectors)
{
	struct run *run = context;
	struct commit *c = run->c;

	if (!run->reserved)
		tree_reserved(c->tree);
	run->reserved = true;
	lock_take(&c->worker.lock);
	c->status.done_sectors = done_sectors;
	c->status.all_sectors = all_sectors;
	lock_give(&c->worker.lock);
	commit_tick(c);
}

static bool is_cancelled(void *context)
{
	const struct run *run = context;

	return atomic_load(&run->c->cancelled);
}

struct burn_progress run_progress(struct run *run)
{
	return (struct burn_progress){.report = report, .cancelled = is_cancelled, .context = run};
}
