/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rename, exchange: two names change, or none.
 */
#include "fs/tree/names.h"
#include "fs/tree/xattrs.h"

#include <errno.h>
#include <linux/fs.h>
#include <stdatomic.h>
#include <stdio.h>

struct renaming {
	struct node *from_dir, *to_dir;
	const char *from, *to;
	struct probe *p, *q;	      /* what was said of the old name and of the new one */
	struct node *source, *victim; /* victim NULL: the new name is free */
	unsigned flags;
	const struct tree_caller *leaver; /* who leaves a whiteout; NULL: nobody does */
	struct node *left;		  /* the whiteout that takes the old name */
};

static int rename_allowed(const struct renaming *x)
{
	if (x->to_dir->orphan)
		return -ENOENT;
	if (!x->victim)
		return x->flags & RENAME_EXCHANGE ? -ENOENT : 0;
	if (x->flags & RENAME_NOREPLACE)
		return -EEXIST;
	if (x->flags & RENAME_EXCHANGE)
		return 0;
	if (S_ISDIR(x->source->mode) && !S_ISDIR(x->victim->mode))
		return -ENOTDIR;
	if (!S_ISDIR(x->source->mode) && S_ISDIR(x->victim->mode))
		return -EISDIR;
	return 0;
}

/* It comes to another parent; a directory: its "..", and the parents' link counts. */
static void reparent_locked(struct tree *t, struct node *n, struct node *from, struct node *to)
{
	if (S_ISDIR(n->mode) || n->parent == from->ino)
		n->parent = to->ino;
	if (from == to)
		return;
	if (!S_ISDIR(n->mode)) {
		name_lost_locked(t, n);
		return;
	}
	directory_loses_locked(t, from);
	directory_gains_locked(t, to);
}

/* Does a directory come to one that had none? */
static int parents_room_locked(const struct tree *t, const struct renaming *x)
{
	lock_assert(&t->lock);
	bool comes = S_ISDIR(x->source->mode), goes = x->victim && S_ISDIR(x->victim->mode);

	if (x->from_dir == x->to_dir || comes == goes)
		return 0;
	if (comes)
		return x->from_dir->nlink == 3 ? 0 : parents_admit_locked(t, x->to_dir);
	return x->flags & RENAME_EXCHANGE && x->to_dir->nlink != 3 ? parents_admit_locked(t, x->from_dir) : 0;
}

/*
 * The names that come are counted, and refused, before the first row changes: what follows only fails when memory or
 * the stage's disk does.
 */
static int rename_room_locked(struct tree *t, struct renaming *x)
{
	lock_assert(&t->lock);
	int r = parents_room_locked(t, x);

	if (r == 0)
		r = dirty_ancestors_of_locked(t, x->source);
	if (r == 0 && x->victim && (x->flags & RENAME_EXCHANGE || keeps_names(x->victim)))
		r = dirty_ancestors_of_locked(t, x->victim);
	if (r == 0)
		r = dirty_ancestors_locked(t, x->from_dir);
	if (r == 0)
		r = dirty_ancestors_locked(t, x->to_dir);
	if (r == 0)
		r = space_grow_locked(t, x->source, &(struct space_growth){.size = x->source->size});
	if (r == 0 && x->flags & RENAME_EXCHANGE)
		r = space_grow_locked(t, x->victim, &(struct space_growth){.size = x->victim->size});
	if (r == 0)
		r = space_add_name_locked(t, x->to_dir, x->to, x->source);
	if (r == 0 && x->flags & RENAME_EXCHANGE) {
		r = space_add_name_locked(t, x->from_dir, x->from, x->victim);
		if (r < 0)
			space_remove_name_locked(t, x->to_dir->ino, x->to, x->source);
	}
	return r;
}

/* The whiteout, counted as the other name is. */
static int rename_leave_locked(struct tree *t, struct renaming *x)
{
	lock_assert(&t->lock);
	int r = x->leaver ? whiteout_make_locked(t, x->from_dir, x->leaver, &x->left) : 0;

	if (r < 0 || !x->left)
		return r;
	r = space_add_name_locked(t, x->from_dir, x->from, x->left);
	if (r < 0)
		whiteout_drop_locked(t, TAKE_PTR(x->left));
	return r;
}

