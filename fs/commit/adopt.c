/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * adopt.c - sessions of other programs that nothing proves are adopted by the session (COMMIT_ADOPT)
 *
 * Which blocks of them have no digest is looked for with the inputs of the plan, without reading them; so is how much
 * the table of their digests takes.  They are read before the burn.  What gets parity of older sessions is adopted as
 * well: it is then as it is now, and a check can tell from then on.
 */
#include "fs/commit/internal.h"

#include <errno.h>
#include <string.h>

#include "burner/base/log.h"

static bool is_asked(const struct run *run)
{
	return run->asked.flags & COMMIT_ADOPT || (run->asked.flags & COMMIT_ADD_PARITY && run->older.unproven_sectors);
}

int run_find_adoptable(struct run *run, struct commit_result *outcome)
{
	struct burn_adoptable *a = &run->adoptable;
	int r;

	if (!is_asked(run))
		return 0;
	r = run->adoptable_found ? 0 : medium_explain(run->c->disc, burn_adopt_find(run->c->disc, a));
	if (disc_is_damage(r) && !(run->asked.flags & COMMIT_ADOPT)) {
		log_warning("what is adopted already cannot be read, so nothing more is: cdappendfs-check names what "
			    "is damaged");
		*a = (struct burn_adoptable){.n = 0};
		r = 0;
	}
	if (r)
		return commit_failed(outcome, "which sessions of other programs are adopted cannot be found out", r,
				     disc_is_damage(r) ? "an older session that would say so is damaged; "
							 "cdappendfs-check says which" :
							 NULL);
	run->adoptable_found = true;
	run->inputs.options.adopt = a->ranges;
	run->inputs.options.n_adopt = a->n;
	outcome->adopted_sectors = a->sectors;
	outcome->adopted_sessions = a->n_sessions;
	outcome->adopted_more = a->more;
	return 0;
}

/* Nothing but that was to be burned, and nothing of it can be read. */
static bool is_for_nothing(const struct run *run)
{
	return run_sectors_of(&run->unread) == run->adoptable.sectors && run->frozen.unchanged &&
	       !run->older.ranges.n && !(run->asked.flags & (COMMIT_FINALIZE | COMMIT_FULL_TREE));
}

int run_adopt(struct run *run, struct commit_result *outcome)
{
	const struct burn_progress progress = run_progress(run);
	int r;

	if (!run->cost.adoption_sectors)
		return 0;
	burn_ranges_release(&run->unread);
	r = medium_explain(run->c->disc, burn_adopt(run->plan, run->c->disc, &progress, &run->unread));
	/* A disc that was taken out is no damaged one. */
	if (!r && run->unread.n && medium_explain(run->c->disc, -EIO) != -EIO)
		r = medium_explain(run->c->disc, -EIO);
	if (r)
		return commit_failed(outcome, "sessions of other programs could not be read to be adopted", r, NULL);
	outcome->adopted_sectors = run->adoptable.sectors - run_sectors_of(&run->unread);
	outcome->unread_sectors = run_sectors_of(&run->unread);
	if (!is_for_nothing(run))
		return 0;
	outcome->cost = (struct burn_cost){.files_in_pieces = outcome->cost.files_in_pieces};
	run_tell_unread(run, outcome);
	return -ENODATA;
}

void run_tell_unread(const struct run *run, struct commit_result *outcome)
{
	run_tell_ranges(&run->unread, outcome, "of sessions of other programs, blocks",
			"cannot be read: nothing proves them from now on, all else is adopted; cdappendfs-check names "
			"the files; copy them to the disc again from elsewhere, if you have them");
}
