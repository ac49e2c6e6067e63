/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a discard of paths takes with it: from a copy of the rows, with no lock held.  Why each is as it is,
 * discard_path.c says.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/path.h"
#include "burner/base/time.h"
#include "fs/tree/discard_plan.h"

void discard_plan_release(struct plan *p)
{
	size_t n = p->frozen.snapshot ? p->frozen.snapshot->n_nodes : 0;

	for (size_t i = 0; p->restored && i < n; i++)
		iso_entry_release(&p->restored[i]);
	free(p->restored);
	free(p->old_parents);
	free(p->goes);
	free(p->node_goes);
	staged_free(p->list);
	tree_frozen_release(&p->frozen);
	p->frozen = (struct tree_frozen){0};
	p->list = NULL;
	p->restored = NULL;
	p->old_parents = NULL;
	p->goes = p->node_goes = NULL;
}

static size_t row_index(const struct plan *p, const struct stage_node *row)
{
	return (size_t)(row - p->frozen.snapshot->nodes);
}

/* ---- which ---- */

bool discard_is_staged(const struct plan *p, const char *path)
{
	for (size_t i = 0; i < p->list->n_changes; i++)
		if (path_is_inside(p->list->changes[i].path, path))
			return true;
	return false;
}

static bool is_asked(const struct plan *p, const char *path)
{
	for (size_t i = 0; i < p->n_paths; i++)
		if (path_is_inside(path, p->paths[i]))
			return true;
	return false;
}

/* The old name of something renamed that stays. */
static int check_sources(struct plan *p)
{
	for (size_t k = 0; k < p->n_paths; k++)
		for (size_t i = 0; i < p->list->n_changes; i++) {
			const struct staged_change *c = &p->list->changes[i];

			if (c->kind == 'R' && !p->goes[i] && strcmp(c->from, p->paths[k]) == 0 &&
			    !discard_is_staged(p, p->paths[k]))
				return why_set(p->ret_why, -EXDEV,
					       "%s was renamed to %s: its place would be lost, or it would be there "
					       "twice; drop %s instead, which undoes the renaming",
					       c->from, c->path, c->path);
		}
	return 0;
}

static int choose(struct plan *p)
{
	size_t n = 0;
	int r;

	for (size_t i = 0; i < p->list->n_changes; i++) {
		p->goes[i] = is_asked(p, p->list->changes[i].path);
		n += p->goes[i];
	}
	r = check_sources(p);
	return r || n ? r : why_set(p->ret_why, -ENOENT, "nothing is staged there");
}

/* Names of one file go together. */
static int choose_names(struct plan *p)
{
	for (size_t i = 0; i < p->list->n_changes; i++) {
		const struct staged_change *c = &p->list->changes[i];

		if (!p->goes[i] || !c->ino || c->kind == 'A' || !c->row || S_ISDIR(c->row->mode))
			continue;
		for (size_t k = 0; k < p->list->n_changes; k++) {
			const struct staged_change *other = &p->list->changes[k];

			if (other->ino != c->ino || p->goes[k])
				continue;
			if (other->named)
				return why_set(
					p->ret_why, -EXDEV,
					"%s is another name of %s, and would lose its content: drop it, too, in one "
					"command",
					other->path, c->path);
			p->goes[k] = true;
		}
	}
	return 0;
}

/* Is that path on the disc what this change removed, or below it?  The change's own path may lie in directories that
 * were renamed. */
static bool removed_by(const struct plan *p, const struct staged_change *c, const char *disc_path)
{
	const struct staged_change *above = NULL;

	if (!c->base.mode || c->kind == 'R')
		return false;
	for (size_t i = 0; i < p->list->n_changes; i++) {
		const struct staged_change *r = &p->list->changes[i];

		if (r->kind == 'R' && path_is_inside(c->path, r->path) &&
		    (!above || strlen(r->path) > strlen(above->path)))
			above = r;
	}
	if (!above)
		return path_is_inside(disc_path, c->path);
	size_t n = strlen(above->from);
	return strncmp(disc_path, above->from, n) == 0 && path_is_inside(disc_path + n, c->path + strlen(above->path));
}

/* Does something that goes bring back the directory of that path on the disc? */
static bool comes_back(const struct plan *p, const char *disc_path)
{
	for (size_t i = 0; i < p->list->n_changes; i++)
		if (p->goes[i] && removed_by(p, &p->list->changes[i], disc_path))
			return true;
	return false;
}

