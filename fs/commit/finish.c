/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * finish.c - publish, rebase, rebind: what can only be completed
 *
 * The session is on the disc and verified, the journal says PUBLISHING.  A step that fails is tried again by the next
 * commit; after the end of the mount recover.c does the same from the journal and the disc alone.  The image is never
 * cut from here on: once the head was touched nobody knows how much of it has reached the disk.
 */
#include <errno.h>
#include <string.h>

#include "burner/base/own.h"
#include "fs/commit/internal.h"
#include "fs/commit/message.h"
#include "fs/manifest/packed.h"
#include "fs/manifest/placements.h"

static int unfinished(const struct run *run, struct commit_result *outcome, const char *what, int error)
{
	message_unfinished(outcome->message, sizeof(outcome->message), run->record.session_number, MESSAGE_BURNED, what,
			   error);
	return error;
}

/* The disc may have been away in the meantime, and another be in its place. */
static int look_again(struct run *run)
{
	int r = disc_refresh(run->c->disc);

	return r ? r : burn_session_begins(run->c->disc, run->record.start_lba, run->record.uuid);
}

static int publish(struct run *run, struct commit_result *outcome)
{
	int r;

	commit_phase(run->c, COMMIT_PUBLISHING);
	r = run->again ? look_again(run) : 0;
	if (!r)
		r = medium_explain(run->c->disc, burn_publish(run->c->disc, run->target, run->record.start_lba));
	if (r)
		return unfinished(run, outcome,
				  r == -EBADMSG ? "it could not be made the newest session: the head of the disc, "
						  "blocks 16 to 31, is something else than was written" :
						  "it could not be made the newest session",
				  r);
	r = run_journal(run, STAGE_REBASING);
	if (r)
		return unfinished(run, outcome, "this could not be recorded in the staging area", r);
	target_free(TAKE_PTR(run->target));
	return 0;
}

static int open_newest(struct run *run, struct iso **ret)
{
	struct disc *disc = run->c->disc;
	struct disc_session newest;
	int r = disc_refresh(disc);

	if (!r)
		r = medium_newest_is(disc, run->record.uuid, &newest);
	if (r <= 0)
		return r ? r : -ESTALE;
	r = iso_open(disc, newest.descriptor_lba, ret);
	if (!r && run->c->options.accepted & ODDITY_BIT(ODDITY_DIRECTORIES))
		iso_pass_gaps(*ret);
	return r;
}

static int rebase(struct run *run, struct commit_result *outcome)
{
	_cleanup_(iso_unrefp) struct iso *base = NULL;
	struct burn_placements placements = {0};
	_bulk_ struct burn_placement *data = NULL;
	_bulk_ struct burn_hole *holes = NULL;
	_bulk_ struct burn_packed *packed = NULL;
	struct disc_state state;
	int r;

	commit_phase(run->c, COMMIT_REBASING);
	r = open_newest(run, &base);
	if (!r)
		r = disc_state(run->c->disc, &state);
	if (r)
		return unfinished(run, outcome, "it could not be opened", r);
	burn_plan_directories(run->plan, &placements.directories, &placements.n_directories);
	manifest_homes(run->manifest, &placements.homes, &placements.n_homes);
	r = burned_data(run->manifest, run->plan, &data, &placements.n_data);
	if (!r)
		r = burned_holes(run->manifest, run->plan, &holes, &placements.n_holes);
	if (!r)
		r = burned_packed(run->manifest, run->plan, &packed, &placements.n_packed);
	if (r)
		return unfinished(run, outcome, "the mount could not change over to it", r);
	placements.data = data;
	placements.holes = holes;
	placements.packed = packed;
	r = tree_rebase(run->c->tree, run->record.generation, base, &state, &placements, run->frozen.snapshot);
	return r ? unfinished(run, outcome, "the mount could not change over to it", r) : 0;
}

static int rebind(struct run *run, struct commit_result *outcome)
{
	int r = medium_settle(run->c->stage, run->c->disc, &run->c->faults);

	return r ? unfinished(run, outcome, "the staging area could not be tied to it", r) : 0;
}

int run_finish(struct run *run, struct commit_result *outcome)
{
	static int (*const steps[FINISH_DONE])(struct run *, struct commit_result *) = {
		[FINISH_PUBLISH] = publish,
		[FINISH_REBASE] = rebase,
		[FINISH_REBIND] = rebind,
	};

	while (run->finish != FINISH_DONE) {
		int r = steps[run->finish](run, outcome);

		if (r) {
			run->again = true;
			return r;
		}
		run->finish++;
	}
	return 0;
}
