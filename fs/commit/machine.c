/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * machine.c - one commit: freeze, plan (plan.c), burn, verify
 *
 *	state		journaled before	what a crash in it means (recover.c)
 *	FROZEN		the tree is read	nothing was written: the changes stay staged
 *	BURNING		the first sector	the session did not happen: the image is cut back
 *	VERIFYING	reading it back		the same
 *	PUBLISHING	the head changes	verified: it is published again
 *	REBASING	the tree changes	published: its generation is dropped from the stage
 *	IDLE		-			nothing
 *
 * Which may follow which is a table in states.c, and each edge is held against it.
 *
 * FROZEN waits for no disk: as long as everything only reads, a crash may leave the stage as its last sync did.  What
 * is staged goes to the stage's disk meanwhile, and all of it is durable when BURNING is.  Nor does VERIFYING: for
 * recovery it is BURNING.
 *
 * Up to and including the journal's PUBLISHING everything can be undone (undo.c); from then on it can only be
 * completed (finish.c): a run that stops there is kept as c->unfinished, the tree stays frozen, and the next commit,
 * or the next mount, goes on with it.
 */
#include "fs/commit/damage.h"
#include "fs/commit/internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/log.h"
#include "burner/base/own.h"
#include "fs/commit/message.h"

#define ENCODER_VERSION 2u

/* With what the drive says itself. */
static int burn_failed(struct run *run, struct commit_result *outcome, const char *what, int error)
{
	char why[256];

	if (message_drive(why, sizeof(why), error, target_sense_text(run->target)))
		return commit_failed(outcome, what, error, why);
	return commit_failed(outcome, what, error, NULL);
}

/* What memory-mapped writers and open nodes still hold goes to the stage. */
static int flush(struct commit *c, struct commit_result *outcome)
{
	int r = c->hooks.flush_writers ? c->hooks.flush_writers(c->hooks.context) : 0;

	if (!r)
		r = tree_flush(c->tree);
	return r ? commit_failed(outcome, "the changes could not be saved in the staging area", r, NULL) : 0;
}

static unsigned freeze_flags(const struct commit *c, unsigned flags)
{
	return (flags & (COMMIT_FINALIZE | COMMIT_ADD_PARITY | COMMIT_ADOPT) ? TREE_FREEZE_UNCHANGED : 0) |
	       (flags & COMMIT_FULL_TREE ? TREE_FREEZE_WHOLE : 0) |
	       (flags & COMMIT_FULL_TREE && c->options.compat ? TREE_FREEZE_HEAL : 0);
}

/* Is it the disc that the changes were made on? A plan made for another one would be nonsense. */
static int look_again(struct commit *c, struct commit_result *outcome)
{
	int r = disc_refresh(c->disc);

	if (!r)
		r = medium_is_expected(c->stage, c->disc, outcome->message, sizeof(outcome->message));
	return r ? commit_failed(outcome, "the disc has changed", r, NULL) : 0;
}

static int freeze_failed(struct commit *c, struct commit_result *outcome, const char *what, int error)
{
	if (error == -EBADMSG && tree_is_contradicted(c->tree))
		return commit_failed(outcome, "no session is made of this disc", -EROFS, TREE_CONTRADICTED);
	return commit_failed(outcome, what, error, NULL);
}

void machine_dry_run(struct commit *c, const struct asked *asked, struct commit_result *outcome)
{
	unsigned flags = asked->flags;
	_cleanup_(run_freep) struct run *run = run_new(c);

	outcome->fits = true;
	if (!run) {
		outcome->error = commit_failed(outcome, "the session could not be planned", -ENOMEM, NULL);
		return;
	}
	if (c->unfinished || c->unsettled) {
		message_unfinished(outcome->message, sizeof(outcome->message),
				   (c->unfinished ? c->unfinished : c->unsettled)->record.session_number,
				   c->unfinished ? MESSAGE_BURNED : MESSAGE_UNKNOWN, "it is not in use yet", -EBUSY);
		outcome->error = -EBUSY;
		return;
	}
	run->asked = *asked;
	outcome->error = flush(c, outcome);
	if (!outcome->error && (tree_changed(c->tree) || freeze_flags(c, flags)))
		outcome->error = look_again(c, outcome);
	if (outcome->error)
		return;
	if (tree_is_contradicted(c->tree)) {
		outcome->error = freeze_failed(c, outcome, "", -EBADMSG);
		return;
	}
	run->preview = true;
	outcome->error = run_take_tree(run, freeze_flags(c, flags), outcome);
	if (!outcome->error)
		outcome->error = run_find_set(run, outcome);
	if (!outcome->error)
		outcome->error = run_plan(run, outcome);
	else if (outcome->error != -ENODATA)
		outcome->error = freeze_failed(c, outcome, "the changes could not be read", outcome->error);
	if (outcome->error == -ENODATA) {
		outcome->error = 0;
		run_tell_full(run, outcome);
	}
}

