/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/cmd/search.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "burner/base/grow.h"
#include "burner/base/own.h"
#include "burner/base/path.h"
#include "burner/base/printable.h"
#include "fs/cmd/command.h"
#include "fs/cmd/interrupt.h"
#include "fs/cmd/moves.h"
#include "fs/cmd/scope.h"
#include "fs/cmd/staged.h"

struct search {
	const struct search_asked *asked;
	const struct between *b;
	struct found *found;
	struct scope scope;
	const struct disc_session *last; /* whose tree the names are of; NULL: none yet */
	bool lost;
	/* what could not be read of the one that is compared with it */
	struct lost_path {
		char *path;
		bool newer;
	} * paths;
	size_t n_paths, paths_capacity;
};

static void search_release(struct search *s)
{
	for (size_t i = 0; i < s->n_paths; i++)
		free(s->paths[i].path);
	free(s->paths);
	scope_release(&s->scope);
}

static const char *scope_in(const struct search *s, const struct disc_session *session)
{
	return scope_of(&s->scope, (size_t)(session - s->b->history->sessions));
}

/* Of one session, not of the disc as a whole. */
static bool is_unreadable(int r) { return disc_is_damage(r) || r == -ESTALE || r == -EMEDIUMTYPE; }

/* ---- a whole tree, or a part of it ---- */

struct seeing {
	struct search *s;
	const struct disc_session *session;
	char kind;
	bool told; /* what is lost was told already */
	/* of a directory that was renamed: what is different besides; NULL: all is as it is seen */
	const struct diff *d;
	const struct diff_change *moved;
};

static int see_entry(void *context, const char *path, const struct iso_entry *e)
{
	const struct seeing *seeing = context;
	const struct criteria_file file = {path + 1, e->mode, S_ISREG(e->mode) ? e->size : 0, e->mtime.tv_sec};

	if (interrupted)
		return -ECANCELED;
	return path[1] ? found_see(seeing->s->found, seeing->kind, &file) : 0;
}

static int see_lost(void *context, const char *path, struct iso_extent at, int error)
{
	const struct seeing *seeing = context;

	(void)at;
	seeing->s->lost = true;
	if (!seeing->told)
		command_note("%s: session %" PRIu32 ": %s: cannot be read, so what is in it is not known: %s",
			     seeing->s->b->name, seeing->session->number, path, strerror(-error));
	return 0;
}

/* below: "": all. */
static int see_tree(struct seeing *seeing, struct iso *iso, const char *below,
		    int (*found)(void *context, const char *path, const struct iso_entry *e))
{
	char where[ISO_WHERE_BYTES];
	int r = iso_walk(iso, &(struct iso_walk){found, see_lost, seeing, below}, where);

	if (r && r != -ENOENT && r != -ECANCELED)
		command_fail("%s: session %" PRIu32 ": %s: %s", seeing->s->b->name, seeing->session->number, where,
			     strerror(-r));
	return r == -ENOENT ? 0 : r;
}

/* ---- a directory that was renamed ---- */

static int compare_path(const void *key, const void *change)
{
	return strcmp(key, ((const struct diff_change *)change)->path);
}

/* One of the older tree: it has come along when nothing else is told of it. */
static int see_moved(void *context, const char *path, const struct iso_entry *e)
{
	const struct seeing *seeing = context;
	const struct diff_change *moved = seeing->moved;
	_free_ char *now = NULL;

	if (strcmp(path + 1, moved->from) == 0 || moves_nearest(seeing->d, path + 1, true) != moved)
		return 0;
	if (asprintf(&now, "/%s%s", moved->path, path + 1 + strlen(moved->from)) < 0)
		return -ENOMEM;
	if (bsearch(now + 1, seeing->d->changes, seeing->d->n, sizeof(*seeing->d->changes), compare_path))
		return 0;
	return see_entry(context, now, e);
}

/* What is in it may have a path now that is asked for, and is not told of one by one. */
static bool may_be_found_below(const struct search *s, const struct diff_change *c, const char *former_scope)
{
	const char *scope = s->found->scope;

	if (c->kind != 'R' || !S_ISDIR(c->mode) || !scope)
		return false;
	if (criteria_ask_for_paths(s->found->criteria))
		return true;
	return scope[0] && path_is_inside(c->path, scope) && !(former_scope && path_is_inside(c->from, former_scope));
}

static int see_all_moved(struct search *s, const struct diff *d, struct iso *old)
{
	const char *former_scope = s->last ? scope_in(s, s->last) : NULL;
	int r = 0;

	for (size_t i = 0; i < d->n && !r; i++) {
		struct seeing seeing = {.s = s, .session = s->last, .kind = 'R', .d = d, .moved = &d->changes[i]};

		if (may_be_found_below(s, &d->changes[i], former_scope))
			r = see_tree(&seeing, old, d->changes[i].from, see_moved);
	}
	return r;
}

/* ---- what could not be read ---- */

