/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Discard of some paths, and what is below them: the rest stays staged.
 *
 * What is to go is found from a copy of the rows, while others work; then, with all locks held and nothing changed since,
 * rows and nodes change at once.  What is dropped of each kind:
 *	A	the name, and with its last name the file
 *	M	the row: the record on the disc says all again
 *	D	the row that hides the record
 *	R	the new name, and what hides the old one: it is where it was
 * Nothing is dropped that would leave something without its place, or two places for one: the old name of what was
 * renamed is not dropped without the new one, nor the new one while the old name is another file's or its directory is
 * gone. A directory above keeps its row as long as something is staged below it.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/tree/internal.h"
#include "fs/tree/staged.h"

#define ATTEMPTS 8

/* A row of the snapshot that stays or goes. */
struct plan {
	struct tree *t;
	const char *const *paths;
	size_t n_paths;
	struct tree_frozen frozen;
	struct staged_list *list;
	bool *goes;		    /* of each change */
	bool *node_goes;	    /* of each row */
	struct iso_entry *restored; /* of each row of a directory that the disc has: what it says; mode 0: none */
	uint64_t *old_parents;	    /* of each row of a directory that goes back to where it was; 0: it does not */
	uint64_t n_puts, n_name_changes;
	char **ret_why;
};

static void plan_release(struct plan *p)
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

__attribute__((format(printf, 3, 4))) static int why(struct plan *p, int error, const char *format, ...)
{
	va_list arguments;
	char *text = NULL;

	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		text = NULL;
	va_end(arguments);
	free(*p->ret_why);
	*p->ret_why = text;
	return error;
}

static size_t row_index(const struct plan *p, const struct stage_node *row)
{
	return (size_t)(row - p->frozen.snapshot->nodes);
}

/* ---- which ---- */

static bool is_at_or_below(const char *path, const char *above)
{
	size_t n = strlen(above);

	return strncmp(path, above, n) == 0 && (!path[n] || path[n] == '/');
}

static bool is_staged(const struct plan *p, const char *path)
{
	for (size_t i = 0; i < p->list->n_changes; i++)
		if (is_at_or_below(p->list->changes[i].path, path))
			return true;
	return false;
}

static bool is_asked(const struct plan *p, const char *path)
{
	for (size_t i = 0; i < p->n_paths; i++)
		if (is_at_or_below(path, p->paths[i]))
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
			    !is_staged(p, p->paths[k]))
				return why(p, -EXDEV,
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
	return r || n ? r : why(p, -ENOENT, "nothing is staged there");
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
				return why(p, -EXDEV,
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

		if (r->kind == 'R' && is_at_or_below(c->path, r->path) &&
		    (!above || strlen(r->path) > strlen(above->path)))
			above = r;
	}
	if (!above)
		return is_at_or_below(disc_path, c->path);
	size_t n = strlen(above->from);
	return strncmp(disc_path, above->from, n) == 0 && is_at_or_below(disc_path + n, c->path + strlen(above->path));
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
			return why(p, -EXDEV,
				   "%s was moved out of it, to %s, and would be there twice: drop that, too, in one "
				   "command",
				   c->from, c->path);
		if (!p->goes[i] || c->kind != 'R')
			continue;
		other = at_name(p, c->from_parent, c->from_name, &k);
		if (other && !p->goes[k])
			return why(
				p, -EXDEV,
				"the old name of %s, %s, is that of another file now: drop that, too, in one command",
				c->path, c->from);
		if (!staged_dir(p->list, c->from_parent) && !comes_back(p, c->from))
			return why(
				p, -EXDEV,
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
static int64_t links_of(const struct plan *p, uint64_t ino)
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
	    row->size != (S_ISREG(row->mode) ? c->base.size : row->size) || row->mtime.tv_sec != c->base.mtime.tv_sec ||
	    row->n_extents != c->base.n_extents)
		return false;
	for (uint32_t i = 0; i < row->n_extents; i++)
		if (row->extents[i].pos != c->base.extents[i].pos ||
		    row->extents[i].length != c->base.extents[i].length)
			return false;
	return (int64_t)row->nlink + links_of(p, c->ino) == c->base.nlink;
}

