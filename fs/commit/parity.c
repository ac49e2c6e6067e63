/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * parity.c - the parity of the session, which may be of older sessions, too (COMMIT_ADD_PARITY)
 *
 * What older blocks have none is looked for with the inputs of the plan, without reading them.  They are read when the
 * parity is made: what turns out to be damaged is left out, the plan is made again, and all begins anew.
 */
#include "fs/commit/internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "burner/base/log.h"
#include "burner/base/size.h"
#include "burner/format/digest_table.h"
#include "burner/format/parity.h"
#include "fs/commit/message.h"

#define RANGES_IN_TEXT 3u
#define RANGES_IN_LOG 100u

uint64_t run_sectors_of(const struct burn_ranges *r)
{
	uint64_t sectors = 0;

	for (size_t i = 0; i < r->n; i++)
		sectors += r->list[i].sectors;
	return sectors;
}

static void take_older(struct run *run, struct commit_result *outcome)
{
	run->inputs.options.older = run->older.ranges.list;
	run->inputs.options.n_older = run->older.ranges.n;
	outcome->older_sessions = run->older.n_sessions;
	outcome->unproven_sectors = run->older.unproven_sectors;
	outcome->left_out_sectors = run_sectors_of(&run->older.left_out);
	outcome->older_more = run->older.more;
}

int run_find_older(struct run *run, struct commit_result *outcome)
{
	unsigned *percent = &run->inputs.options.parity_percent;
	struct disc *disc = run->c->disc;
	int r = 0;

	if (!(run->asked.flags & COMMIT_ADD_PARITY))
		return 0;
	*percent = run->asked.parity_percent > *percent ? run->asked.parity_percent : *percent;
	if (!run->older_found)
		r = medium_explain(disc, burn_older_find(disc, &run->older));
	if (r)
		return commit_failed(outcome, "what has no parity could not be found out", r, NULL);
	run->older_found = true;
	take_older(run, outcome);
	return 0;
}

/* Nothing but parity was to be burned, and none is left. */
static bool is_for_nothing(const struct run *run)
{
	return !run->older.ranges.n && run->frozen.unchanged &&
	       !(run->asked.flags & COMMIT_ADOPT && run->adoptable.n) &&
	       !(run->asked.flags & (COMMIT_FINALIZE | COMMIT_FULL_TREE));
}

static int plan_without(struct run *run, struct commit_result *outcome)
{
	/* A disc that was taken out is no damaged one. */
	int r = medium_explain(run->c->disc, -EIO);

	if (r != -EIO)
		return commit_failed(outcome, "the parity of older sessions could not be made", r, NULL);
	take_older(run, outcome);
	if (is_for_nothing(run)) {
		outcome->cost = (struct burn_cost){.files_in_pieces = outcome->cost.files_in_pieces};
		run_tell_older(run, outcome);
		return -ENODATA;
	}
	burn_plan_free(TAKE_PTR(run->plan));
	r = burn_plan_new(run->manifest, &run->inputs.options, &run->plan);
	if (r)
		return commit_failed(outcome, "the session could not be laid out", r, NULL);
	burn_plan_cost(run->plan, &run->cost);
	outcome->cost = run->cost;
	return 1;
}

int run_protect(struct run *run, struct commit_result *outcome)
{
	struct commit *c = run->c;
	const struct burn_progress progress = run_progress(run);
	uint64_t before = run_sectors_of(&run->older.left_out);
	char why[96], bytes[SIZE_TEXT_BYTES];
	int r;

	if (!run->cost.parity_sectors)
		return 0;
	r = medium_explain(c->disc,
			   burn_protect(run->plan, c->disc, stage_directory(c->stage), &progress, &run->older));
	if (r == -EBADMSG && run_sectors_of(&run->older.left_out) > before)
		return plan_without(run, outcome);
	snprintf(why, sizeof(why), "the staging area has no room for it, %s, while it is burned",
		 size_text(run->cost.parity_sectors * SECTOR_BYTES, bytes));
	return r ? commit_failed(outcome, "the parity of the session could not be made", r, r == -ENOSPC ? why : NULL) :
		   0;
}

void run_tell_ranges(const struct burn_ranges *out, struct commit_result *outcome, const char *which, const char *how)
{
	char *text = outcome->message;
	size_t n = 0, size = sizeof(outcome->message);

	if (!out->n || outcome->message[0])
		return;
	for (size_t i = 0; i < out->n && i < RANGES_IN_LOG; i++)
		log_warning("%s %" PRIu32 " to %" PRIu32 " %.*s", which, out->list[i].lba,
			    out->list[i].lba + out->list[i].sectors - 1, (int)strcspn(how, ","), how);
	if (out->n > RANGES_IN_LOG)
		log_warning("the same of %zu more ranges of blocks", out->n - RANGES_IN_LOG);
	n = (size_t)snprintf(text, size, "%s", which);
	for (size_t i = 0; i < out->n && i < RANGES_IN_TEXT; i++)
		n += (size_t)snprintf(text + n, size - n, "%s %" PRIu32 " to %" PRIu32, i ? "," : "", out->list[i].lba,
				      out->list[i].lba + out->list[i].sectors - 1);
	if (out->n > RANGES_IN_TEXT)
		n += (size_t)snprintf(text + n, size - n, " and %zu more ranges", out->n - RANGES_IN_TEXT);
	snprintf(text + n, size - n, " %s", how);
}

void run_tell_older(const struct run *run, struct commit_result *outcome)
{
	run_tell_ranges(&run->older.left_out, outcome, "of older sessions, blocks",
			"are damaged: no parity is made of them, all else has it; cdappendfs-check names the files; "
			"copy them to the disc again from elsewhere, if you have them");
}

/* The most that fits; 0: nothing does. */
static unsigned percent_that_fits(const struct run *run)
{
	uint64_t all = run->cost.protected_sectors, own = all - run->cost.older_sectors, digests, missing;
	unsigned percent = run->inputs.options.parity_percent, unit = run->inputs.options.align_end_sectors;
	const char *where;

	while (--percent > 0)
		if (inputs_fit(&run->inputs, digest_table_place(own + parity_sectors_for(all, percent), unit, &digests),
			       &missing, &where))
			break;
	return percent;
}

void run_no_room_for_parity(const struct run *run, uint64_t missing_bytes, const char *where,
			    struct commit_result *outcome)
{
	unsigned percent = percent_that_fits(run);
	char advice[64];

	snprintf(advice, sizeof(advice), percent ? "%u percent would fit" : "no parity of all of it would fit",
		 percent);
	message_no_room_for_parity(outcome->message, sizeof(outcome->message), run->cost.older_sectors * SECTOR_BYTES,
				   run->cost.append_sectors * SECTOR_BYTES, missing_bytes, where, advice);
}
