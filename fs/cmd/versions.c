/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/cmd/versions.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "burner/base/own.h"
#include "fs/cmd/command.h"
#include "fs/cmd/moves.h"

struct search {
	const struct between *b;
	const struct versions_asked *asked;
	uint64_t n;
	char *path; /* in the session that is looked at */
};

static uint64_t bytes_of(const struct iso_entry *e) { return S_ISREG(e->mode) ? e->size : 0; }

static void tell(struct search *s, const struct disc_session *session, char kind, const char *path, const char *from,
		 uint64_t bytes)
{
	const struct version v = {session, kind, path, from, bytes};

	if (s->n == s->asked->max)
		return;
	s->asked->found(s->asked->context, &v);
	s->n++;
}

/* 1: it is there; 0: it is not; or an error, told. */
static int look_up(const struct search *s, const struct disc_session *session, const char *path, struct iso **ret_iso,
		   struct iso_entry *ret)
{
	int r = history_tree(s->b->disc, session, ret_iso);

	if (!r)
		r = iso_lookup_path(*ret_iso, path, ret);
	if (!r || r == -ENOENT)
		return !r;
	command_fail("%s: session %" PRIu32 ": /%s: it cannot be known whether it is there: %s", s->b->name,
		     session->number, path, strerror(-r));
	return r;
}

static bool has_changed(const struct diff *d, const char *path)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->changes[i].kind == 'M' && strcmp(d->changes[i].path, path) == 0)
			return true;
	return false;
}

/* It is in `now`, and the older session has not that file under that path: 1: it had it elsewhere; 0: not. */
static int find_origin(struct search *s, const struct disc_session *older, const struct disc_session *now,
		       const struct iso_entry *e, bool taken)
{
	const struct between_asked asked = {.old = older, .new = now};
	_cleanup_diff_ struct diff d = {.n = 0};
	_free_ char *from = NULL;
	const struct diff_change *c;
	int r = between_sessions(s->b, &asked, &d);

	if (r)
		return r;
	c = moves_nearest(&d, s->path, false);
	r = moves_carry(&d, s->path, false, &from);
	if (r)
		return r;
	if (from) {
		tell(s, now, 'R', s->path, from, bytes_of(e));
		free(s->path);
		s->path = TAKE_PTR(from);
		return 1;
	}
	if (!taken || (c && c->kind == 'A'))
		tell(s, now, d.complete ? 'A' : '?', s->path, NULL, bytes_of(e));
	else if (has_changed(&d, s->path))
		tell(s, now, 'M', s->path, NULL, bytes_of(e));
	return taken;
}

/* The newer session has it no more. */
static int find_end(struct search *s, const struct disc_session *session, const struct disc_session *newer)
{
	const struct between_asked asked = {.old = session, .new = newer};
	_cleanup_(iso_unrefp) struct iso *iso = NULL;
	_cleanup_entry_ struct iso_entry e = {.ino = 0};
	_cleanup_diff_ struct diff d = {.n = 0};
	_free_ char *path = NULL;
	int r;

	if (between_misses_former(s->b, newer)) {
		tell(s, newer, '?', s->path, NULL, 0);
		return 0;
	}
	r = between_sessions(s->b, &asked, &d);

	if (r)
		return r;
	r = moves_carry(&d, s->path, true, &path);
	if (r < 0)
		return r;
	if (path)
		r = look_up(s, newer, path, &iso, &e);
	if (r < 0)
		return r;
	if (r)
		tell(s, newer, 'R', path, s->path, bytes_of(&e));
	else
		tell(s, newer, d.complete ? 'D' : '?', s->path, NULL, 0);
	return 0;
}

/* It is there in both: a version of its own?  1: it goes on with the older session; 0: that has not that file. */
static int compare(struct search *s, const struct disc_session *session, struct iso *iso, const struct iso_entry *e,
		   const struct disc_session *older)
{
	_cleanup_(iso_unrefp) struct iso *older_iso = NULL;
	_cleanup_entry_ struct iso_entry former = {.ino = 0};
	int r = look_up(s, older, s->path, &older_iso, &former);
	bool differs = false;

	if (r < 0)
		return r;
	if (!r || (former.mode & S_IFMT) != (e->mode & S_IFMT) || (session_says_ours(session) && former.ino != e->ino))
		return find_origin(s, older, session, e, r);
	r = diff_files(&(struct diff_tree){.iso = older_iso}, &former, &(struct diff_tree){.iso = iso}, e, &differs);
	if (r) {
		command_fail("%s: session %" PRIu32 ": /%s: it cannot be known whether it changed: %s", s->b->name,
			     session->number, s->path, strerror(-r));
		return r;
	}
	if (differs)
		tell(s, session, 'M', s->path, NULL, bytes_of(e));
	return 1;
}

static int list(struct search *s)
{
	const struct history *h = s->b->history;
	const struct disc_session *session = h->n ? &h->sessions[h->n] : NULL, *newer = NULL;
	bool carried = false; /* the newer session had it, and this one has it, too */
	int r = 0;

	while (r >= 0 && s->n < s->asked->max && session && (session = between_former(s->b, session))) {
		_cleanup_(iso_unrefp) struct iso *iso = NULL;
		_cleanup_entry_ struct iso_entry e = {.ino = 0};
		const struct disc_session *older = between_former(s->b, session);

		r = look_up(s, session, s->path, &iso, &e);
		if (r > 0 && !carried && newer)
			r = find_end(s, session, newer) ?: 1;
		if (r > 0 && between_misses_former(s->b, session))
			tell(s, session, '?', s->path, NULL, bytes_of(&e));
		else if (r > 0 && older)
			r = compare(s, session, iso, &e, older);
		else if (r > 0)
			tell(s, session, 'A', s->path, NULL, bytes_of(&e));
		carried = r > 0;
		newer = session;
	}
	return r < 0 ? r : 0;
}

int versions_list(const struct between *b, const struct versions_asked *asked, bool *ret_any)
{
	struct search s = {.b = b, .asked = asked, .path = strdup(asked->path)};
	int r = s.path ? list(&s) : -ENOMEM;

	free(s.path);
	*ret_any = s.n;
	return r;
}