/* Rows of all that takes part, before the first name changes. */
static int rename_rows_locked(struct tree *t, struct renaming *x)
{
	lock_assert(&t->lock);
	int r = node_put_locked(t, x->source);

	if (r == 0 && x->flags & RENAME_EXCHANGE)
		r = node_put_locked(t, x->victim);
	if (r == 0)
		r = own_directory_locked(t, x->to_dir);
	if (r == 0)
		r = own_directory_locked(t, x->from_dir);
	return r;
}

/* Both names change, or none. */
static int rename_names_locked(struct tree *t, struct renaming *x)
{
	lock_assert(&t->lock);
	int r = row_put_locked(t, x->to_dir, x->to, x->source->ino);

	if (r < 0)
		return r;
	if (x->flags & RENAME_EXCHANGE)
		r = row_put_locked(t, x->from_dir, x->from, x->victim->ino);
	else if (x->left)
		r = row_put_locked(t, x->from_dir, x->from, x->left->ino);
	else
		r = row_hide_locked(t, x->from_dir, x->from);
	if (r < 0)
		row_restore_locked(t, x->to_dir, x->to, x->q);
	return r;
}

/* What rename_room_locked() counted. */
static void rename_uncount_locked(struct tree *t, struct renaming *x)
{
	lock_assert(&t->lock);
	space_remove_name_locked(t, x->to_dir->ino, x->to, x->source);
	if (x->flags & RENAME_EXCHANGE)
		space_remove_name_locked(t, x->from_dir->ino, x->from, x->victim);
	if (!x->left)
		return;
	space_remove_name_locked(t, x->from_dir->ino, x->from, x->left);
	whiteout_drop_locked(t, TAKE_PTR(x->left));
}

static void rename_done_locked(struct tree *t, struct renaming *x)
{
	lock_assert(&t->lock);
	if (x->victim && names_a_node(x->q))
		space_remove_name_locked(t, x->to_dir->ino, x->to, x->victim);
	if (names_a_node(x->p))
		space_remove_name_locked(t, x->from_dir->ino, x->from, x->source);
	if (x->flags & RENAME_EXCHANGE) {
		reparent_locked(t, x->source, x->from_dir, x->to_dir);
		reparent_locked(t, x->victim, x->to_dir, x->from_dir);
		x->victim->ctime = time_now();
		node_changed_locked(t, x->victim);
		return;
	}
	if (x->victim) {
		if (S_ISDIR(x->victim->mode))
			directory_loses_locked(t, x->to_dir);
		unlink_node_locked(t, x->to_dir, x->victim);
	}
	reparent_locked(t, x->source, x->from_dir, x->to_dir);
	if (x->left)
		node_unused_locked(t, x->left);
}

static int rename_both_locked(struct tree *t, struct renaming *x)
{
	lock_assert(&t->lock);
	int r = rename_room_locked(t, x);

	if (r < 0)
		return r;
	r = rename_leave_locked(t, x);
	if (r == 0)
		r = rename_rows_locked(t, x);
	if (r == 0)
		r = rename_names_locked(t, x);
	if (r < 0) {
		rename_uncount_locked(t, x);
		return r;
	}
	rename_done_locked(t, x);
	return 0;
}

/* emptied: the directory that was found empty and may be replaced. */
static int rename_locked(struct tree *t, struct renaming *x, uint64_t emptied)
{
	int r = rename_allowed(x);

	if (r < 0)
		return r;
	if (x->source->xattrs_at || (x->flags & RENAME_EXCHANGE && x->victim->xattrs_at))
		return 1; /* they are met now: they are read first */
	if (x->source == x->victim)
		return 0; /* two links to one file: POSIX says nothing happens */
	if (x->victim && S_ISDIR(x->victim->mode) && !(x->flags & RENAME_EXCHANGE) && x->victim->ino != emptied)
		return -EBUSY; /* another directory got the name meanwhile */
	stage_lock(t->stage);
	r = rename_both_locked(t, x);
	if (r == 0) {
		x->source->ctime = time_now();
		node_changed_locked(t, x->source);
		touch_directory_locked(t, x->from_dir);
		if (x->to_dir != x->from_dir)
			touch_directory_locked(t, x->to_dir);
	}
	stage_unlock(t->stage);
	return r;
}

/* A directory to be replaced must be empty; found out before the lock is taken. *ret_ino is pinned by a look-up, 0:
 * none. */
static int check_victim(struct tree *t, uint64_t parent, const char *name, unsigned flags, uint64_t *ret_ino)
{
	*ret_ino = 0;
	if (flags & RENAME_EXCHANGE)
		return 0;
	int r = peek_directory(t, parent, name, ret_ino);
	if (r == -ENOENT || r == -ENOTDIR)
		return 0;
	return r < 0 ? r : directory_empty(t, *ret_ino);
}