/* What has that name now. */
static const struct staged_change *at_name(const struct plan *p, uint64_t parent, const char *name, size_t *ret)
{
	for (size_t i = 0; i < p->list->n_changes; i++) {
		const struct staged_change *c = &p->list->changes[i];

		if (c->parent == parent && c->named && strcmp(c->name, name) == 0) {
			*ret = i;
			return c;
		}
	}
	return NULL;
}

static int check_places(struct plan *p)
{
	for (size_t i = 0; i < p->list->n_changes; i++) {
		const struct staged_change *c = &p->list->changes[i], *other;
		size_t k;

		if (c->kind == 'R' && !p->goes[i] && !staged_dir(p->list, c->from_parent) && comes_back(p, c->from))
			return why_set(
				p->ret_why, -EXDEV,
				"%s was moved out of it, to %s, and would be there twice: drop that, too, in one "
				"command",
				c->from, c->path);
		if (!p->goes[i] || c->kind != 'R')
			continue;
		other = at_name(p, c->from_parent, c->from_name, &k);
		if (other && !p->goes[k])
			return why_set(
				p->ret_why, -EXDEV,
				"the old name of %s, %s, is that of another file now: drop that, too, in one command",
				c->path, c->from);
		if (!staged_dir(p->list, c->from_parent) && !comes_back(p, c->from))
			return why_set(
				p->ret_why, -EXDEV,
				"the directory of the old name of %s, %s, was removed: drop that, too, in one command",
				c->path, c->from);
	}
	return 0;
}

/* ---- which rows ---- */

/* Of names that stay: how many does that node have? */
static size_t names_left(const struct plan *p, uint64_t ino)
{
	size_t n = 0;

	for (size_t i = 0; i < p->list->n_changes; i++)
		n += !p->goes[i] && p->list->changes[i].ino == ino;
	return n;
}

static bool has_names_left(const struct plan *p, uint64_t dir)
{
	const struct stage_snapshot *s = p->frozen.snapshot;
	const struct staged_dir *d = staged_dir(p->list, dir);

	for (size_t i = staged_names_of(s, dir); d && i < s->n_names && s->names[i].parent == dir; i++) {
		bool left = true;

		for (size_t k = 0; left && k < p->list->n_changes; k++) {
			const struct staged_change *c = &p->list->changes[k];

			if (!p->goes[k])
				continue;
			left = !(c->parent == dir && c->named && strcmp(c->name, s->names[i].name) == 0) &&
			       !(c->kind == 'R' && c->from_parent == dir &&
				 strcmp(c->from_name, s->names[i].name) == 0);
		}
		if (left)
			return true;
	}
	return false;
}

static bool has_children_left(const struct plan *p, uint64_t dir)
{
	const struct stage_snapshot *s = p->frozen.snapshot;

	for (size_t i = 0; i < s->n_nodes; i++)
		if (!p->node_goes[i] && s->nodes[i].ino != dir && (s->nodes[i].parent == dir || !s->nodes[i].parent))
			return true;
	return false;
}

/* Is the directory a change that stays, or new? */
static bool is_changed(const struct plan *p, const struct staged_dir *d)
{
	for (size_t i = 0; i < p->list->n_changes; i++)
		if (p->list->changes[i].ino == d->ino)
			return !p->goes[i];
	return !d->dir.bytes;
}

/* By how many links of sub-directories, or of names, a node that stays changes. */
int64_t discard_links_of(const struct plan *p, uint64_t ino)
{
	int64_t delta = 0;

	for (size_t i = 0; i < p->list->n_changes; i++) {
		const struct staged_change *c = &p->list->changes[i];
		bool is_dir = c->row && S_ISDIR(c->row->mode), was_dir = S_ISDIR(c->base.mode);

		if (!p->goes[i])
			continue;
		if (c->kind == 'A' && !is_dir && c->ino == ino)
			delta--;
		if (!was_dir && c->base.mode && c->base.ino == ino &&
		    (c->kind == 'D' || (c->kind == 'M' && c->ino != ino)))
			delta++;
		if (c->parent == ino && is_dir && c->named)
			delta--;
		if (c->parent == ino && was_dir && (c->kind == 'D' || (c->kind == 'M' && c->named)))
			delta++;
		if (c->kind == 'R' && c->from_parent == ino && is_dir)
			delta++;
	}
	return delta;
}