/* ---- burn ---- */

/* The last look before the first sector: the disc is the one that was planned for. */
static int check_disc(struct run *run, struct commit_result *outcome)
{
	struct commit *c = run->c;
	struct disc_state state;
	int r = look_again(c, outcome);

	if (r)
		return r;
	r = disc_state(c->disc, &state);
	if (!r && !state.appendable)
		return commit_failed(outcome, "no session can be added to this disc", -EROFS, state.why_not);
	if (!r && state.next_lba != run->inputs.options.start_lba)
		r = -ESTALE;
	return r ? commit_failed(outcome, "the disc has changed", r, NULL) : 0;
}

static int fill_record(struct run *run)
{
	const struct burn_options *o = &run->inputs.options;
	struct stage_commit *record = &run->record;

	record->start_lba = o->start_lba;
	record->session_number = o->session_number;
	memcpy(record->uuid, o->uuid, sizeof(record->uuid));
	record->time = o->time;
	record->sectors = run->cost.append_sectors;
	record->encoder_version = ENCODER_VERSION;
	return disc_image_bytes(run->c->disc, &record->image_bytes);
}

static int journal_failed(struct commit_result *outcome, int error)
{
	return commit_failed(outcome, "the commit could not be recorded in the staging area", error, NULL);
}

static int verify_session(struct run *run, struct commit_result *outcome)
{
	const struct burn_progress progress = run_progress(run);
	struct disc *disc = run->c->disc;
	struct burn_damage damage;
	char why[DAMAGE_BYTES + 128] = "the disc holds something else than was written", names[DAMAGE_BYTES];
	int r = medium_explain(disc, burn_verify(disc, run->record.start_lba, run->record.uuid, &progress, &damage));

	if (!r)
		return 0;
	if (disc_is_damage(r) && damage.sectors) {
		damage_name(run->manifest, run->plan, &damage, names);
		snprintf(why, sizeof(why), "in blocks %" PRIu32 " to %" PRIu32 ", %s, the disc %s", damage.lba,
			 damage.lba + damage.sectors - 1, names,
			 r == -EIO ? "cannot be read" : "holds something else than was written");
	}
	return commit_failed(outcome, "the session was written, but reading it back failed", r,
			     r == -EBADMSG || (r == -EIO && damage.sectors) ? why : NULL);
}

static int write_session(struct run *run, struct commit_result *outcome)
{
	struct commit *c = run->c;
	const struct burn_progress progress = run_progress(run);
	struct disc_state state;
	int r;

	r = fill_record(run);
	if (r)
		return commit_failed(outcome, "the disc could not be looked at", r, NULL);
	r = run_journal(run, STAGE_BURNING);
	if (r)
		return journal_failed(outcome, r);
	commit_phase(c, COMMIT_BURNING);
	r = burn_write(run->plan, run->target, &progress);
	if (r)
		return burn_failed(run, outcome, "the session could not be written", r);
	r = run_journal(run, STAGE_VERIFYING);
	if (r)
		return journal_failed(outcome, r);
	commit_phase(c, COMMIT_VERIFYING);
	r = c->options.no_verify ? 0 : verify_session(run, outcome);
	if (r)
		return r;
	/* An image may have been deleted: looked at before as well, but a burn may take long. */
	r = disc_state(c->disc, &state);
	if (!r && state.kind == MEDIUM_IMAGE && !state.appendable)
		return commit_failed(outcome, "the session was written, but is not kept", -EROFS, state.why_not);
	r = run_journal(run, STAGE_PUBLISHING);
	return r ? journal_failed(outcome, r) : 0;
}

