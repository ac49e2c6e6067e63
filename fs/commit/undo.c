/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * undo.c - a commit that failed before its session was verified
 *
 * Images and overwritable media: nobody knows of the session.  An image is cut back; when it cannot be, the journal
 * keeps the record, so that the next commit or mount does it, and what lies behind the newest session is no part of
 * the disc meanwhile.
 *
 * Write-once media keep what was burned.  The drive may have reported an error and the session be there all the same
 * (its closing is repeated by medium_conclude(), a read-back may have failed once): then the commit is completed,
 * since it must not be burned twice.  When the disc or the drive is gone nobody can know; the run is kept with its
 * tree frozen, and the next commit, or the next mount by recover.c, asks again.
 */
#include <errno.h>
#include <string.h>

#include "burner/base/log.h"
#include "burner/base/own.h"
#include "fs/commit/internal.h"
#include "fs/commit/message.h"

static void thaw(struct run *run)
{
	tree_thaw(run->c->tree);
	run_free(run);
}

/* 0: undone, 1: it is there, < 0: not known. */
static int conclude(struct run *run)
{
	struct commit *c = run->c;
	int r = medium_conclude(c->stage, c->disc, &run->record, &c->faults);

	if (r > 0) {
		r = run_journal(run, STAGE_PUBLISHING);
		if (!r)
			r = 1;
	}
	if (r > 0)
		log_notice("session %u is on the disc, whole, in spite of the error", run->record.session_number);
	return r;
}

int undo_record(struct commit *c, const struct stage_commit *record)
{
	const struct stage_commit idle = {.state = STAGE_IDLE};
	int r = 0;

	if (record->state >= STAGE_BURNING)
		r = disc_cut_image(c->disc, record->image_bytes);
	if (!r && record->state >= STAGE_BURNING)
		r = disc_clear_session(c->disc, record->start_lba, record->sectors);
	if (!r && record->state >= STAGE_BURNING)
		r = disc_refresh(c->disc);
	return r ? r : commit_journal(&c->faults, c->stage, &idle);
}

static void take_back(struct run *run)
{
	int r = undo_record(run->c, &run->record);

	if (r)
		log_error(
			"the end of a failed commit could not be recorded: %s; the next commit or mount puts it right",
			strerror(-r));
	thaw(run);
}

int run_undo(struct run *run, int error)
{
	struct commit *c = run->c;
	bool burned = run->record.state >= STAGE_BURNING && !run->inputs.state.overwritable;
	int r;

	/* What an image's target could not give back, disc_cut_image() tries again, and says so. */
	if (run->target)
		target_abort(run->target);
	target_free(TAKE_PTR(run->target));
	if (!burned) {
		take_back(run);
		return 0;
	}
	r = conclude(run);
	if (r > 0 && error == -ECANCELED)
		log_notice("it had been written before it could be cancelled");
	if (r == 0)
		thaw(run);
	else if (r < 0)
		c->unsettled = run;
	return r;
}

int run_settle(struct commit *c, struct run **ret, struct commit_result *outcome)
{
	struct run *run = c->unsettled;
	int r = conclude(run);

	if (r < 0) {
		message_unfinished(outcome->message, sizeof(outcome->message), run->record.session_number,
				   MESSAGE_UNKNOWN, "whether it is on the disc cannot be found out", r);
		return r;
	}
	c->unsettled = NULL;
	if (r > 0)
		*ret = run;
	else
		thaw(run);
	return r;
}
