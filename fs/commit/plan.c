/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * plan.c - what is frozen becomes a manifest and a plan: for a dry run and for a commit
 *
 * The inputs of the layout are the same calls for both; only uuid and time differ, and neither has a part in any
 * length.
 */
#include "fs/commit/internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "burner/base/log.h"
#include "fs/commit/message.h"
#include "fs/manifest/packed.h"
#include "fs/manifest/trees.h"
#include "fs/sharing/share.h"

/* What gains by it is compressed, and of that the streams are looked for. */
static int compress_content(struct run *run, const struct share_options *options)
{
	int r = manifest_pack(run->manifest, run->c->options.compress, options->progress);

	if (r && r != -ECANCELED)
		log_warning("not all of what is staged could be compressed: %s", strerror(-r));
	if (r == -ECANCELED || run->inputs.options.pieces.share == SHARE_NONE)
		return r;
	r = manifest_share_packed(run->manifest, options);
	if (r && r != -ECANCELED)
		log_warning("compressed files could not be compared with what is on the disc: %s", strerror(-r));
	return r;
}

/* Few readers of a compat disc know compressed files. */
static bool is_to_compress(const struct run *run)
{
	const struct commit_options *o = &run->c->options;

	return !o->compat && (o->compress || manifest_asks_for_packing(run->manifest));
}

/* What of it lies on the disc already. Without that the session is larger, and nothing is wrong. */
static int share_content(struct run *run, struct commit_result *outcome)
{
	const struct burn_progress progress = run_progress(run);
	const struct share_options options = {.pieces = run->inputs.options.pieces,
					      .heal = run->inputs.options.heal,
					      .drive = run->inputs.state.exclusive,
					      .progress = &progress};
	int r = 0;

	if (run->inputs.options.pieces.share != SHARE_NONE)
		r = manifest_share(run->manifest, &options);
	if (r && r != -ECANCELED)
		log_warning("what is staged could not be compared with what is on the disc: %s", strerror(-r));
	if (r != -ECANCELED && is_to_compress(run))
		r = compress_content(run, &options);
	if (r == -ECANCELED)
		return commit_failed(outcome, "nothing was burned", r, NULL);
	if (run->inputs.options.pieces.share == SHARE_NONE)
		return 0;
	outcome->found_bytes = run->inputs.options.found_bytes = manifest_found_bytes(run->manifest);
	return 0;
}

static int plan_inputs(struct run *run, struct commit_result *outcome)
{
	struct commit *c = run->c;
	struct burn_options *o = &run->inputs.options;
	uint64_t next_ino = max_u64(run->frozen.next_ino, stage_next_ino(c->stage));
	struct disc_state state;
	int r = disc_state(c->disc, &state);

	/* Somebody may have put something behind the newest session of an image since the mount. */
	if (!r && !state.exclusive)
		r = disc_refresh(c->disc);
	if (!r)
		r = medium_explain(c->disc, inputs_gather(&c->options, c->disc, next_ino, &run->inputs));
	if (r)
		return commit_failed(outcome, "no session can be added to this disc", r,
				     r == -EROFS ? run->inputs.state.why_not : NULL);
	r = medium_explain(c->disc, inputs_chain(&c->options, c->disc, &run->inputs));
	if (r)
		return commit_failed(outcome, "no session can be added to this disc", r,
				     r == -EPERM ? oddity_refusal(ODDITY_CHAIN) : NULL);
	r = run_find_older(run, outcome);
	if (!r)
		r = run_find_adoptable(run, outcome);
	if (r)
		return r;
	o->heal = c->options.compat && run->asked.flags & COMMIT_FULL_TREE;
	o->time = time(NULL);
	r = run_put_message(run, outcome);
	if (r)
		return r;
	if (getrandom(o->uuid, sizeof(o->uuid), 0) != (ssize_t)sizeof(o->uuid))
		return commit_failed(outcome, "no random number could be had", -EIO, NULL);
	return 0;
}

#define NO_SESSION "no session is made of this disc"

/* A disc of another program may name files elsewhere than in the tree that was mounted: before its first session of
 * ours all of its trees are read. */
static int look_at_trees(struct run *run, struct commit_result *outcome)
{
	struct bulk bulk = {.directory = stage_directory(run->c->stage), .keep_bytes = run->frozen.keep_bytes};
	struct iso_info info = {.ours = true};
	char reason[MANIFEST_WHY_BYTES], why[MANIFEST_WHY_BYTES + 64];
	int r;

	if (run->frozen.base)
		iso_info(run->frozen.base, &info);
	if (info.ours || run->c->options.accepted & ODDITY_BIT(ODDITY_TREES))
		return 0;
	r = medium_explain(run->c->disc, trees_compare(run->frozen.base, &bulk, reason));
	if (!r || r == -EAGAIN)
		return r;
	if (r != -EPERM && r != -EBADMSG && r != -EIO)
		return commit_failed(outcome, NO_SESSION, r, NULL);
	snprintf(why, sizeof(why), "%s; -o accept=%s appends all the same", reason, oddity_name(ODDITY_TREES));
	return commit_failed(outcome, NO_SESSION, -EPERM, why);
}

static int look_at_associated(struct run *run, struct commit_result *outcome)
{
	const char *path = manifest_associated(run->manifest);
	char why[MANIFEST_WHY_BYTES + 64];

	if (!path || run->c->options.accepted & ODDITY_BIT(ODDITY_ASSOCIATED))
		return 0;
	snprintf(why, sizeof(why),
		 "%s is an associated file (a resource fork), and would be lost; -o accept=%s appends all the same",
		 path, oddity_name(ODDITY_ASSOCIATED));
	return commit_failed(outcome, NO_SESSION, -EPERM, why);
}