static void choose_untouched(struct plan *p)
{
	for (size_t i = 0; i < p->list->n_changes; i++) {
		const struct staged_change *c = &p->list->changes[i];

		if (!p->goes[i] && c->ino && links_of(p, c->ino) && is_as_before(p, c))
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
	return iso_lookup(p->frozen.base, above->dir, strrchr(d->path, '/') ? strrchr(d->path, '/') + 1 : d->path, ret);
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

static int make_plan(struct plan *p)
{
	size_t n_rows, n_changes;
	int r = tree_preview(p->t, 0, &p->frozen);

	if (r == -ENODATA)
		return why(p, -ENOENT, "nothing is staged there");
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

/* ---- nothing is in use ---- */

static bool is_open(const struct node *n) { return n && !n->dead && S_ISREG(n->mode) && (n->n_open || n->n_writers); }

static int check_open_locked(struct plan *p)
{
	struct tree *t = p->t;
	bool brings_back = false;

	lock_assert(&t->lock);
	for (size_t i = 0; i < p->list->n_changes; i++) {
		const struct staged_change *c = &p->list->changes[i];

		if (!p->goes[i])
			continue;
		brings_back |= c->base.mode && c->kind != 'R';
		if (c->ino && is_open(node_find_locked(t, c->ino)))
			return why(p, -EBUSY, "%s is open: close it, and try again", c->path);
	}
	for (uint64_t i = 0; brings_back && i < t->n_buckets; i++)
		for (const struct node *n = t->buckets[i]; n; n = n->hash_next)
			if (n->orphan && is_open(n))
				return why(p, -EBUSY,
					   "files that were removed are still open: close them, and try again");
	return 0;
}

/* ---- doing it ---- */

/* Its data has no name any more. */
static void drop_bodies_locked(struct tree *t, const struct stage_node *row)
{
	for (uint32_t i = 0; i < row->n_extents; i++) {
		const struct extent *e = &row->extents[i];
		bool sparse = e->kind == EXTENT_STAGE && stage_body_sparse(t->stage, e->body);

		if (sparse)
			stage_body_discard(t->stage, e->body, 0, UINT64_MAX);
		else if (e->kind == EXTENT_STAGE)
			stage_body_discard(t->stage, e->body, e->pos, round_up(e->length, SECTOR_BYTES));
	}
}

/* Names that are gone, and the old ones of what goes back.  Does another node of the disc that stays renamed lie below a
 * name?  Then it stays hidden. */
static int drop_name_locked(struct plan *p, const struct staged_change *c)
{
	struct tree *t = p->t;
	bool moved = false;

	if (!c->named)
		return 0;
	for (size_t i = 0; !moved && i < p->list->n_changes; i++) {
		const struct staged_change *other = &p->list->changes[i];

		moved = !p->goes[i] && other->kind == 'R' && other->from_parent == c->parent &&
			strcmp(other->from_name, c->name) == 0;
	}
	return moved ? stage_name_put(t->stage, c->parent, c->name, STAGE_WHITEOUT) :
		       stage_name_delete(t->stage, c->parent, c->name);
}

static int drop_names_locked(struct plan *p)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < p->list->n_changes; i++)
		if (p->goes[i])
			r = drop_name_locked(p, &p->list->changes[i]);
	/* After all of them: one's new name may be another one's old one. */
	for (size_t i = 0; r == 0 && i < p->list->n_changes; i++) {
		const struct staged_change *c = &p->list->changes[i];

		if (p->goes[i] && c->kind == 'R')
			r = stage_name_delete(p->t->stage, c->from_parent, c->from_name);
	}
	return r;
}

/* As the disc has it, in memory and with its numbers: it may be somebody's current directory. */
static void restore_dir_locked(struct node *n, const struct iso_entry *e)
{
	n->mode = e->mode;
	n->uid = e->uid;
	n->gid = e->gid;
	n->atime = e->atime;
	n->mtime = e->mtime;
	n->ctime = e->ctime;
	n->base_dir = e->dir;
	n->base_sectors = iso_entry_sectors(e);
}

static int keep_row_locked(struct plan *p, size_t i)
{
	struct tree *t = p->t;
	const struct stage_node *row = &p->frozen.snapshot->nodes[i];
	int64_t links = links_of(p, row->ino);
	struct node *n;
	int r;

	if (!links && !p->restored[i].mode && !p->old_parents[i])
		return 0;
	r = node_from_stage_locked(t, row->ino, &n);
	if (r < 0)
		return r;
	if (p->restored[i].mode)
		restore_dir_locked(n, &p->restored[i]);
	if (p->old_parents[i])
		n->parent = p->old_parents[i];
	if ((int64_t)n->nlink + links > 0)
		n->nlink = (uint32_t)((int64_t)n->nlink + links);
	r = node_put_locked(t, n);
	node_unused_locked(t, n);
	return r;
}

static int drop_row_locked(struct plan *p, size_t i)
{
	struct tree *t = p->t;
	const struct stage_node *row = &p->frozen.snapshot->nodes[i];
	int r = stage_node_delete(t->stage, row->ino);

	if (r == 0)
		drop_bodies_locked(t, row);
	return r;
}

static int change_rows_locked(struct plan *p)
{
	int r = drop_names_locked(p);

	for (size_t i = 0; r == 0 && i < p->frozen.snapshot->n_nodes; i++)
		if (!p->node_goes[i])
			r = keep_row_locked(p, i);
	for (size_t i = 0; r == 0 && i < p->frozen.snapshot->n_nodes; i++)
		if (p->node_goes[i])
			r = drop_row_locked(p, i);
	return r;
}

static void change_nodes_locked(struct plan *p)
{
	struct tree *t = p->t;

	for (size_t i = 0; i < p->frozen.snapshot->n_nodes; i++) {
		struct node *n = p->node_goes[i] ? node_find_locked(t, p->frozen.snapshot->nodes[i].ino) : NULL;

		if (p->node_goes[i])
			known_drop_locked(t, p->frozen.snapshot->nodes[i].ino);
		if (!n)
			continue;
		node_undirty(n);
		n->cost = 0;
		n->own_body = 0;
		n->staged = false;
		if (p->restored[i].mode) {
			restore_dir_locked(n, &p->restored[i]);
			n->nlink = p->restored[i].nlink;
			n->parent = p->old_parents[i] ? p->old_parents[i] : n->parent;
		} else if (n != t->root) {
			n->dead = true; /* the kernel asks anew by name */
		}
	}
	for (uint64_t i = 0; i < t->n_buckets; i++)
		for (struct node *n = t->buckets[i]; n; n = n->hash_next)
			n->dead |= n->orphan && !n->n_open;
}

/* 1: something was changed since it was planned. */
static int carry_out(struct plan *p)
{
	struct tree *t = p->t;
	int r;

	tree_lock_all(t);
	r = t->frozen ? why(p, -EBUSY, "a session is being burned: wait for it, and try again") : 0;
	if (r == 0 && (t->dirty || t->n_puts != p->n_puts || t->n_name_changes != p->n_name_changes))
		r = 1;
	if (r == 0)
		r = check_open_locked(p);
	if (r == 0) {
		t->n_name_changes++;
		stage_lock(t->stage);
		r = change_rows_locked(p);
		if (r < 0)
			stage_fail(t->stage, r); /* half a change is not to be kept */
		stage_unlock(t->stage);
		change_nodes_locked(p);
		(void)space_recount_locked(t); /* what fails is made again before the next change */
	}
	tree_unlock_all(t);
	return r == 0 ? stage_sync(t->stage) : r;
}

static int try_once(struct plan *p)
{
	int r;

	tree_lock(p->t);
	p->n_puts = p->t->n_puts;
	p->n_name_changes = p->t->n_name_changes;
	r = p->t->dirty ? 1 : 0;
	tree_unlock(p->t);
	if (r == 1) { /* the preview hands them over */
		r = tree_flush(p->t);
		return r < 0 ? r : 1;
	}
	r = make_plan(p);
	return r < 0 ? r : carry_out(p);
}

int tree_discard_paths(struct tree *t, const char *const *paths, size_t n_paths,
		       int (*emit)(void *context, char kind, const char *path, const char *from, uint64_t bytes),
		       void *context, struct stage_snapshot **ret, char **ret_why)
{
	_cleanup_(plan_release) struct plan p = {.t = t, .paths = paths, .n_paths = n_paths, .ret_why = ret_why};
	int r = 1;

	for (int i = 0; r == 1 && i < ATTEMPTS; i++) {
		plan_release(&p);
		r = try_once(&p);
	}
	if (r == 1)
		return why(&p, -EBUSY, "the disc is written to all the time: try again");
	for (size_t i = 0; r == 0 && i < n_paths; i++)
		r = is_staged(&p, paths[i]) ? 0 : emit(context, '-', paths[i], NULL, 0);
	for (size_t i = 0; r == 0 && i < p.list->n_changes; i++) {
		const struct staged_change *c = &p.list->changes[i];

		r = p.goes[i] ? emit(context, c->kind, c->path, c->from, c->bytes) : 0;
	}
	if (r == 0) {
		*ret = p.frozen.snapshot;
		p.frozen.snapshot = NULL;
		for (size_t i = 0; i < (*ret)->n_nodes; i++)
			iso_entry_release(&p.restored[i]);
		free(p.restored);
		p.restored = NULL;
	}
	return r;
}
