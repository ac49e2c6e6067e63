/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Discard of some paths, and what is below them: the rest stays staged.
 *
 * What is to go is found from a copy of the rows, while others work; then, with all locks held and nothing changed
 * since, rows and nodes change at once.  What is dropped of each kind:
 *	A	the name, and with its last name the file
 *	M	the row: the record on the disc says all again
 *	D	the row that hides the record
 *	R	the new name, and what hides the old one: it is where it was
 * Nothing is dropped that would leave something without its place, or two places for one: the old name of what was
 * renamed is not dropped without the new one, nor the new one while the old name is another file's or its directory is
 * gone. A directory above keeps its row as long as something is staged below it.
 */
#include <errno.h>
#include <stdlib.h>

#include "fs/tree/discard_plan.h"

#define ATTEMPTS 8

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
			return why_set(p->ret_why, -EBUSY, "%s is open: close it, and try again", c->path);
	}
	for (uint64_t i = 0; brings_back && i < t->n_buckets; i++)
		for (const struct node *n = t->buckets[i]; n; n = n->hash_next)
			if (n->orphan && is_open(n))
				return why_set(p->ret_why, -EBUSY,
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

/* Names that are gone, and the old ones of what goes back.  Does another node of the disc that stays renamed lie
 * below a name?  Then it stays hidden. */
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

static void restore_dir_locked(struct tree *t, struct node *n, const struct iso_entry *e)
{
	node_restore_dir(n, e);
	attributed_node_locked(t, n);
}

static int keep_row_locked(struct plan *p, size_t i)
{
	struct tree *t = p->t;
	const struct stage_node *row = &p->frozen.snapshot->nodes[i];
	int64_t links = discard_links_of(p, row->ino);
	struct node *n;
	int r;

	if (!links && !p->restored[i].mode && !p->old_parents[i])
		return 0;
	r = node_from_stage_locked(t, row->ino, &n);
	if (r < 0)
		return r;
	if (p->restored[i].mode)
		restore_dir_locked(t, n, &p->restored[i]);
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
			restore_dir_locked(t, n, &p->restored[i]);
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
	r = t->frozen ? why_set(p->ret_why, -EBUSY, "a session is being burned: wait for it, and try again") : 0;
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
	r = discard_plan_make(p);
	return r < 0 ? r : carry_out(p);
}

static int by_place(const void *a, const void *b)
{
	const struct stage_snapshot_name *x = a, *y = b;

	return x->parent != y->parent ? (x->parent < y->parent ? -1 : 1) : strcmp(x->name, y->name);
}

static void mark(const struct stage_snapshot *s, bool *kept, uint64_t parent, const char *name)
{
	const struct stage_snapshot_name key = {.parent = parent, .name = name},
					 *found = bsearch(&key, s->names, s->n_names, sizeof(key), by_place);

	if (found)
		kept[found - s->names] = true;
}

/* Of the snapshot's names, which are sorted, those that were dropped: the kernel is told of no others, since a
 * directory of which it is told is nobody's current one any more. */
static int keep_dropped_names(const struct plan *p)
{
	struct stage_snapshot *s = p->frozen.snapshot;
	_free_ bool *kept = calloc(s->n_names + 1, sizeof(*kept));
	size_t n = 0;

	if (!kept)
		return -ENOMEM;
	for (size_t i = 0; i < p->list->n_changes; i++) {
		const struct staged_change *c = &p->list->changes[i];

		if (p->goes[i])
			mark(s, kept, c->parent, c->name);
		if (p->goes[i] && c->kind == 'R')
			mark(s, kept, c->from_parent, c->from_name);
	}
	for (size_t i = 0; i < s->n_names; i++)
		if (kept[i])
			s->names[n++] = s->names[i];
	s->n_names = n;
	return 0;
}

int tree_discard_paths(struct tree *t, const char *const *paths, size_t n_paths,
		       int (*emit)(void *context, char kind, const char *path, const char *from, uint64_t bytes),
		       void *context, struct stage_snapshot **ret, char **ret_why)
{
	_cleanup_(
		discard_plan_release) struct plan p = {.t = t, .paths = paths, .n_paths = n_paths, .ret_why = ret_why};
	int r = 1;

	for (int i = 0; r == 1 && i < ATTEMPTS; i++) {
		discard_plan_release(&p);
		r = try_once(&p);
	}
	if (r == 1)
		return why_set(p.ret_why, -EBUSY, "the disc is written to all the time: try again");
	for (size_t i = 0; r == 0 && i < n_paths; i++)
		r = discard_is_staged(&p, paths[i]) ? 0 : emit(context, '-', paths[i], NULL, 0);
	for (size_t i = 0; r == 0 && i < p.list->n_changes; i++) {
		const struct staged_change *c = &p.list->changes[i];

		r = p.goes[i] ? emit(context, c->kind, c->path, c->from, c->bytes) : 0;
	}
	if (r == 0)
		(void)keep_dropped_names(&p); /* without memory the kernel is told of all */
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
