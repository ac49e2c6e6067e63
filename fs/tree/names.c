/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names: making, linking, removing, renaming; look-up is in fetch.c.
 *
 * A change of names is a bracket of row changes that become durable together.  A whiteout is left wherever the base,
 * or the frozen generation that is about to become the base, may hold the name; one too many costs nothing and ends
 * with the next commit.
 */
#include "fs/tree/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINK_MAX_NODE 65000u
#define DIRECTORIES_MAX 65535u

static void touch_directory(struct tree *t, struct node *dir)
{
	dir->mtime = dir->ctime = time_now();
	node_changed(t, dir);
}

/* The directory's row comes before its first staged name: with it the stage knows the base listing below. */
static int own_directory(struct tree *t, struct node *dir)
{
	int r = dirty_ancestors(t, dir);

	if (r < 0)
		return r;
	return dir->staged && !dir->orphan && stage_node_exists(t->stage, dir->ino) ? 0 : node_put(t, dir);
}

static int name_add(struct tree *t, struct node *dir, const char *name, struct node *child)
{
	int r = own_directory(t, dir);

	if (r == 0)
		r = space_add_name(t, dir, name, child);
	if (r == 0) {
		r = stage_name_put(t->stage, dir->ino, name, child->ino);
		if (r < 0)
			space_remove_name(t, dir->ino, name, child);
	}
	return r;
}

static int name_drop(struct tree *t, struct node *dir, const char *name, const struct node *child)
{
	uint64_t ino;
	bool was_staged = stage_name_get(t->stage, dir->ino, name, &ino) == 0;
	int r = own_directory(t, dir);

	if (r < 0)
		return r;
	if (dir->base_dir.bytes || t->frozen)
		r = stage_name_put(t->stage, dir->ino, name, STAGE_WHITEOUT);
	else
		r = stage_name_delete(t->stage, dir->ino, name);
	if (r == 0 && was_staged && ino != STAGE_WHITEOUT)
		space_remove_name(t, dir->ino, name, child);
	return r;
}

static int may_change(struct tree *t)
{
	if (tree_is_read_only(t))
		return -EROFS;
	return space_admit(t);
}

struct newborn {
	mode_t mode;
	dev_t rdev;
	const char *target;
	const struct tree_caller *caller;
};

static int make_node(struct tree *t, struct node *dir, const struct newborn *b, struct node **ret)
{
	struct node *n;
	uint64_t ino;
	int r = stage_new_ino(t->stage, &ino);

	if (r == 0)
		r = node_new(t, ino, &n);
	if (r < 0)
		return r;
	n->mode = (uint32_t)b->mode;
	n->uid = b->caller->uid;
	n->gid = b->caller->gid;
	if (dir->mode & S_ISGID) {
		n->gid = dir->gid;
		if (S_ISDIR(b->mode))
			n->mode |= S_ISGID;
	}
	n->nlink = S_ISDIR(b->mode) ? 2 : 1;
	n->rdev = S_ISCHR(b->mode) || S_ISBLK(b->mode) ? b->rdev : 0;
	n->parent = dir->ino;
	n->atime = n->mtime = n->ctime = time_now();
	n->target = b->target ? strdup(b->target) : NULL;
	if (b->target && !n->target) {
		node_unused(t, n);
		return -ENOMEM;
	}
	*ret = n;
	return 0;
}

static int enlist(struct tree *t, struct node *dir, const char *name, struct node *n)
{
	int r = node_put(t, n);

	if (r == 0 && S_ISDIR(n->mode))
		r = space_add_directory(t, n->ino);
	if (r == 0)
		r = name_add(t, dir, name, n);
	if (r < 0) {
		space_remove_directory(t, n->ino);
		node_orphan(t, n);
		node_unused(t, n);
		return r;
	}
	if (S_ISDIR(n->mode)) {
		if (dir->nlink > 1)
			dir->nlink++;
		t->space.directories++;
	}
	touch_directory(t, dir);
	return 0;
}