/* While the disc is written the system is asked not to go down. */
static int write_and_verify(struct run *run, struct commit_result *outcome)
{
	const struct commit_hooks *hooks = &run->c->hooks;
	int r;

	if (hooks->inhibit)
		hooks->inhibit(hooks->context);
	r = write_session(run, outcome);
	if (hooks->uninhibit)
		hooks->uninhibit(hooks->context);
	return r;
}

static int sum(struct run *run, struct commit_result *outcome)
{
	const struct burn_progress progress = run_progress(run);
	int r = medium_explain(run->c->disc, burn_sum(run->plan, &progress));

	return r ? commit_failed(outcome, "the MD5 sums of the session could not be made", r,
				 r == -EOPNOTSUPP ? "MD5 is not allowed on this system: mount without md5" : NULL) :
		   0;
}

/* MD5 sums, digests of what is adopted, and parity are made before its first sector: a drive that burns gives nothing
 * to be read. */
static int prepare(struct run *run, struct commit_result *outcome)
{
	int r = 1;

	while (r > 0) {
		r = sum(run, outcome);
		if (!r)
			r = run_adopt(run, outcome);
		if (!r)
			r = run_protect(run, outcome);
	}
	return r;
}

static int run_burn(struct run *run, struct commit_result *outcome)
{
	int r;

	if (!outcome->fits)
		return -ENOSPC;
	tree_planned(run->c->tree, run->cost.append_sectors);
	r = atomic_load(&run->c->cancelled) ? commit_failed(outcome, "nothing was burned", -ECANCELED, NULL) :
					      check_disc(run, outcome);
	if (!r)
		r = prepare(run, outcome);
	if (r == -ENODATA)
		return r;
	if (!r && run->inputs.state.exclusive) {
		r = manifest_spool(run->manifest, run->plan);
		if (r)
			return commit_failed(outcome, "what the session takes over from the disc could not be fetched",
					     r, NULL);
	}
	if (!r)
		r = medium_open_target(run->c->disc, &run->c->options, run->asked.flags, &run->target);
	if (r)
		return commit_failed(outcome, "the disc could not be opened for writing", r, NULL);
	return write_and_verify(run, outcome);
}

/* ---- one commit ---- */

/* 1: frozen, 0: nothing is staged. */
static int run_freeze(struct run *run, struct commit_result *outcome)
{
	struct commit *c = run->c;
	int r = flush(c, outcome);

	if (r)
		return r;
	if (!tree_changed(c->tree) && !freeze_flags(c, run->asked.flags))
		return 0;
	r = look_again(c, outcome);
	if (r)
		return r;
	r = run_take_tree(run, freeze_flags(c, run->asked.flags), outcome);
	if (r == -ENODATA)
		run_tell_full(run, outcome);
	if (r == -ENODATA)
		return run->asked.flags & COMMIT_FINALIZE ? commit_failed(outcome, "nothing was burned", r,
									  "the disc is blank and nothing is staged") :
							    0;
	if (r)
		return freeze_failed(c, outcome, "the changes could not be frozen", r);
	run->record.generation = run->frozen.generation;
	r = run_find_set(run, outcome);
	if (r)
		return r;
	r = run_journal(run, STAGE_FROZEN);
	if (r)
		journal_failed(outcome, r);
	return r ? r : 1;
}

/* A run that was verified: finished, or kept to be finished later. */
static int finish_or_keep(struct commit *c, struct run *run, struct commit_result *outcome)
{
	int r = run_finish(run, outcome);

	c->unfinished = r ? run : NULL;
	if (r)
		return r;
	outcome->burned = true;
	outcome->cost = run->cost;
	run_tell_older(run, outcome);
	run_tell_unread(run, outcome);
	outcome->session = run->record.session_number;
	run_free(c->finished);
	c->finished = run;
	return 0;
}

/* What cannot be closed is not burned first to find that out. */
static int check_flags(struct commit *c, unsigned flags, struct commit_result *outcome)
{
	struct disc_state state;
	int r = flags & COMMIT_FINALIZE ? disc_state(c->disc, &state) : 0;

	if (!r && flags & COMMIT_FINALIZE && state.overwritable)
		r = commit_failed(
			outcome, "nothing was burned", -EOPNOTSUPP,
			"image files and rewritable media are always appendable: there is nothing to finalize");
	return r ? commit_failed(outcome, "nothing was burned", r, NULL) : 0;
}

