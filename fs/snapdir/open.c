/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * open.c - sessions that are open, and their end
 *
 * A session is in the list while a request uses it or somebody refers to something in it; whoever ends the last of
 * these takes it out, and closes it without the lock.  Two that open it at once both read the disc: the second drops
 * what it has.
 */
#include "fs/snapdir/internal.h"

#include <errno.h>
#include <stdlib.h>

#include "burner/base/bytes.h"
#include "burner/base/own.h"

#define IDLE_NODES 8192u /* of files in one session on a drive: what has no node is read again */

int snapdir_new(const struct snapdir_options *options, struct disc *disc, struct snapdir **ret)
{
	struct snapdir *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->options = *options;
	p->medium = *options->medium;
	p->options.medium = &p->medium;
	p->disc = disc;
	lock_init(&p->lock, LOCK_PLAIN);
	*ret = p;
	return 0;
}

static void close_session(struct opened *s)
{
	if (!s)
		return;
	tree_free(s->tree);
	iso_unref(s->iso);
	free(s);
}

void snapdir_free(struct snapdir *p)
{
	if (!p)
		return;
	for (struct opened *s = p->newest, *older; s; s = older) {
		older = s->older;
		close_session(s);
	}
	history_release(&p->history);
	lock_release(&p->lock);
	free(p);
}

int snapdir_set_sessions(struct snapdir *p, const struct disc_session *sessions, size_t n)
{
	struct history now, before;
	int r = history_copy(sessions, n, &now);

	if (r < 0)
		return r;
	lock_take(&p->lock);
	before = p->history;
	p->history = now;
	lock_give(&p->lock);
	history_release(&before);
	return 0;
}

unsigned snapdir_open_sessions(struct snapdir *p)
{
	lock_take(&p->lock);
	unsigned n = p->n_opened;
	lock_give(&p->lock);
	return n;
}

int session_described(struct snapdir *p, uint32_t number, struct disc_session *ret)
{
	lock_take(&p->lock);
	const struct disc_session *s = history_numbered(&p->history, number);
	int r = !s ? -ENOENT : s->broken ? -EBADMSG : 0;
	if (!r)
		*ret = *s;
	lock_give(&p->lock);
	return r;
}

/* ---- the list ---- */

static void unlink_locked(struct snapdir *p, struct opened *s)
{
	lock_assert(&p->lock);
	*(s->newer ? &s->newer->older : &p->newest) = s->older;
	*(s->older ? &s->older->newer : &p->oldest) = s->newer;
}

static void link_newest_locked(struct snapdir *p, struct opened *s)
{
	lock_assert(&p->lock);
	s->newer = NULL;
	s->older = p->newest;
	*(s->older ? &s->older->newer : &p->oldest) = s;
	p->newest = s;
}

static struct opened *find_locked(struct snapdir *p, uint32_t number)
{
	lock_assert(&p->lock);
	struct opened *s = p->newest;

	while (s && s->number != number)
		s = s->older;
	return s;
}

/* Behind the SNAPDIR_HOT of a tree that were used last none keeps caches: the base of one that has some, with a
 * reference; NULL: none has.  Behind one that has none all have none. */
static struct iso *cooled_locked(struct snapdir *p)
{
	lock_assert(&p->lock);
	struct opened *s = p->newest;

	for (unsigned n = 0; s && n < SNAPDIR_HOT; s = s->older)
		n += s->tree != NULL;
	while (s && !s->tree)
		s = s->older;
	if (!s || s->cold)
		return NULL;
	for (struct opened *older; (older = s->older) && !(older->tree && older->cold);)
		s = older;
	while (!s->tree)
		s = s->newer;
	s->cold = true;
	return iso_ref(s->iso);
}

static void cool(struct snapdir *p)
{
	struct iso *iso;

	do {
		lock_take(&p->lock);
		iso = cooled_locked(p);
		lock_give(&p->lock);
		if (iso)
			iso_drop_caches(iso);
		iso_unref(iso);
	} while (iso);
}