static int note_lost(void *context, const char *path, bool newer)
{
	struct search *s = context;
	char *copy = strdup(strcmp(path, ".") == 0 ? "" : path);
	int r = copy ? grow(&s->paths, &s->paths_capacity, s->n_paths, sizeof(*s->paths)) : -ENOMEM;

	if (!r)
		s->paths[s->n_paths++] = (struct lost_path){copy, newer};
	else
		free(copy);
	return r;
}

/* new NULL: what is staged. */
static int look_again(struct search *s, const struct diff *d, struct lost_path *lost, struct iso *new)
{
	struct seeing seeing = {.s = s, .session = s->found->session, .kind = '?', .told = true};
	_free_ char *carried = NULL;
	int r = lost->newer ? 0 : moves_carry(d, lost->path, true, &carried);
	const char *path = carried ? carried : lost->path;

	if (r)
		return r;
	found_lose(s->found, path);
	return new ? see_tree(&seeing, new, path, see_entry) : 0;
}

static int look_at_lost(struct search *s, const struct diff *d, struct iso *new)
{
	int r = 0;

	s->lost |= !d->complete;
	for (size_t i = 0; i < s->n_paths; i++) {
		if (!r)
			r = look_again(s, d, &s->paths[i], new);
		free(s->paths[i].path);
	}
	s->n_paths = 0;
	return r;
}

/* ---- a session ---- */

static int note_fresh(void *context, const struct diff_change *c)
{
	const struct search *s = context;

	return found_note(s->found, c);
}

/* new NULL: what is staged. */
static int apply(struct search *s, const struct between_asked *asked, struct iso *new)
{
	_cleanup_(iso_unrefp) struct iso *old = NULL;
	_cleanup_diff_ struct diff d = {.n = 0};
	int r = between_sessions(s->b, asked, &d);

	if (r)
		return r;
	r = found_apply(s->found, &d);
	if (!r && asked->old)
		r = history_tree(s->b->disc, asked->old, &old);
	if (!r && old)
		r = see_all_moved(s, &d, old);
	return r ? r : look_at_lost(s, &d, new);
}

static int see_session(struct search *s, const struct disc_session *session, struct iso *iso)
{
	const bool misses = between_misses_former(s->b, session);
	struct seeing seeing = {.s = s, .session = session, .kind = misses || s->lost ? '?' : 'A'};
	const char *scope = s->found->scope;

	if (misses) {
		s->lost = true;
		command_note("%s: session %" PRIu32
			     ": the sessions before it are not found, so what it changed is not known",
			     s->b->name, session->number);
		found_lose(s->found, "");
	}
	return scope ? see_tree(&seeing, iso, scope, see_entry) : 0;
}

static int search_session(struct search *s, const struct disc_session *session)
{
	const struct between_asked asked = {
		.old = s->last, .new = session, .lost = note_lost, .fresh = note_fresh, .context = s};
	_cleanup_(iso_unrefp) struct iso *iso = NULL;
	int r;

	if (session->broken) {
		command_note("%s: session %" PRIu32 ": a burn that failed, or cannot be read: it is passed over",
			     s->b->name, session->number);
		/* What is cut off was there. */
		s->lost |= session->truncated;
		return 0;
	}
	r = history_tree(s->b->disc, session, &iso);
	if (r) {
		command_note("%s: session %" PRIu32 ": its tree cannot be read: %s", s->b->name, session->number,
			     strerror(-r));
		s->lost = true;
		return is_unreadable(r) ? 0 : r;
	}
	found_enter(s->found, session, scope_in(s, session));
	if (!s->last || between_misses_former(s->b, session))
		r = see_session(s, session, iso);
	else
		r = apply(s, &asked, iso);
	s->last = session;
	return r;
}

/* ---- what is staged ---- */

static int search_staged(struct search *s)
{
	const struct disc_session *newest = history_newest(s->b->history);
	struct between_asked asked = {
		.old = newest, .new = newest, .lost = note_lost, .fresh = note_fresh, .context = s};
	_cleanup_(staged_release) struct staged staged = STAGED_NONE;
	_cleanup_(iso_unrefp) struct iso *base = NULL;
	int r = newest ? history_tree(s->b->disc, newest, &base) : 0;

	if (r || s->last != newest)
		return r && !is_unreadable(r) ? r : 0; /* it was told */
	r = staged_open(&s->asked->where->mount, newest, base, "", &staged);
	if (r)
		return r;
	asked.base = base;
	asked.overlay = staged.overlay;
	found_enter(s->found, NULL, s->scope.staged);
	return apply(s, &asked, NULL);
}

int search_all(const struct search_asked *asked, struct found *ret, bool *ret_lost)
{
	_cleanup_(search_release) struct search s = {.asked = asked, .b = asked->b, .found = ret};
	const struct history *h = asked->b->history;
	int r = scope_find(asked->b, asked->where, &s.scope);

	for (size_t i = 0; i < h->n && !r; i++)
		r = search_session(&s, &h->sessions[i]);
	if (!r && asked->where->mounted)
		r = search_staged(&s);
	if (r == -ENOMEM)
		command_fail("%s: %s", asked->b->name, strerror(ENOMEM));
	*ret_lost = s.lost || (h->n && !s.last); /* none of them could be read */
	return r;
}