/* The common part of mknod, mkdir, symlink and create; the lock is held when 0 is returned. */
static int make(struct tree *t, uint64_t parent, const char *name, const struct newborn *b, struct node **ret)
{
	_cleanup_probe_ struct probe p = {0};
	struct node *dir, *n;
	int r = may_change(t);

	if (r == 0)
		r = probe_name(t, parent, name, &p, &dir);
	if (r < 0)
		return r;
	if (dir->orphan)
		r = -ENOENT;
	else if (S_ISDIR(b->mode) && t->space.directories >= DIRECTORIES_MAX)
		r = -EMLINK;
	else
		r = resolve(t, dir, name, &p, &n) == 0 ? -EEXIST : 0;
	if (r == -EEXIST)
		node_unused(t, n);
	if (r == 0) {
		stage_lock(t->stage);
		r = make_node(t, dir, b, &n);
		if (r == 0)
			r = enlist(t, dir, name, n);
		stage_unlock(t->stage);
	}
	if (r < 0)
		tree_unlock(t);
	else
		*ret = n;
	return r;
}

int tree_mknod(struct tree *t, const struct tree_caller *c, uint64_t parent, const char *name, mode_t mode, dev_t rdev,
	       struct stat *st)
{
	struct newborn b = {.mode = mode, .rdev = rdev, .caller = c};
	struct node *n;
	int r;

	if (!(mode & S_IFMT))
		b.mode |= S_IFREG;
	if (S_ISLNK(mode))
		return -EINVAL;
	r = make(t, parent, name, &b, &n);
	if (r < 0)
		return r;
	node_give(t, n, st);
	tree_unlock(t);
	return 0;
}

int tree_symlink(struct tree *t, const struct tree_caller *c, uint64_t parent, const char *name, const char *target,
		 struct stat *st)
{
	struct newborn b = {.mode = S_IFLNK | 0777, .target = target, .caller = c};
	struct node *n;
	size_t length = strlen(target);

	if (length == 0)
		return -ENOENT;
	if (length > 4095)
		return -ENAMETOOLONG;
	int r = make(t, parent, name, &b, &n);
	if (r < 0)
		return r;
	node_give(t, n, st);
	tree_unlock(t);
	return 0;
}

int tree_create(struct tree *t, const struct tree_caller *c, uint64_t parent, const char *name, mode_t mode, int flags,
		struct stat *st, struct tree_file **ret)
{
	struct newborn b = {.mode = S_IFREG | (mode & 07777), .caller = c};
	struct node *n;
	int r = make(t, parent, name, &b, &n);

	if (r < 0)
		return r;
	node_refer(n, st);
	tree_unlock(t);
	r = tree_open(t, st->st_ino, flags & ~(O_TRUNC | O_CREAT | O_EXCL), ret);
	if (r < 0)
		tree_forget(t, st->st_ino, 1);
	return r;
}

/* The node is pinned. */
static int link_node(struct tree *t, struct node *n, uint64_t parent, const char *name, struct stat *st)
{
	_cleanup_probe_ struct probe p = {0};
	struct node *dir, *other;
	int r = probe_name(t, parent, name, &p, &dir);

	if (r < 0)
		return r;
	if (dir->orphan || n->orphan)
		r = -ENOENT;
	if (r == 0 && S_ISDIR(n->mode))
		r = -EPERM;
	if (r == 0 && n->nlink >= LINK_MAX_NODE)
		r = -EMLINK;
	if (r == 0 && resolve(t, dir, name, &p, &other) == 0) {
		node_unused(t, other);
		r = -EEXIST;
	}
	if (r == 0) {
		stage_lock(t->stage);
		n->nlink++;
		r = dirty_ancestors_of(t, n);
		if (r == 0)
			r = space_grow(t, n, 0, 0, n->size);
		if (r == 0)
			r = node_put(t, n);
		if (r == 0)
			r = name_add(t, dir, name, n);
		if (r < 0) {
			n->nlink--;
			if (n->staged)
				node_changed(t, n);
		} else {
			n->ctime = time_now();
			node_changed(t, n);
			touch_directory(t, dir);
			node_refer(n, st);
		}
		stage_unlock(t->stage);
	}
	tree_unlock(t);
	return r;
}

int tree_link(struct tree *t, uint64_t ino, uint64_t parent, const char *name, struct stat *st)
{
	struct node *n;
	int r = may_change(t);

	if (r == 0)
		r = node_fetch(t, ino, &n);
	if (r < 0)
		return r;
	n->n_pins++;
	tree_unlock(t);
	r = n->dead ? -ESTALE : link_node(t, n, parent, name, st);
	tree_lock(t);
	n->n_pins--;
	node_unused(t, n);
	tree_unlock(t);
	return r;
}

