/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * machine.c - one commit: freeze, plan, burn, verify
 *
 *	state		journaled before	what a crash in it means (recover.c)
 *	FROZEN		the tree is read	nothing was written: the changes stay staged
 *	BURNING		the first sector	the session did not happen: the image is cut back
 *	VERIFYING	reading it back		the same
 *	PUBLISHING	the head changes	verified: it is published again
 *	REBASING	the tree changes	published: its generation is dropped from the stage
 *	IDLE		-			nothing
 *
 * Up to and including the journal's PUBLISHING everything can be undone (run_undo); from then on it can only be completed
 * (finish.c): a run that stops there is kept as c->unfinished, the tree stays frozen, and the next commit, or the next mount, goes on with it.
 *
 * The inputs of the layout are the same calls for a dry run and for a commit; only uuid and time differ, and neither has a
 * part in any length.
 */
#include "fs/commit/machine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "cdappendfs/log.h"
#include "cdappendfs/own.h"
#include "fs/commit/message.h"

#define ENCODER_VERSION 1u

DEFINE_FREEP(struct run, run_free)

static struct run *run_new(struct commit *c)
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
	free(run);
}

int run_journal(struct run *run, enum stage_commit_state state)
{
	struct stage_commit next = run->record;
	int result;

	next.state = state;
	result = faults_commit_set(&run->c->faults, run->c->stage, &next);
	if (!result)
		run->record = next;
	return result;
}

static int failed(struct commit_result *r, const char *what, int error, const char *why)
{
	if (!r->message[0])
		message_failed(r->message, sizeof(r->message), what, error, why);
	return error;
}

/* ---- plan: for a dry run and for a commit ---- */

static int plan_inputs(struct run *run, struct commit_result *r)
{
	struct commit *c = run->c;
	struct burn_options *o = &run->inputs.options;
	uint64_t next_ino = max_u64(run->frozen.next_ino, stage_next_ino(c->stage));
	int result = inputs_gather(&c->options, c->disc, next_ino, &run->inputs);

	if (result)
		return failed(r, "no session can be added to this disc", result, result == -EROFS ? run->inputs.state.why_not : NULL);
	o->time = time(NULL);
	if (getrandom(o->uuid, sizeof(o->uuid), 0) != (ssize_t)sizeof(o->uuid))
		return failed(r, "no random number could be had", -EIO, NULL);
	return 0;
}

static int run_plan(struct run *run, struct commit_result *r)
{
	char why[MANIFEST_WHY_BYTES];
	uint64_t missing = 0;
	const char *where = NULL;
	int result = manifest_build(&run->frozen, run->c->disc, run->c->stage, &run->manifest, why);

	if (result)
		return failed(r, "the tree could not be read completely, so no session was made of it", result, why);
	result = plan_inputs(run, r);
	if (result)
		return result;
	result = burn_plan_new(run->manifest, &run->inputs.options, &run->plan);
	if (result)
		return failed(r, "the session could not be laid out", result, NULL);
	burn_plan_cost(run->plan, &run->cost);
	r->cost = run->cost;
	r->session = run->inputs.options.session_number;
	r->fits = inputs_fit(&run->inputs, run->cost.append_sectors, &missing, &where);
	if (!r->fits)
		message_no_room(r->message, sizeof(r->message), run->cost.append_sectors * SECTOR_BYTES, missing, where);
	return 0;
}

/* What memory-mapped writers and open nodes still hold goes to the stage. */
static int flush(struct commit *c, struct commit_result *r)
{
	int result;

	if (c->hooks.flush_writers)
		c->hooks.flush_writers(c->hooks.context);
	result = tree_flush(c->tree);
	return result ? failed(r, "the changes could not be saved in the staging area", result, NULL) : 0;
}

void machine_dry_run(struct commit *c, struct commit_result *r)
{
	_cleanup_(run_freep) struct run *run = run_new(c);

	r->fits = true;
	if (!run) {
		r->error = failed(r, "the session could not be planned", -ENOMEM, NULL);
		return;
	}
	if (c->unfinished) {
		message_unfinished(r->message, sizeof(r->message), c->unfinished->record.session_number, "not in use yet", -EBUSY);
		r->error = -EBUSY;
		return;
	}
	r->error = flush(c, r);
	if (r->error)
		return;
	r->error = tree_preview(c->tree, &run->frozen);
	if (r->error == -ENODATA) {
		r->error = 0;
		return;
	}
	r->error = r->error ? failed(r, "the changes could not be read", r->error, NULL) : run_plan(run, r);
}

/* ---- burn ---- */

static void report(void *context, uint64_t done_sectors, uint64_t all_sectors)
{
	struct run *run = context;
	struct commit *c = run->c;

	pthread_mutex_lock(&c->lock);
	c->status.done_sectors = done_sectors;
	c->status.all_sectors = all_sectors;
	pthread_mutex_unlock(&c->lock);
	commit_tick(c);
}

static bool is_cancelled(void *context)
{
	const struct run *run = context;

	return atomic_load(&run->c->cancelled);
}

/* The last look before the first sector: the disc is the one that was planned for. */
static int check_disc(struct run *run, struct commit_result *r)
{
	struct commit *c = run->c;
	struct disc_state state;
	int result = disc_refresh(c->disc);

	if (!result)
		result = medium_is_expected(c->stage, c->disc, r->message, sizeof(r->message));
	if (!result)
		result = disc_state(c->disc, &state);
	if (!result && state.next_lba != run->inputs.options.start_lba)
		result = -ESTALE;
	return result ? failed(r, "the disc has changed", result, NULL) : 0;
}

