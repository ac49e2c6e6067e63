/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * revert.c - the tree becomes as it was in a session: a request like a commit, so that no commit comes in between
 *
 * It begins where nothing is staged of what it is about.  So when it cannot be done to the end, what it has changed is
 * dropped as any discard does it, and all is as in the newest session.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/own.h"
#include "burner/base/path.h"
#include "fs/commit/internal.h"
#include "fs/history/history.h"
#include "fs/revert/revert.h"

static int fail(struct commit_result *outcome, int error, const char *what)
{
	snprintf(outcome->message, sizeof(outcome->message), "%s", what);
	outcome->error = error;
	return error;
}

/* ---- what is staged there ---- */

struct staged_paths {
	const struct commit_revert *v;
	size_t n;
	bool *has; /* of each path */
};

static int note_staged(void *context, const struct tree_change *c)
{
	struct staged_paths *s = context;

	for (size_t i = 0; i < s->v->n_paths; i++) {
		const char *path = s->v->paths[i];
		bool above = path_is_inside(path, c->path) && c->kind != 'M';
		bool in = above || path_is_inside(c->path, path) || (c->from && path_is_inside(c->from, path));

		s->has[i] |= in;
		s->n += in;
	}
	return 0;
}

static int emit_nothing(void *context, char kind, const char *path, const char *from, uint64_t bytes)
{
	(void)context;
	(void)kind;
	(void)path;
	(void)from;
	(void)bytes;
	return 0;
}

static int drop_paths(struct commit *c, const struct staged_paths *s, struct commit_result *outcome)
{
	_free_ const char **paths = calloc(s->v->n_paths + 1, sizeof(*paths));
	_free_ char *why = NULL;
	size_t n = 0;
	int r = paths ? 0 : -ENOMEM;

	for (size_t i = 0; !r && i < s->v->n_paths; i++)
		if (s->has[i])
			paths[n++] = s->v->paths[i];
	if (!r && n)
		r = commit_discard_paths(c, paths, n, emit_nothing, NULL, &why);
	if (r) {
		snprintf(outcome->message, sizeof(outcome->message), "what is staged there cannot be dropped: %s",
			 why ? why : strerror(-r));
		outcome->error = r;
	}
	return r;
}

static int refuse_staged(struct commit_result *outcome)
{
	return fail(outcome, -EEXIST,
		    "what is staged there and not burned yet would be lost: burn it first ('cdappendfs-sync'), or say "
		    "--force to drop it; nothing was changed");
}

static int clear_the_way(struct commit *c, const struct commit_revert *v, struct commit_result *outcome)
{
	struct staged_paths s = {.v = v};
	int r;

	if (!tree_changed(c->tree))
		return 0;
	if (!v->n_paths) {
		if (!v->force)
			return refuse_staged(outcome);
		commit_discard(c, outcome);
		return outcome->error;
	}
	s.has = calloc(v->n_paths, sizeof(bool));
	r = s.has ? tree_changes(c->tree, note_staged, &s, NULL) : -ENOMEM;
	if (r)
		fail(outcome, r, strerror(-r));
	else if (s.n)
		r = v->force ? drop_paths(c, &s, outcome) : refuse_staged(outcome);
	free(s.has);
	return r;
}

/* ---- doing it ---- */

static int is_cancelled(void *context)
{
	struct commit *c = context;

	return atomic_load(&c->cancelled) ? -ECANCELED : 0;
}

/* The kernel is told of all names and nodes that are staged now. */
static void tell_kernel(struct commit *c)
{
	_cleanup_(stage_snapshot_freep) struct stage_snapshot *rows = NULL;

	if (!c->hooks.discarded || tree_flush(c->tree) < 0)
		return;
	if (stage_snapshot(c->stage, 0, &rows) == 0)
		c->hooks.discarded(c->hooks.context, rows);
}

static void take_back(struct commit *c, const struct commit_revert *v, const char *why, struct commit_result *outcome)
{
	struct commit_result dropped = {.error = 0};
	struct staged_paths s = {.v = v, .has = calloc(v->n_paths + 1, sizeof(bool))};
	int error = outcome->error, r = s.has ? 0 : -ENOMEM;

	if (!v->n_paths)
		commit_discard(c, &dropped);
	else if (!r && !(r = tree_changes(c->tree, note_staged, &s, NULL)))
		r = drop_paths(c, &s, &dropped);
	free(s.has);
	outcome->error = error;
	if (!r && !dropped.error)
		snprintf(outcome->message, sizeof(outcome->message), "%.400s; all is as in the newest session", why);
	else
		snprintf(outcome->message, sizeof(outcome->message),
			 "%.200s; what was done before that is staged and could not be dropped again (%.120s): "
			 "'cdappendfs-sync --discard' does that",
			 why, dropped.message[0] ? dropped.message : strerror(r ? -r : -dropped.error));
}

static void do_revert(struct commit *c, const struct commit_revert *v, const struct revert_options *o,
		      struct commit_result *outcome)
{
	_free_ char *why = NULL;
	struct revert_count n;
	bool touched = false;

	outcome->error = revert(o, &n, &touched, &why);
	if (outcome->error && touched)
		tell_kernel(c);
	if (outcome->error && touched)
		take_back(c, v, why ? why : strerror(-outcome->error), outcome);
	else if (outcome->error)
		snprintf(outcome->message, sizeof(outcome->message), "%s; nothing was changed",
			 why ? why : strerror(-outcome->error));
	if (outcome->error)
		return;
	tell_kernel(c);
	outcome->made = n.made;
	outcome->changed = n.changed;
	outcome->renamed = n.renamed;
	outcome->removed = n.removed;
}

void run_revert(struct commit *c, const struct commit_revert *v, struct commit_result *outcome)
{
	_free_ struct disc_session *sessions = NULL;
	_cleanup_(iso_unrefp) struct iso *past = NULL;
	_cleanup_history_ struct history h = {.n = 0};
	struct disc_state state;
	size_t n = 0;
	int r = commit_disc_info(c, &state, &sessions, &n);

	if (!r)
		r = history_copy(sessions, n, &h);
	outcome->fits = true;
	outcome->session = v->session;
	if (r < 0 || c->unfinished || c->unsettled) {
		fail(outcome, r < 0 ? r : -EBUSY, "an earlier session is not in use yet: 'cdappendfs-sync' first");
		return;
	}
	const struct disc_session *s = history_numbered(&h, v->session), *newest = history_newest(&h);
	if (!s || !newest) {
		fail(outcome, -ENOENT, "there is no such session; 'cdappendfs-log' lists them");
		return;
	}
	r = history_tree(c->disc, s, &past);
	if (r) {
		snprintf(outcome->message, sizeof(outcome->message), "session %u cannot be read: %s", s->number,
			 strerror(-r));
		outcome->error = r;
		return;
	}
	if (c->hooks.flush_writers)
		(void)c->hooks.flush_writers(c->hooks.context);
	if (clear_the_way(c, v, outcome))
		return;
	const struct revert_options o = {.tree = c->tree,
					 .disc = c->disc,
					 .medium = &state,
					 .past = past,
					 .by_number = history_numbers_hold(s, newest),
					 .paths = (const char *const *)v->paths,
					 .n_paths = v->n_paths,
					 .pace = is_cancelled,
					 .context = c};
	do_revert(c, v, &o, outcome);
}