static int make_plan(struct run *run, struct commit_result *outcome)
{
	char why[MANIFEST_WHY_BYTES];
	int r;

	run->frozen.accepted = run->c->options.accepted;
	run->frozen.md5 = run->c->options.md5;
	r = medium_explain(run->c->disc,
			   manifest_build(&run->frozen, run->c->disc, run->c->stage, &run->manifest, why));
	if (r == -EUCLEAN)
		return r;
	if (r == -ENOMEDIUM || r == -ENODEV)
		return commit_failed(outcome, "the tree could not be read, so no session was made of it", r, NULL);
	if (r == -EPERM)
		return commit_failed(outcome, NO_SESSION, r, why);
	if (r)
		return commit_failed(outcome, "the tree could not be read completely, so no session was made of it", r,
				     why);
	r = look_at_associated(run, outcome);
	if (!r)
		r = look_at_trees(run, outcome);
	if (!r)
		r = plan_inputs(run, outcome);
	if (!r)
		r = share_content(run, outcome);
	return r ? r : burn_plan_new(run->manifest, &run->inputs.options, &run->plan);
}

static int plan_again(struct run *run, bool linked, struct commit_result *outcome)
{
	run->frozen.linked = linked;
	burn_plan_free(TAKE_PTR(run->plan));
	manifest_free(TAKE_PTR(run->manifest));
	return make_plan(run, outcome);
}

static bool plan_fits(struct run *run, uint64_t *ret_missing_bytes, const char **ret_where)
{
	burn_plan_cost(run->plan, &run->cost);
	return inputs_fit(&run->inputs, run->cost.append_sectors, ret_missing_bytes, ret_where);
}

/*
 * What was left out is needed after all, or the base's tables cannot be relied on (-EUCLEAN): then the whole tree.  A
 * whole tree that is only preferred gives way when it does not fit: while the session before burned, changes were
 * accepted for a linked one.
 */
static int plan_tree(struct run *run, struct commit_result *outcome)
{
	uint64_t missing;
	const char *where;
	int r = make_plan(run, outcome);

	if (!r && !run->frozen.linked && run->frozen.may_link && !plan_fits(run, &missing, &where))
		r = plan_again(run, true, outcome);
	if (r != -EUCLEAN || !run->frozen.linked)
		return r;
	log_notice("the directories cannot stay where they are on this disc: the session gets the whole tree");
	tree_cannot_link(run->c->tree);
	run->frozen.cannot_link = true;
	return plan_again(run, false, outcome);
}

static const char *why_so_large(const struct run *run)
{
	if (run->frozen.cannot_link)
		return ", with all directories of the disc: what it says of them is damaged, so none can stay where it "
		       "is";
	return run->asked.flags & COMMIT_FULL_TREE ? ", with all directories of the disc, as was asked for" : "";
}

/* Nothing is staged, and parity or the whole tree was asked for: is there anything that has none, or that it would
 * bring together? */
static bool brings_together(const struct run *run)
{
	struct iso_info info = {0};

	if (!run->frozen.unchanged || run->asked.flags & COMMIT_FINALIZE || run->older.ranges.n ||
	    (run->asked.flags & COMMIT_ADOPT && run->adoptable.n))
		return true;
	if (!(run->asked.flags & COMMIT_FULL_TREE))
		return false;
	iso_info(run->frozen.base, &info);
	return (info.ours && info.appuse.flags & APPUSE_LINKED) || run->cost.data_sectors ||
	       manifest_lowest_directory(run->manifest) < run->inputs.options.previous_lba;
}

/* What the user has accepted to lose. */
static void note_lost(const struct run *run, struct commit_result *outcome)
{
	const char *const *paths;
	uint64_t n = manifest_lost_attributes(run->manifest, &paths);

	outcome->attributes_lost = n;
	if (!n)
		return;
	message_without_attributes(outcome->note, sizeof(outcome->note), paths, n);
	for (uint64_t i = 0; i < n && i < MANIFEST_LOST_NAMED; i++)
		log_warning("%s: its extended attributes cannot be had from the disc", paths[i]);
	if (n > MANIFEST_LOST_NAMED)
		log_warning("and those of %llu more", (unsigned long long)(n - MANIFEST_LOST_NAMED));
}

int run_plan(struct run *run, struct commit_result *outcome)
{
	struct disc_further further;
	uint64_t missing = 0;
	const char *where = NULL;
	int r = plan_tree(run, outcome);

	if (r)
		return commit_failed(outcome, "the session could not be laid out", r, NULL);
	outcome->fits = plan_fits(run, &missing, &where);
	if (!brings_together(run)) {
		outcome->fits = true;
		return -ENODATA;
	}
	outcome->cost = run->cost;
	outcome->session = run->inputs.options.session_number;
	disc_further(run->c->disc, &further);
	outcome->forecast = forecast_make(&run->inputs.state, &further, run->inputs.options.start_lba, &run->cost);
	note_lost(run, outcome);
	if (!outcome->fits && run->older.ranges.n)
		run_no_room_for_parity(run, missing, where, outcome);
	else if (!outcome->fits)
		message_no_room(outcome->message, sizeof(outcome->message), run->cost.append_sectors * SECTOR_BYTES,
				missing, where, why_so_large(run), run->c->options.span || run->set.id);
	return 0;
}