int session_enter(struct snapdir *p, uint32_t number, struct opened **ret)
{
	lock_take(&p->lock);
	struct opened *s = find_locked(p, number);
	bool is_first = s && s == p->newest;
	if (s)
		unlink_locked(p, s);
	else if ((s = calloc(1, sizeof(*s))))
		s->number = number;
	if (s) {
		s->n_uses++;
		s->cold = false;
		link_newest_locked(p, s);
	}
	lock_give(&p->lock);
	if (!is_first)
		cool(p);
	*ret = s;
	return s ? 0 : -ENOMEM;
}

static void end_use(struct snapdir *p, struct opened *s, unsigned n_uses, uint64_t taken, uint64_t dropped)
{
	lock_take(&p->lock);
	s->n_uses -= n_uses;
	s->n_references += taken;
	s->n_references -= min_u64(dropped, s->n_references);
	bool last = !s->n_uses && !s->n_references;
	if (last) {
		unlink_locked(p, s);
		p->n_opened -= s->tree != NULL;
	}
	lock_give(&p->lock);
	if (last)
		close_session(s);
}

void session_leave(struct snapdir *p, struct opened *s, uint64_t n_references) { end_use(p, s, 1, n_references, 0); }

void session_drop(struct snapdir *p, struct opened *s, uint64_t n_references) { end_use(p, s, 1, 0, n_references); }

/* ---- opening ---- */

/*
 * It was not at its place.  While a session is made: ask later.  One may have been made since the list was asked, which
 * says by now where it is; only when that is where it was not, it is gone.
 */
static int look_again(struct snapdir *p, const struct disc_session *was, struct iso **ret)
{
	struct disc_session now;
	int r;

	if (p->options.changing && p->options.changing(p->options.context))
		return -EAGAIN;
	r = session_described(p, was->number, &now);
	if (r)
		return r;
	return now.descriptor_lba == was->descriptor_lba ? -ESTALE : history_tree(p->disc, &now, ret);
}

static int open_tree(struct snapdir *p, uint32_t number, struct iso **ret_iso, struct tree **ret)
{
	const struct tree_options options = {.read_only = true, .medium = &p->medium, .idle_nodes = IDLE_NODES};
	_cleanup_(iso_unrefp) struct iso *iso = NULL;
	struct disc_session session;
	int r = session_described(p, number, &session);

	if (!r)
		r = history_tree(p->disc, &session, &iso);
	if (r == -ESTALE)
		r = look_again(p, &session, &iso);
	if (!r)
		r = tree_new(&options, p->disc, iso, NULL, ret);
	if (!r)
		*ret_iso = TAKE_PTR(iso);
	return r;
}

struct tree *session_tree(struct snapdir *p, struct opened *s)
{
	lock_take(&p->lock);
	struct tree *tree = s->tree;
	lock_give(&p->lock);
	return tree;
}

int session_open(struct snapdir *p, struct opened *s)
{
	_cleanup_(iso_unrefp) struct iso *iso = NULL;
	_cleanup_(tree_freep) struct tree *tree = NULL;

	if (session_tree(p, s))
		return 0;
	int r = open_tree(p, s->number, &iso, &tree);
	if (r < 0)
		return r;
	lock_take(&p->lock);
	if (!s->tree) {
		s->iso = TAKE_PTR(iso);
		s->tree = TAKE_PTR(tree);
		p->n_opened++;
	}
	lock_give(&p->lock);
	return 0;
}

int session_enter_tree(struct snapdir *p, uint64_t ino, struct opened **ret)
{
	struct opened *s;
	int r = session_enter(p, number_session(ino), &s);

	if (r < 0)
		return r;
	r = session_open(p, s);
	if (r < 0)
		session_leave(p, s, 0);
	else
		*ret = s;
	return r;
}