/* One name fewer: of a directory, all. */
static void unlink_node(struct tree *t, struct node *dir, struct node *n)
{
	n->ctime = time_now();
	if (S_ISDIR(n->mode)) {
		n->nlink = 0;
	} else if (n->nlink) {
		n->nlink--;
	}
	if (n->nlink) {
		if (n->parent == dir->ino)
			n->parent = 0; /* where its other names are is not known */
		node_changed(t, n);
	} else {
		if (S_ISDIR(n->mode)) {
			stage_names_delete(t->stage, n->ino);
			space_remove_directory(t, n->ino);
			if (t->space.directories)
				t->space.directories--;
		}
		node_orphan(t, n);
	}
}

/* Its other names stay, in records that count one less. */
static bool keeps_names(const struct node *n) { return !S_ISDIR(n->mode) && n->nlink > 1; }

static int remove_name(struct tree *t, struct node *dir, const char *name, struct node *n)
{
	stage_lock(t->stage);
	int r = keeps_names(n) ? dirty_ancestors_of(t, n) : 0;
	if (r == 0)
		r = name_drop(t, dir, name, n);
	if (r == 0) {
		if (S_ISDIR(n->mode) && dir->nlink > 2)
			dir->nlink--;
		unlink_node(t, dir, n);
		touch_directory(t, dir);
	}
	stage_unlock(t->stage);
	return r;
}

int tree_unlink(struct tree *t, uint64_t parent, const char *name)
{
	_cleanup_probe_ struct probe p = {0};
	struct node *dir, *n;
	int r = may_change(t);

	if (r == 0)
		r = probe_name(t, parent, name, &p, &dir);
	if (r < 0)
		return r;
	r = resolve(t, dir, name, &p, &n);
	if (r == 0) {
		r = S_ISDIR(n->mode) ? -EISDIR : remove_name(t, dir, name, n);
		node_unused(t, n);
	}
	tree_unlock(t);
	return r;
}

/* Which directory has that name, if it is one?  For the check of its emptiness, which reads the base. */
static int peek_directory(struct tree *t, uint64_t parent, const char *name, uint64_t *ret_ino)
{
	_cleanup_probe_ struct probe p = {0};
	struct node *dir, *n;
	int r = probe_name(t, parent, name, &p, &dir);

	if (r < 0)
		return r;
	r = resolve(t, dir, name, &p, &n);
	if (r == 0) {
		if (S_ISDIR(n->mode)) {
			*ret_ino = n->ino;
			n->n_lookups++; /* given back by the caller with tree_forget */
		} else {
			r = -ENOTDIR;
		}
		node_unused(t, n);
	}
	tree_unlock(t);
	return r;
}

int tree_rmdir(struct tree *t, uint64_t parent, const char *name)
{
	_cleanup_probe_ struct probe p = {0};
	struct node *dir, *n;
	uint64_t ino;
	int r = may_change(t);

	if (r == 0)
		r = peek_directory(t, parent, name, &ino);
	if (r < 0)
		return r;
	r = directory_empty(t, ino);
	if (r == 0)
		r = probe_name(t, parent, name, &p, &dir);
	if (r == 0) {
		r = resolve(t, dir, name, &p, &n);
		if (r == 0) {
			r = n->ino != ino ? -EBUSY : remove_name(t, dir, name, n);
			node_unused(t, n);
		}
		tree_unlock(t);
	}
	tree_forget(t, ino, 1);
	return r;
}

/* ---- rename ---- */