static int commit_staged(struct commit *c, const struct asked *asked, struct commit_result *outcome)
{
	_cleanup_(run_freep) struct run *run = run_new(c);
	int r, undone;

	if (!run)
		return commit_failed(outcome, "nothing was burned", -ENOMEM, NULL);
	run->asked = *asked;
	r = run_freeze(run, outcome);
	if (r == 0)
		return 0;
	if (r > 0)
		r = run_plan(run, outcome);
	if (!r)
		r = run_burn(run, outcome);
	if (!r)
		return finish_or_keep(c, TAKE_PTR(run), outcome);
	if (!run->frozen.snapshot)
		return r;
	undone = run_undo(run, r);
	if (undone > 0) {
		outcome->message[0] = 0;
		return finish_or_keep(c, TAKE_PTR(run), outcome);
	}
	TAKE_PTR(run);
	return r == -ENODATA ? 0 : r;
}

/* A session may be there, whole, on a disc that would not be closed behind it. */
static int check_finalized(struct commit *c, unsigned flags, struct commit_result *outcome)
{
	struct disc_state state;
	int r = flags & COMMIT_FINALIZE ? disc_state(c->disc, &state) : 0;

	if (!r && flags & COMMIT_FINALIZE && !state.finalized) {
		r = -EIO;
		message_unfinished(outcome->message, sizeof(outcome->message), outcome->session, MESSAGE_BURNED,
				   "the drive did not close the disc behind it", r);
	}
	return r ? commit_failed(outcome, "the disc could not be looked at", r, NULL) : 0;
}

/* Some drives close a disc behind a session though they were asked to leave it open. */
static void tell_closed(struct commit *c, unsigned flags, struct commit_result *outcome)
{
	struct disc_state state;

	if (outcome->error || !outcome->burned || outcome->message[0] || flags & COMMIT_FINALIZE ||
	    disc_state(c->disc, &state) || state.appendable)
		return;
	snprintf(outcome->message, sizeof(outcome->message),
		 "the disc takes no further session: %s; from now on it is read-only",
		 state.why_not ? state.why_not : "the medium is closed");
	log_notice("%s", outcome->message);
}

/* One that failed before it was verified, and could not be taken back then: the disc was gone. */
static int undo_earlier(struct commit *c, struct commit_result *outcome)
{
	struct stage_commit record;
	int r = stage_commit_get(c->stage, &record);

	if (!r && record.state != STAGE_IDLE)
		r = undo_record(c, &record);
	return r ? commit_failed(outcome, "what the last commit left could not be taken back", r, NULL) : 0;
}

/* An earlier commit that is neither done nor undone comes first. */
static int finish_earlier(struct commit *c, struct commit_result *outcome)
{
	struct run *run = NULL;
	int r = c->unsettled ? run_settle(c, &run, outcome) : 0;

	if (r > 0)
		return finish_or_keep(c, run, outcome);
	if (r)
		return r;
	return c->unfinished ? finish_or_keep(c, c->unfinished, outcome) : undo_earlier(c, outcome);
}

/* One line for the next mount and for the log. */
static void record_result(struct commit *c, const struct commit_result *outcome)
{
	char text[sizeof(outcome->message)];

	if (outcome->error) {
		snprintf(text, sizeof(text), "%s", outcome->message);
		log_error("%s", text);
	} else if (outcome->burned) {
		message_burned(text, sizeof(text), outcome->session, outcome->cost.append_sectors * SECTOR_BYTES);
		log_notice("%s", text);
	} else {
		return;
	}
	stage_result_set(c->stage, outcome->error, text); /* a stage that cannot keep it fails the next request */
}

void machine_commit(struct commit *c, const struct asked *asked, struct commit_result *outcome)
{
	unsigned flags = asked->flags;

	outcome->fits = true;
	outcome->error = check_flags(c, flags, outcome);
	if (!outcome->error)
		outcome->error = finish_earlier(c, outcome);
	if (!outcome->error)
		outcome->error = commit_staged(c, asked, outcome);
	if (!outcome->error)
		outcome->error = check_finalized(c, flags, outcome);
	record_result(c, outcome);
	tell_closed(c, flags, outcome);
	if (commit_look(c, true))
		log_warning("the disc could not be looked at again after the commit");
}
