/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * candidates.c - names of one tree alone, until it is known where else they are
 *
 * What has the same key in both trees is the same file: its number, or, where numbers say nothing, the place of its
 * content.  Directories are matched first, and what is in them is compared as in any pair.  When no more match, those
 * of both trees that have one name are a pair after all (removed and made anew), and what is left is opened: what is
 * in it may have come from elsewhere, or gone there.  Directories of the newer tree with numbers that the older one
 * knows must have been somewhere in it, so they are opened last.  What one was, or became, may come to light when it is
 * opened already: then the other one is opened, too, and what is in them is held against each other by its key alone.
 */
#include "fs/diff/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "burner/base/bytes.h"
#include "burner/base/grow.h"
#include "burner/base/own.h"
#include "burner/base/path.h"

static bool has_key(const struct walk *w, const struct diff_entry *e)
{
	return !w->o->no_renames && (w->o->by_number || (S_ISREG(e->mode) && e->n_extents));
}

static uint64_t key_of(const struct walk *w, const struct diff_entry *e)
{
	return w->o->by_number ? e->ino & INT64_MAX : e->extents[0].pos;
}

static bool is_same_file(const struct walk *w, const struct candidate *a, const struct candidate *b)
{
	return (a->e.mode & S_IFMT) == (b->e.mode & S_IFMT) &&
	       (w->o->by_number ? a->e.ino == b->e.ino : a->e.size == b->e.size);
}

/* A number that the older tree has not given: it is new. */
static bool is_fresh(const struct walk *w, const struct diff_entry *e)
{
	return w->old_next_ino && e->ino >= w->old_next_ino;
}