struct renaming {
	struct node *from_dir, *to_dir;
	const char *from, *to;
	struct node *source, *victim; /* victim NULL: the new name is free */
	unsigned flags;
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
static void reparent(struct node *n, struct node *from, struct node *to)
{
	if (S_ISDIR(n->mode) || n->parent == from->ino)
		n->parent = to->ino;
	if (!S_ISDIR(n->mode) || from == to)
		return;
	if (from->nlink > 2)
		from->nlink--;
	if (to->nlink > 1)
		to->nlink++;
}

/*
 * The names that come are counted, and refused, before the first row changes: what follows only fails when memory or
 * the stage's disk does.
 */
static int rename_room(struct tree *t, struct renaming *x)
{
	int r = dirty_ancestors_of(t, x->source);

	if (r == 0 && x->victim && (x->flags & RENAME_EXCHANGE || keeps_names(x->victim)))
		r = dirty_ancestors_of(t, x->victim);
	if (r == 0)
		r = dirty_ancestors(t, x->from_dir);
	if (r == 0)
		r = dirty_ancestors(t, x->to_dir);
	if (r == 0)
		r = space_grow(t, x->source, 0, 0, x->source->size);
	if (r == 0 && x->flags & RENAME_EXCHANGE)
		r = space_grow(t, x->victim, 0, 0, x->victim->size);
	if (r == 0)
		r = space_add_name(t, x->to_dir, x->to, x->source);
	if (r == 0 && x->flags & RENAME_EXCHANGE) {
		r = space_add_name(t, x->from_dir, x->from, x->victim);
		if (r < 0)
			space_remove_name(t, x->to_dir->ino, x->to, x->source);
	}
	return r;
}

static int name_put(struct tree *t, struct node *dir, const char *name, const struct node *child)
{
	int r = own_directory(t, dir);

	return r < 0 ? r : stage_name_put(t->stage, dir->ino, name, child->ino);
}

static int rename_replace(struct tree *t, struct renaming *x)
{
	int r = rename_room(t, x);

	if (r == 0)
		r = node_put(t, x->source);
	if (r == 0 && x->victim)
		r = name_drop(t, x->to_dir, x->to, x->victim);
	if (r == 0)
		r = name_put(t, x->to_dir, x->to, x->source);
	if (r == 0)
		r = name_drop(t, x->from_dir, x->from, x->source);
	if (r < 0)
		return r;
	if (x->victim) {
		if (S_ISDIR(x->victim->mode) && x->to_dir->nlink > 2)
			x->to_dir->nlink--;
		unlink_node(t, x->to_dir, x->victim);
	}
	reparent(x->source, x->from_dir, x->to_dir);
	return 0;
}

static int rename_exchange(struct tree *t, struct renaming *x)
{
	int r = rename_room(t, x);

	if (r == 0)
		r = node_put(t, x->source);
	if (r == 0)
		r = node_put(t, x->victim);
	if (r == 0)
		r = name_drop(t, x->to_dir, x->to, x->victim);
	if (r == 0)
		r = name_drop(t, x->from_dir, x->from, x->source);
	if (r == 0)
		r = name_put(t, x->to_dir, x->to, x->source);
	if (r == 0)
		r = name_put(t, x->from_dir, x->from, x->victim);
	if (r < 0)
		return r;
	reparent(x->source, x->from_dir, x->to_dir);
	reparent(x->victim, x->to_dir, x->from_dir);
	x->victim->ctime = time_now();
	node_changed(t, x->victim);
	return 0;
}

/* emptied: the directory that was found empty and may be replaced. */
static int rename_locked(struct tree *t, struct renaming *x, uint64_t emptied)
{
	int r = rename_allowed(x);

	if (r < 0)
		return r;
	if (x->source == x->victim)
		return 0; /* two links to one file: POSIX says nothing happens */
	if (x->victim && S_ISDIR(x->victim->mode) && !(x->flags & RENAME_EXCHANGE) && x->victim->ino != emptied)
		return -EBUSY; /* another directory got the name meanwhile */
	stage_lock(t->stage);
	r = x->flags & RENAME_EXCHANGE ? rename_exchange(t, x) : rename_replace(t, x);
	if (r == 0) {
		x->source->ctime = time_now();
		node_changed(t, x->source);
		touch_directory(t, x->from_dir);
		if (x->to_dir != x->from_dir)
			touch_directory(t, x->to_dir);
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

int tree_rename(struct tree *t, uint64_t parent, const char *name, uint64_t new_parent, const char *new_name,
		unsigned flags)
{
	_cleanup_probe_ struct probe p = {0}, q = {0};
	struct renaming x = {.from = name, .to = new_name, .flags = flags};
	uint64_t victim = 0;
	int r = may_change(t);

	if (flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE))
		return -EINVAL;
	if (r == 0 && !(flags & RENAME_NOREPLACE))
		r = check_victim(t, new_parent, new_name, flags, &victim);
	if (r == 0)
		r = probe_names(t, parent, name, &p, &x.from_dir, new_parent, new_name, &q, &x.to_dir);
	if (r == 0) {
		r = resolve(t, x.from_dir, name, &p, &x.source);
		if (r == 0) {
			x.source->n_pins++;
			r = resolve(t, x.to_dir, new_name, &q, &x.victim);
			x.victim = r == 0 ? x.victim : NULL;
			if (r == 0 || r == -ENOENT)
				r = rename_locked(t, &x, victim);
			x.source->n_pins--;
			if (x.victim && x.victim != x.source)
				node_unused(t, x.victim);
			node_unused(t, x.source);
		}
		tree_unlock(t);
	}
	if (victim)
		tree_forget(t, victim, 1);
	return r;
}