/* A file in its place of which only the number of names had changed: is it what the disc has, then? */
static bool is_as_before(const struct plan *p, const struct staged_change *c)
{
	const struct stage_node *row = c->row;

	if (c->kind != 'M' || c->named || !row || S_ISDIR(row->mode) || c->base.ino != c->ino || c->bytes ||
	    row->mode != c->base.mode || row->uid != c->base.uid || row->gid != c->base.gid ||
	    row->size != (S_ISREG(row->mode) ? c->base.size : row->size) || !same_time(row->mtime, c->base.mtime) ||
	    row->n_extents != c->base.n_extents)
		return false;
	for (uint32_t i = 0; i < row->n_extents; i++)
		if (row->extents[i].pos != c->base.extents[i].pos ||
		    row->extents[i].length != c->base.extents[i].length)
			return false;
	return (int64_t)row->nlink + discard_links_of(p, c->ino) == c->base.nlink;
}

static void choose_untouched(struct plan *p)
{
	for (size_t i = 0; i < p->list->n_changes; i++) {
		const struct staged_change *c = &p->list->changes[i];

		if (!p->goes[i] && c->ino && discard_links_of(p, c->ino) && is_as_before(p, c))
			p->node_goes[row_index(p, c->row)] = true;
	}
}

static void choose_files(struct plan *p)
{
	for (size_t i = 0; i < p->list->n_changes; i++) {
		const struct staged_change *c = &p->list->changes[i];

		if (!p->goes[i] || !c->row)
			continue;
		if (S_ISDIR(c->row->mode) ? c->kind == 'A' || (c->kind == 'M' && c->base.ino != c->ino) :
					    !names_left(p, c->ino))
			p->node_goes[row_index(p, c->row)] = true;
	}
}

/* Directories that nothing is staged of or below any more, the lowest first. */
static void choose_dirs(struct plan *p)
{
	bool more = true;

	while (more) {
		more = false;
		for (size_t i = 0; i < p->list->n_dirs; i++) {
			const struct staged_dir *d = &p->list->dirs[i];
			bool *goes = d->row ? &p->node_goes[row_index(p, d->row)] : NULL;

			if (!goes || *goes || !d->dir.bytes || is_changed(p, d) || has_names_left(p, d->ino) ||
			    has_children_left(p, d->ino))
				continue;
			*goes = more = true;
		}
	}
}

/* The record of a directory in its place: by its parent's listing.  Nothing is locked. */
static int record_of(const struct plan *p, const struct staged_dir *d, struct iso_entry *ret)
{
	const struct staged_dir *above = staged_dir(p->list, d->parent);

	if (!p->frozen.base)
		return -ENOENT;
	if (!d->parent)
		return iso_root(p->frozen.base, ret);
	if (!above || !above->dir.bytes)
		return -ENOENT;
	return iso_lookup(p->frozen.base, above->dir, path_last(d->path), ret);
}

static int copy_record(struct plan *p, const struct staged_dir *d)
{
	size_t i = row_index(p, d->row);
	int r;

	for (size_t k = 0; k < p->list->n_changes; k++) {
		struct staged_change *c = &p->list->changes[k];

		if (c->ino != d->ino || !p->goes[k] || (c->kind != 'R' && c->kind != 'M') || !S_ISDIR(c->base.mode))
			continue;
		p->restored[i] = c->base; /* a directory owns nothing */
		p->old_parents[i] = c->kind == 'R' ? c->from_parent : 0;
		return 0;
	}
	if (!p->node_goes[i])
		return 0;
	r = record_of(p, d, &p->restored[i]);
	return r == -ENOENT ? 0 : r;
}

static int copy_records(struct plan *p)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < p->list->n_dirs; i++)
		if (p->list->dirs[i].row && p->list->dirs[i].dir.bytes)
			r = copy_record(p, &p->list->dirs[i]);
	return r;
}

int discard_plan_make(struct plan *p)
{
	size_t n_rows, n_changes;
	int r = tree_preview(p->t, 0, &p->frozen);

	if (r == -ENODATA)
		return why_set(p->ret_why, -ENOENT, "nothing is staged there");
	if (r == 0)
		r = staged_find(p->frozen.snapshot, p->frozen.base, &p->list);
	if (r < 0)
		return r;
	n_rows = p->frozen.snapshot->n_nodes;
	n_changes = p->list->n_changes;
	p->goes = calloc(n_changes + 1, sizeof(bool));
	p->node_goes = calloc(n_rows + 1, sizeof(bool));
	p->restored = calloc(n_rows + 1, sizeof(*p->restored));
	p->old_parents = calloc(n_rows + 1, sizeof(*p->old_parents));
	if (!p->goes || !p->node_goes || !p->restored || !p->old_parents)
		return -ENOMEM;
	r = choose(p);
	if (r == 0)
		r = choose_names(p);
	if (r == 0)
		r = check_places(p);
	if (r < 0)
		return r;
	choose_files(p);
	choose_untouched(p);
	choose_dirs(p);
	return copy_records(p);
}