static int take_fresh(struct walk *w, const char *directory, const struct diff_entry *e)
{
	struct diff_change c = {.kind = 'A',
				.mode = e->mode,
				.bytes = S_ISREG(e->mode) ? e->size : 0,
				.mtime = e->mtime};
	_free_ char *path = NULL;

	if (!w->o->fresh)
		return walk_change(w, &c, e);
	if (asprintf(&path, "%s%s%s", directory, directory[0] ? "/" : "", e->name) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	c.path = path;
	return w->o->fresh(w->o->context, &c);
}

int candidates_add(struct walk *w, bool newer, const char *directory, const struct diff_entry *e, uint32_t *ret)
{
	struct candidates *c = newer ? &w->come : &w->gone;
	struct candidate *to;
	int r;

	if (ret)
		*ret = NUMBERS_NONE;
	if (newer && (w->o->counted || w->o->fresh) && !S_ISDIR(e->mode) && !ret && is_fresh(w, e))
		return take_fresh(w, directory, e);
	r = c->n < UINT32_MAX - 1 ? grow(&c->list, &c->capacity, c->n, sizeof(*c->list)) : -ENOMEM;
	if (r)
		return r;
	struct diff_entry nameless = *e; /* its path has the name */

	nameless.name = NULL;
	to = &c->list[c->n];
	*to = (struct candidate){.path = walk_path(w, directory, e->name),
				 .twin = NUMBERS_NONE,
				 .match = NUMBERS_NONE,
				 .above = NUMBERS_NONE};
	r = to->path ? diff_entry_keep(&w->d->memory->arena, &nameless, &to->e) : -ENOMEM;
	if (!r && !newer && has_key(w, e))
		r = numbers_add(&c->by_key, key_of(w, e), (uint32_t)c->n);
	if (!r && ret)
		*ret = (uint32_t)c->n;
	c->n += !r;
	return r;
}

/* ---- where else ---- */

/* One that was looked for in vain may have come to light since: so all directories are looked for each time. */
static uint32_t find_former(const struct walk *w, const struct candidate *c)
{
	size_t cursor = 0;
	uint32_t i;

	if (!has_key(w, &c->e) || is_fresh(w, &c->e))
		return NUMBERS_NONE;
	while ((i = numbers_next(&w->gone.by_key, key_of(w, &c->e), &cursor)) != NUMBERS_NONE)
		if (w->gone.list[i].match == NUMBERS_NONE && !w->gone.list[i].paired &&
		    is_same_file(w, c, &w->gone.list[i]))
			return i;
	return NUMBERS_NONE;
}

static int pair_up(struct walk *w, uint32_t gone, uint32_t come)
{
	struct candidate *from = &w->gone.list[gone], *to = &w->come.list[come];
	const struct pair p = {from->e.dir, to->e.dir, from->path, to->path};

	from->opened = to->opened = from->paired = to->paired = true;
	if (to->e.dir.node == DIFF_NO_NODE && p.old.at.lba == p.new.at.lba &&p.old.at.bytes == p.new.at.bytes)
		return 1;
	int r = walk_push(w, &p);
	return r ? r : 1;
}

static int open_one(struct walk *w, bool newer, uint32_t i)
{
	_cleanup_(diff_list_release) struct diff_list list = {.n = 0};
	struct candidate *c = newer ? &w->come.list[i] : &w->gone.list[i];
	struct candidates *all = newer ? &w->come : &w->gone;
	const char *path = c->path;
	/* What is new in a directory that is not may be what was saved anew under its name. */
	bool is_new = newer && is_fresh(w, &c->e) && c->twin == NUMBERS_NONE;
	uint32_t index;
	int r;

	c->opened = true;
	r = walk_list(w, newer, &c->e.dir, path, &list);
	if (r <= 0)
		return r;
	r = 0;
	c->first = (uint32_t)all->n;
	for (size_t k = 0; k < list.n && !r; k++) {
		size_t n = all->n;

		r = candidates_add(w, newer, path, &list.entries[k], is_new ? NULL : &index);
		if (!r && all->n > n)
			all->list[n].above = i;
	}
	all->list[i].n_below = (uint32_t)all->n - all->list[i].first;
	return r;
}

/* Where one of both was opened before, the other one is, too. */
static int match_contents(struct walk *w, uint32_t gone, uint32_t come)
{
	bool gone_opened = w->gone.list[gone].opened, come_opened = w->come.list[come].opened;

	if (!gone_opened && !come_opened)
		return pair_up(w, gone, come);
	return gone_opened && come_opened ? 0 : open_one(w, gone_opened, gone_opened ? come : gone);
}

static int match_directories(struct walk *w)
{
	int r = 0, found = 0;

	for (uint32_t i = 0; i < w->come.n && r >= 0; i++) {
		struct candidate *c = &w->come.list[i];
		bool looked_for = S_ISDIR(c->e.mode) && !c->paired && c->match == NUMBERS_NONE;
		uint32_t former = looked_for ? find_former(w, c) : NUMBERS_NONE;

		if (former == NUMBERS_NONE)
			continue;
		c->match = former;
		w->gone.list[former].match = i;
		r = match_contents(w, former, i);
		found = 1;
	}
	return r < 0 ? r : found;
}

/* A number that the older tree has given: what has it now was somewhere in that. */
static bool is_given(const struct walk *w, const struct diff_entry *e)
{
	return w->o->by_number && w->old_next_ino && e->ino < w->old_next_ino;
}

/* Not made anew, but moved there from somewhere. */
static bool was_elsewhere(const struct walk *w, const struct diff_entry *e) { return !w->o->exact && is_given(w, e); }

/* Removed, and made anew under the same name. */
static int match_twins(struct walk *w)
{
	int r = 0, found = 0;

	for (uint32_t i = 0; i < w->come.n && r >= 0; i++) {
		struct candidate *c = &w->come.list[i];

		if (!S_ISDIR(c->e.mode) || c->opened || c->twin == NUMBERS_NONE || w->gone.list[c->twin].opened ||
		    was_elsewhere(w, &c->e))
			continue;
		r = pair_up(w, c->twin, i);
		found = 1;
	}
	return r < 0 ? r : found;
}

enum opening { OPEN_FRESH, OPEN_GONE, OPEN_REST };

/* What has another of its name in the older tree may be compared with that. */
static bool is_due(const struct walk *w, const struct candidate *c, enum opening which)
{
	if (!S_ISDIR(c->e.mode) || c->opened)
		return false;
	if (which != OPEN_FRESH)
		return true;
	/* of what has come the twin is among what has gone */
	return is_fresh(w, &c->e) && (c->twin == NUMBERS_NONE || w->gone.list[c->twin].opened);
}

static int open_all(struct walk *w, enum opening which)
{
	bool newer = which != OPEN_GONE;
	struct candidates *c = newer ? &w->come : &w->gone;
	size_t n = c->n; /* those that are found by it are for the next round */
	int r = 0, found = 0;

	for (uint32_t i = 0; i < n && !r; i++)
		if (is_due(w, &c->list[i], which)) {
			r = open_one(w, newer, i);
			found = 1;
		}
	return r ? r : found;
}

int candidates_settle(struct walk *w)
{
	int r = match_directories(w);

	if (!r)
		r = open_all(w, OPEN_FRESH);
	if (!r)
		r = match_twins(w);
	if (!r)
		r = open_all(w, OPEN_GONE);
	if (!r)
		r = open_all(w, OPEN_REST);
	return r;
}

/* ---- the end ---- */

static void pair_by_name(struct walk *w, uint32_t gone, uint32_t come)
{
	struct candidate *from = &w->gone.list[gone], *to = &w->come.list[come];

	if (from->twin != NUMBERS_NONE || to->twin != NUMBERS_NONE ||
	    (from->e.mode & S_IFMT) != (to->e.mode & S_IFMT) ||
	    (S_ISDIR(to->e.mode) && (from->paired || to->paired || was_elsewhere(w, &to->e))))
		return;
	from->twin = come;
	to->twin = gone;
}

/* Of a directory that was opened in both trees, each by itself: what is another file under its name is so here, too. */
static void pair_below(struct walk *w, const struct candidate *gone, const struct candidate *come)
{
	uint32_t i = gone->first, j = come->first;

	while (i < gone->first + gone->n_below && j < come->first + come->n_below) {
		int order = strcmp(path_last(w->gone.list[i].path), path_last(w->come.list[j].path));

		if (!order)
			pair_by_name(w, i, j);
		i += order <= 0;
		j += order >= 0;
	}
}

/* Those above come before what is below them. */
static void pair_what_was_opened(struct walk *w)
{
	for (uint32_t i = 0; i < w->come.n; i++) {
		const struct candidate *c = &w->come.list[i];
		uint32_t other = c->match != NUMBERS_NONE ? c->match : c->twin;

		if (c->n_below && other != NUMBERS_NONE)
			pair_below(w, &w->gone.list[other], c);
	}
}

static void match_files(struct walk *w)
{
	for (uint32_t i = 0; i < w->come.n; i++) {
		struct candidate *c = &w->come.list[i];

		if (S_ISDIR(c->e.mode))
			continue;
		c->match = find_former(w, c);
		if (c->match != NUMBERS_NONE)
			w->gone.list[c->match].match = i;
	}
}

/* Of two files that have other numbers, but one name: are all names of the one those of the other?  Then they are as
 * good as one file.  Counted are the names of the newer one that have the same older one beside them. */
static bool has_links(const struct walk *w, const struct candidate *twin, const struct candidate *c)
{
	return w->o->exact && w->o->by_number && !S_ISDIR(c->e.mode) && (c->e.nlink > 1 || twin->e.nlink > 1);
}

static int count_links(struct walk *w)
{
	for (uint32_t i = 0; i < w->come.n; i++) {
		const struct candidate *c = &w->come.list[i];
		const struct candidate *twin = c->twin == NUMBERS_NONE ? NULL : &w->gone.list[c->twin];
		uint64_t old, n = 0;

		if (!twin || twin->match != NUMBERS_NONE || !has_links(w, twin, c))
			continue;
		if (idmap_reserve(&w->links_of, 1) < 0 || idmap_reserve(&w->n_links, 1) < 0)
			return -ENOMEM;
		if (!idmap_get(&w->links_of, c->e.ino, &old))
			idmap_put(&w->links_of, c->e.ino, old = twin->e.ino);
		(void)idmap_get(&w->n_links, c->e.ino, &n);
		idmap_put(&w->n_links, c->e.ino, n + (old == twin->e.ino));
	}
	return 0;
}

static bool is_linked_alike(const struct walk *w, const struct candidate *twin, const struct candidate *c)
{
	uint64_t old = 0, n = 0;

	if (!has_links(w, twin, c))
		return true;
	return idmap_get(&w->links_of, c->e.ino, &old) && idmap_get(&w->n_links, c->e.ino, &n) && old == twin->e.ino &&
	       n == c->e.nlink && n == twin->e.nlink;
}

/* It has come along with the directory that it is in. */
static bool came_along(const struct walk *w, const struct candidate *c, const struct candidate *former)
{
	return c->above != NUMBERS_NONE && former->above != NUMBERS_NONE &&
	       w->come.list[c->above].match == former->above &&
	       strcmp(path_last(c->path), path_last(former->path)) == 0;
}

static int conclude_come(struct walk *w, const struct candidate *c)
{
	const struct candidate *twin = c->twin == NUMBERS_NONE ? NULL : &w->gone.list[c->twin];
	const struct candidate *former = c->match == NUMBERS_NONE ? NULL : &w->gone.list[c->match];

	if (former)
		return walk_compare(w, &former->e, &c->e, c->path, came_along(w, c, former) ? NULL : former->path);
	if (twin && twin->match == NUMBERS_NONE && !is_linked_alike(w, twin, c))
		return walk_change(w,
				   &(struct diff_change){.kind = 'M',
							 .content = true,
							 .mode = c->e.mode,
							 .path = c->path,
							 .bytes = S_ISREG(c->e.mode) ? c->e.size : 0},
				   &c->e);
	if (twin && twin->match == NUMBERS_NONE)
		return walk_compare(w, &twin->e, &c->e, c->path, NULL);
	return walk_change(w,
			   &(struct diff_change){.kind = 'A',
						 .mode = c->e.mode,
						 .path = c->path,
						 .bytes = S_ISREG(c->e.mode) ? c->e.size : 0},
			   &c->e);
}

static int conclude_gone(struct walk *w, const struct candidate *c)
{
	if (c->match != NUMBERS_NONE || c->twin != NUMBERS_NONE)
		return 0;
	return walk_change(w,
			   &(struct diff_change){.kind = 'D',
						 .mode = c->e.mode,
						 .path = c->path,
						 .bytes = S_ISREG(c->e.mode) ? c->e.size : 0},
			   &c->e);
}

int candidates_conclude(struct walk *w)
{
	int r;

	match_files(w);
	pair_what_was_opened(w);
	r = count_links(w);
	for (size_t i = 0; i < w->come.n && !r; i++)
		r = conclude_come(w, &w->come.list[i]);
	for (size_t i = 0; i < w->gone.n && !r; i++)
		r = conclude_gone(w, &w->gone.list[i]);
	return r;
}

void candidates_release(struct candidates *c)
{
	free(c->list);
	numbers_release(&c->by_key);
}