/* Both names are probed. */
static int rename_found_locked(struct tree *t, struct renaming *x, uint64_t emptied)
{
	lock_assert(&t->lock);
	int r = resolve_locked(t, x->from_dir, x->p, &x->source);

	if (r < 0)
		return r;
	x->source->n_pins++;
	r = resolve_locked(t, x->to_dir, x->q, &x->victim);
	x->victim = r == 0 ? x->victim : NULL;
	if (r == 0 || r == -ENOENT)
		r = rename_locked(t, x, emptied);
	x->source->n_pins--;
	if (x->victim && x->victim != x->source)
		node_unused_locked(t, x->victim);
	node_unused_locked(t, x->source);
	return r;
}

/* Its extended attributes are written again with its new name: they are read before anything changes.  *ret is pinned,
 * so that it keeps them; NULL: nothing is there. */
static int load_attributes(struct tree *t, uint64_t parent, const char *name, struct node **ret)
{
	_cleanup_(fetched_release) struct fetched f = {0};
	_cleanup_probe_ struct probe p = {0};
	struct node *dir, *n;

	if (!atomic_load(&t->attributed.some))
		return 0;
	tree_lock(t);
	int r = probe_name_locked(t, parent, name, &p, &dir);
	if (r == 0)
		r = resolve_locked(t, dir, &p, &n);
	if (r < 0) {
		tree_unlock(t);
		return r == -ENOENT ? 0 : r;
	}
	*ret = n;
	n->n_pins++;
	while ((r = xattrs_fetch_locked(t, n, &f)) == 1)
		;
	if (r == 0)
		xattrs_load_locked(t, n, &f);
	tree_unlock(t);
	return r;
}

static void unpin(struct tree *t, struct node *n)
{
	if (!n)
		return;
	tree_lock(t);
	n->n_pins--;
	node_unused_locked(t, n);
	tree_unlock(t);
}

/* 1: attributes were met that are to be read first. */
static int rename_try(struct tree *t, const struct renaming *asked, uint64_t parent, uint64_t new_parent,
		      uint64_t victim)
{
	_cleanup_probe_ struct probe p = {0}, q = {0};
	struct renaming x = {
		.from = asked->from, .to = asked->to, .p = &p, .q = &q, .flags = asked->flags, .leaver = asked->leaver};

	tree_lock(t);
	int r = probe_names_locked(t, parent, x.from, &p, &x.from_dir, new_parent, x.to, &q, &x.to_dir);
	if (r == 0)
		r = rename_found_locked(t, &x, victim);
	tree_unlock(t);
	return r;
}

static int rename_loaded(struct tree *t, const struct renaming *x, uint64_t parent, uint64_t new_parent,
			 uint64_t victim)
{
	struct node *source = NULL, *other = NULL;
	int r = load_attributes(t, parent, x->from, &source);

	if (r == 0 && x->flags & RENAME_EXCHANGE)
		r = load_attributes(t, new_parent, x->to, &other);
	if (r == 0)
		r = rename_try(t, x, parent, new_parent, victim);
	unpin(t, source);
	unpin(t, other);
	return r;
}

static int rename_asked(struct tree *t, const struct renaming *x, uint64_t parent, uint64_t new_parent)
{
	uint64_t victim = 0;
	int r = may_change(t);

	if (r == 0 && !(x->flags & RENAME_NOREPLACE))
		r = check_victim(t, new_parent, x->to, x->flags, &victim);
	if (r == 0) {
		do
			r = rename_loaded(t, x, parent, new_parent, victim);
		while (r == 1);
	}
	if (victim)
		tree_forget(t, victim, 1);
	return r;
}

int tree_rename(struct tree *t, uint64_t parent, const char *name, uint64_t new_parent, const char *new_name,
		unsigned flags)
{
	const struct renaming x = {.from = name, .to = new_name, .flags = flags};

	if (flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE))
		return -EINVAL;
	return rename_asked(t, &x, parent, new_parent);
}

int tree_rename_whiteout(struct tree *t, const struct tree_caller *c, uint64_t parent, const char *name,
			 uint64_t new_parent, const char *new_name, unsigned flags)
{
	const struct renaming x = {.from = name, .to = new_name, .flags = flags, .leaver = c};

	if (flags & ~(unsigned)RENAME_NOREPLACE)
		return -EINVAL;
	return rename_asked(t, &x, parent, new_parent);
}