static void fill_record(struct run *run)
{
	const struct burn_options *o = &run->inputs.options;
	struct stage_commit *record = &run->record;

	record->start_lba = o->start_lba;
	record->session_number = o->session_number;
	memcpy(record->uuid, o->uuid, sizeof(record->uuid));
	record->time = o->time;
	record->sectors = run->cost.append_sectors;
	record->image_bytes = medium_image_bytes(run->c->disc);
	record->encoder_version = ENCODER_VERSION;
}

static int journal_failed(struct commit_result *r, int error)
{
	return failed(r, "the commit could not be recorded in the staging area", error, NULL);
}

static int write_and_verify(struct run *run, struct commit_result *r)
{
	struct commit *c = run->c;
	const struct burn_progress progress = {.report = report, .cancelled = is_cancelled, .context = run};
	int result;

	fill_record(run);
	result = run_journal(run, STAGE_BURNING);
	if (result)
		return journal_failed(r, result);
	commit_phase(c, COMMIT_BURNING);
	result = burn_write(run->plan, run->target, &progress);
	if (result)
		return failed(r, "the session could not be written", result, NULL);
	result = run_journal(run, STAGE_VERIFYING);
	if (result)
		return journal_failed(r, result);
	commit_phase(c, COMMIT_VERIFYING);
	result = c->options.no_verify ? 0 : burn_verify(c->disc, run->record.start_lba, run->record.uuid, &progress);
	if (result)
		return failed(r, "the session was written, but reading it back failed", result,
			result == -EBADMSG ? "the disc holds something else than was written" : NULL);
	result = run_journal(run, STAGE_PUBLISHING);
	return result ? journal_failed(r, result) : 0;
}

static int run_burn(struct run *run, struct commit_result *r)
{
	int result;

	if (!r->fits)
		return -ENOSPC;
	result = is_cancelled(run) ? failed(r, "nothing was burned", -ECANCELED, NULL) : check_disc(run, r);
	if (!result && run->inputs.state.exclusive) {
		result = manifest_spool(run->manifest, run->plan);
		if (result)
			return failed(r, "what the session takes over from the disc could not be fetched", result, NULL);
	}
	if (!result)
		result = medium_open_target(run->c->disc, &run->c->options, &run->target);
	if (result)
		return failed(r, "the disc could not be opened for writing", result, NULL);
	return write_and_verify(run, r);
}

/*
 * As if the commit had not been asked for.  When the image cannot be cut back, the journal keeps the record, so that the next mount does it;
 * what lies behind the newest session is no part of the disc meanwhile, and the next session overwrites it.
 */
static void run_undo(struct run *run)
{
	struct commit *c = run->c;
	bool begun = run->record.state >= STAGE_BURNING;
	int result = 0;

	if (run->target)
		target_abort(run->target);
	target_free(TAKE_PTR(run->target));
	if (begun) {
		result = medium_cut(c->disc, run->record.image_bytes);
		if (!result)
			result = disc_refresh(c->disc);
	}
	tree_thaw(c->tree);
	if (begun && !run->inputs.state.overwritable)
		result = medium_settle(c->stage, c->disc, &c->faults);	/* a write-once disc is another now */
	else if (!result)
		result = run_journal(run, STAGE_IDLE);
	if (result)
		log_error("the end of a failed commit could not be recorded: %s; the next mount puts it right", strerror(-result));
}

/* ---- one commit ---- */

/* 1: frozen, 0: nothing is staged. */
static int run_freeze(struct run *run, struct commit_result *r)
{
	struct commit *c = run->c;
	int result = flush(c, r);

	if (result)
		return result;
	if (!tree_changed(c->tree))
		return 0;
	result = tree_freeze(c->tree, &run->frozen);
	if (result == -ENODATA)
		return 0;
	if (result)
		return failed(r, "the changes could not be frozen", result, NULL);
	run->record.generation = run->frozen.generation;
	result = run_journal(run, STAGE_FROZEN);
	if (!result)
		return 1;
	journal_failed(r, result);
	run_undo(run);
	return result;
}

/* A run that was verified: finished, or kept to be finished later. */
static int finish_or_keep(struct commit *c, struct run *run, struct commit_result *r)
{
	int result = run_finish(run, r);

	c->unfinished = result ? run : NULL;
	if (result)
		return result;
	r->burned = true;
	r->cost = run->cost;
	r->session = run->record.session_number;
	run_free(run);
	return 0;
}

static int commit_staged(struct commit *c, struct commit_result *r)
{
	_cleanup_(run_freep) struct run *run = run_new(c);
	int result;

	if (!run)
		return failed(r, "nothing was burned", -ENOMEM, NULL);
	result = run_freeze(run, r);
	if (result <= 0)
		return result;
	result = run_plan(run, r);
	if (!result)
		result = run_burn(run, r);
	if (result) {
		run_undo(run);
		return result;
	}
	return finish_or_keep(c, TAKE_PTR(run), r);
}

/* One line for the next mount and for the log. */
static void record_result(struct commit *c, const struct commit_result *r)
{
	char text[sizeof(r->message)];

	if (r->error) {
		snprintf(text, sizeof(text), "%s", r->message);
		log_error("%s", text);
	} else if (r->burned) {
		message_burned(text, sizeof(text), r->session, r->cost.append_sectors * SECTOR_BYTES);
		log_notice("%s", text);
	} else {
		return;
	}
	stage_result_set(c->stage, r->error, text);
}

void machine_commit(struct commit *c, struct commit_result *r)
{
	r->fits = true;
	if (c->unfinished)
		r->error = finish_or_keep(c, c->unfinished, r);
	if (!r->error)
		r->error = commit_staged(c, r);
	record_result(c, r);
	if (commit_look(c, true))
		log_warning("the disc could not be looked at again after the commit");
}
