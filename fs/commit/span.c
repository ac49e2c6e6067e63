/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * span.c - a commit of what this disc takes, when more is staged than that: what is held back, and the number of the
 * disc in its set
 *
 * A set begins with the first freeze that holds something back: its number is put with that.  What is held is staged
 * as ever; cdappendfs-stage move puts it onto the next disc, which is one further in the set.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "burner/base/size.h"
#include "fs/commit/internal.h"
#include "fs/commit/message.h"

#define ATTEMPTS 3u /* what is written meanwhile may change the plan */

static int begin_set(struct run *run)
{
	struct stage_set set = {.disc = 1};

	while (!set.id)
		if (getrandom(&set.id, sizeof(set.id), 0) != (ssize_t)sizeof(set.id))
			return -EIO;
	if (run->c->state.kind == MEDIUM_IMAGE)
		set.capacity_sectors = run->c->state.capacity_sectors;
	int r = stage_set_put(run->c->stage, &set);
	if (!r)
		run->set = set;
	return r;
}

static int is_cancelled(void *context)
{
	struct commit *c = context;

	return atomic_load(&c->cancelled) ? -ECANCELED : 0;
}

static void tell_name(struct stage_snapshot *told, const struct split *split, size_t name, const char *own)
{
	told->names[told->n_names++] = (struct stage_snapshot_name){split->names[name].parent, own, split->ino};
}

/* The kernel asks anew for the file, for its parts, and for what is in its directories. */
static void tell_kernel(const struct commit *c, const struct split *split)
{
	size_t n = 2 * (size_t)split->n_parts * split->n_names, at = 0;
	_free_ char(*names)[NAME_MAX + 1] = calloc(n, sizeof(*names));
	_free_ struct stage_node *nodes = calloc(split->n_names + 1, sizeof(*nodes));
	_free_ struct stage_snapshot_name *rows = calloc(n + split->n_names, sizeof(*rows));
	struct stage_snapshot told = {.nodes = nodes, .names = rows};

	if (!c->hooks.discarded || !names || !nodes || !rows)
		return;
	nodes[told.n_nodes++].ino = split->ino;
	for (size_t i = 0; i < split->n_names; i++) {
		nodes[told.n_nodes++].ino = split->names[i].parent;
		tell_name(&told, split, i, split->names[i].name);
		for (uint32_t k = 0; k < 2 * split->n_parts; k++) {
			split_name(split, i, k % 2 ? SPLIT_TEXT : SPLIT_PART, k / 2, names[at]);
			tell_name(&told, split, i, names[at++]);
		}
	}
	c->hooks.discarded(c->hooks.context, &told);
}

/* Files that are staged; parts of parts are found again when these are. */
static int split_files_of(struct run *run, const struct span *s, char **ret_why)
{
	struct commit *c = run->c;
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->n_splits && s->splits[i].ino < s->next_ino; i++) {
		r = split_file(c->tree, &s->splits[i], is_cancelled, c, ret_why);
		if (r == 0)
			tell_kernel(c, &s->splits[i]);
	}
	return r;
}

/* What is to be split is, before anything is frozen: each file at once, so that nothing is lost in between. */
static int find_split(struct run *run, char **ret_why)
{
	unsigned flags = run->asked.flags & COMMIT_SPLIT ? SPAN_SPLIT : 0;
	int r = -EAGAIN;

	for (unsigned i = 0; r == -EAGAIN && i < ATTEMPTS; i++) {
		span_free(TAKE_PTR(run->span));
		r = span_find(run->c->tree, flags, &run->span, ret_why);
		if (r || run->preview || !run->span->n_splits)
			break;
		r = split_files_of(run, run->span, ret_why);
		r = r ? r : -EAGAIN;
	}
	return r;
}

static int find(struct run *run, struct commit_result *outcome)
{
	_free_ char *why = NULL;
	int r;

	if (!run->c->options.span)
		return commit_failed(
			outcome, "nothing was burned", -EOPNOTSUPP,
			"this mount takes no more than its disc does: unmount it, and mount it with -o span");
	r = find_split(run, &why);
	if (!r && !run->preview)
		r = span_keep_attributes(run->c->tree, run->span);
	r = medium_explain(run->c->disc, r);
	if (r == -EAGAIN && !why)
		return r;
	if (r == -ENODATA)
		return 0; /* nothing is staged: nothing is held */
	if (r)
		return commit_failed(outcome, "nothing was burned", r, why);
	return 0;
}

/* How it is frozen, or looked at. */
static int take(struct run *run, unsigned flags)
{
	struct tree *t = run->c->tree;

	return run->preview ? tree_preview_span(t, flags, run->span, &run->frozen) :
			      tree_freeze_span(t, flags, run->span, &run->frozen);
}

int run_take_tree(struct run *run, unsigned flags, struct commit_result *outcome)
{
	int r = -EAGAIN;

	for (unsigned i = 0; r == -EAGAIN && i < ATTEMPTS; i++) {
		r = run->asked.flags & COMMIT_SPAN ? find(run, outcome) : 0;
		if (!r)
			r = take(run, flags);
	}
	return r;
}

void run_tell_full(const struct run *run, struct commit_result *outcome)
{
	char size[SIZE_TEXT_BYTES];

	if (!run->span || !run->span->n_held)
		return;
	(void)stage_set_get(run->c->stage, &outcome->set);
	outcome->held_bytes = run->span->held_bytes;
	outcome->set_discs = (outcome->set.disc ? outcome->set.disc - 1 : 0) + run->span->n_discs;
	snprintf(outcome->message, sizeof(outcome->message),
		 "this disc takes nothing more of what is staged: all of it, %s, waits for the next disc",
		 size_text(outcome->held_bytes, size));
}

int run_find_set(struct run *run, struct commit_result *outcome)
{
	bool held = run->span && run->span->n_held;
	int r = stage_set_get(run->c->stage, &run->set);

	if (!r && held && !run->set.id && run->preview)
		run->set.disc = 1;
	else if (!r && held && !run->set.id)
		r = begin_set(run);
	if (r)
		return commit_failed(outcome, "the number of the disc could not be kept", r, NULL);
	outcome->held_bytes = held ? run->span->held_bytes : 0;
	outcome->set = run->set;
	outcome->set_discs = run->set.disc ? run->set.disc - 1 + (held ? run->span->n_discs : 1) : 0;
	return 0;
}

/* In brackets, behind what the user says of it.  How many there are is known of the last one. */
int run_put_message(struct run *run, struct commit_result *outcome)
{
	const char *text = run->asked.message;
	char disc[64] = "", why[128];
	session_message *to = &run->inputs.options.message;

	if (run->set.disc && outcome->held_bytes)
		snprintf(disc, sizeof(disc), "[disc %" PRIu32 " of set %08" PRIx32 "]", run->set.disc, run->set.id);
	else if (run->set.disc)
		snprintf(disc, sizeof(disc), "[disc %" PRIu32 " of %" PRIu32 " of set %08" PRIx32 "]", run->set.disc,
			 run->set.disc, run->set.id);
	snprintf(why, sizeof(why), "with the number of the disc the message is too long: it may have %zu bytes",
		 SESSION_MESSAGE_MAX_BYTES - strlen(disc) - 1);
	if (snprintf(*to, sizeof(*to), "%s%s%s", text, text[0] && disc[0] ? " " : "", disc) >= (int)sizeof(*to))
		return commit_failed(outcome, "nothing was burned", -EMSGSIZE, why);
	return 0;
}
