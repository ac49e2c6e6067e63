/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * finish.c - publish, rebase, rebind: what can only be completed
 *
 * The session is on the disc and verified, the journal says PUBLISHING.  A step that fails is tried again by the next commit; after the end
 * of the mount recover.c does the same from the journal and the disc alone.  The image is never cut from here on: once the
 * head was touched nobody knows how much of it has reached the disk.
 */
#include <errno.h>
#include <string.h>

#include "cdappendfs/own.h"
#include "fs/commit/machine.h"
#include "fs/commit/message.h"
#include "fs/commit/placements.h"

static int unfinished(const struct run *run, struct commit_result *r, const char *what, int error)
{
	message_unfinished(r->message, sizeof(r->message), run->record.session_number, MESSAGE_BURNED, what, error);
	return error;
}

/* The disc may have been away in the meantime, and another be in its place. */
static int look_again(struct run *run)
{
	int result = disc_refresh(run->c->disc);

	return result ? result : medium_has_session(run->c->disc, run->record.start_lba, run->record.uuid);
}

static int publish(struct run *run, struct commit_result *r)
{
	int result;

	commit_phase(run->c, COMMIT_PUBLISHING);
	result = run->again ? look_again(run) : 0;
	if (!result)
		result = medium_explain(run->c->disc, burn_publish(run->c->disc, run->target, run->record.start_lba));
	if (result)
		return unfinished(run, r, "it could not be made the newest session", result);
	result = run_journal(run, STAGE_REBASING);
	if (result)
		return unfinished(run, r, "this could not be recorded in the staging area", result);
	target_free(TAKE_PTR(run->target));
	return 0;
}

static int open_newest(struct run *run, struct iso **ret)
{
	struct disc *disc = run->c->disc;
	struct disc_session newest;
	int result = disc_refresh(disc);

	if (!result)
		result = medium_newest_is(disc, run->record.uuid, &newest);
	if (result <= 0)
		return result ? result : -ESTALE;
	return iso_open(disc, newest.descriptor_lba, ret);
}

static int rebase(struct run *run, struct commit_result *r)
{
	_cleanup_(iso_unrefp) struct iso *base = NULL;
	struct burn_placements placements = {0};
	_bulk_ struct burn_placement *data = NULL;
	_bulk_ struct burn_hole *holes = NULL;
	struct disc_state state;
	int result;

	commit_phase(run->c, COMMIT_REBASING);
	result = open_newest(run, &base);
	if (!result)
		result = disc_state(run->c->disc, &state);
	if (result)
		return unfinished(run, r, "it could not be opened", result);
	burn_plan_directories(run->plan, &placements.directories, &placements.n_directories);
	manifest_homes(run->manifest, &placements.homes, &placements.n_homes);
	result = burned_data(run->manifest, run->plan, &data, &placements.n_data);
	if (!result)
		result = burned_holes(run->manifest, run->plan, &holes, &placements.n_holes);
	if (result)
		return unfinished(run, r, "the mount could not change over to it", result);
	placements.data = data;
	placements.holes = holes;
	result = tree_rebase(run->c->tree, run->record.generation, base, &state, &placements, run->frozen.snapshot);
	return result ? unfinished(run, r, "the mount could not change over to it", result) : 0;
}

static int rebind(struct run *run, struct commit_result *r)
{
	int result = medium_settle(run->c->stage, run->c->disc, &run->c->faults);

	return result ? unfinished(run, r, "the staging area could not be tied to it", result) : 0;
}

int run_finish(struct run *run, struct commit_result *r)
{
	static int (*const steps[FINISH_DONE])(struct run *, struct commit_result *) = {
		[FINISH_PUBLISH] = publish, [FINISH_REBASE] = rebase, [FINISH_REBIND] = rebind,
	};

	while (run->finish != FINISH_DONE) {
		int result = steps[run->finish](run, r);

		if (result) {
			run->again = true;
			return result;
		}
		run->finish++;
	}
	return 0;
}
