/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names: making, linking, removing; look-up is in lookup.c, renaming in rename.c.
 *
 * A change of names is a bracket of row changes that become durable together.  A whiteout is left wherever the base,
 * or the frozen generation that is about to become the base, may hold the name; one too many costs nothing and ends
 * with the next commit.
 */
#include "fs/tree/names.h"
#include "fs/tree/xattrs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINK_MAX_NODE 65000u

void touch_directory_locked(struct tree *t, struct node *dir)
{
	lock_assert(&t->lock);
	dir->mtime = dir->ctime = time_now();
	node_changed_locked(t, dir);
}

/* The directory's row comes before its first staged name: with it the stage knows the base listing below. */
int own_directory_locked(struct tree *t, struct node *dir)
{
	lock_assert(&t->lock);
	int r = dirty_ancestors_locked(t, dir);

	if (r < 0)
		return r;
	return dir->staged && !dir->orphan && stage_node_exists(t->stage, dir->ino) ? 0 : node_put_locked(t, dir);
}

int row_put_locked(struct tree *t, const struct node *dir, const char *name, uint64_t ino)
{
	lock_assert(&t->lock);
	t->n_name_changes++;
	return stage_name_put(t->stage, dir->ino, name, ino);
}

static int row_delete_locked(struct tree *t, const struct node *dir, const char *name)
{
	lock_assert(&t->lock);
	t->n_name_changes++;
	return stage_name_delete(t->stage, dir->ino, name);
}

static int name_add_locked(struct tree *t, struct node *dir, const char *name, struct node *child)
{
	lock_assert(&t->lock);
	int r = own_directory_locked(t, dir);

	if (r == 0)
		r = space_add_name_locked(t, dir, name, child);
	if (r == 0) {
		r = row_put_locked(t, dir, name, child->ino);
		if (r < 0)
			space_remove_name_locked(t, dir->ino, name, child);
	}
	return r;
}

/* The row that says it is gone: none, where nothing on the disc has that name. */
int row_hide_locked(struct tree *t, const struct node *dir, const char *name)
{
	lock_assert(&t->lock);
	return dir->base_dir.bytes || t->frozen ? row_put_locked(t, dir, name, STAGE_WHITEOUT) :
						  row_delete_locked(t, dir, name);
}

/* As the probe found it.  What cannot be taken back is half a change: the stage is not to keep it. */
void row_restore_locked(struct tree *t, const struct node *dir, const char *name, const struct probe *p)
{
	lock_assert(&t->lock);
	int r = p->staged ? row_put_locked(t, dir, name, p->ino) : row_delete_locked(t, dir, name);

	if (r < 0)
		stage_fail(t->stage, r);
}

bool names_a_node(const struct probe *p) { return p->staged && p->ino != STAGE_WHITEOUT; }

static int name_drop_locked(struct tree *t, struct node *dir, const char *name, const struct node *child,
			    const struct probe *p)
{
	lock_assert(&t->lock);
	int r = own_directory_locked(t, dir);

	if (r == 0)
		r = row_hide_locked(t, dir, name);
	if (r == 0 && names_a_node(p))
		space_remove_name_locked(t, dir->ino, name, child);
	return r;
}

int may_change(struct tree *t)
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
	struct fetched above; /* attributes of its directory */
};

/* What it gets of its directory, and what it points at. */
static int endow_locked(struct tree *t, struct node *n, const struct node *dir, const struct newborn *b)
{
	lock_assert(&t->lock);
	n->target = b->target ? strdup(b->target) : NULL;
	if (b->target && !n->target)
		return -ENOMEM;
	int r = xattrs_inherit(n, dir, &b->above, b->caller->umask);
	attributed_node_locked(t, n);
	return r;
}

/* Nothing of its directory but the group. */
static int bear_locked(struct tree *t, const struct node *dir, const struct newborn *b, struct node **ret)
{
	lock_assert(&t->lock);
	struct node *n;
	uint64_t ino;
	int r = stage_new_ino(t->stage, &ino);

	if (r == 0)
		r = node_new_locked(t, ino, &n);
	if (r < 0)
		return r;
	n->mode = (uint32_t)b->mode;
	n->uid = b->caller->uid;
	n->gid = b->caller->gid;
	if (dir->mode & S_ISGID) {
		n->gid = dir->gid;
		if (S_ISDIR(b->mode))
			n->mode |= S_ISGID;
		else if (b->caller->uid && b->caller->gid != dir->gid)
			n->mode &= ~(uint32_t)S_ISGID; /* a program that runs as a group is that group's to make */
	}
	n->nlink = S_ISDIR(b->mode) ? 2 : 1;
	n->rdev = S_ISCHR(b->mode) || S_ISBLK(b->mode) ? b->rdev : 0;
	n->parent = dir->ino;
	n->atime = n->mtime = n->ctime = n->birth = time_now();
	*ret = n;
	return 0;
}

static int make_node_locked(struct tree *t, const struct node *dir, const struct newborn *b, struct node **ret)
{
	lock_assert(&t->lock);
	int r = bear_locked(t, dir, b, ret);

	if (r == 0)
		r = endow_locked(t, *ret, dir, b);
	if (r < 0 && *ret)
		node_unused_locked(t, *ret);
	return r;
}

void whiteout_drop_locked(struct tree *t, struct node *n)
{
	lock_assert(&t->lock);
	node_orphan_locked(t, n);
	node_unused_locked(t, n);
}

int whiteout_make_locked(struct tree *t, const struct node *dir, const struct tree_caller *c, struct node **ret)
{
	lock_assert(&t->lock);
	struct node *n = NULL;
	int r = bear_locked(t, dir, &(struct newborn){.mode = S_IFCHR, .caller = c}, &n);

	if (r < 0)
		return r;
	r = node_put_locked(t, n);
	if (r == 0 && t->options.md5 && !space_fits_locked(t))
		r = -ENOSPC;
	if (r < 0)
		whiteout_drop_locked(t, n);
	else
		*ret = n;
	return r;
}

static int enlist_locked(struct tree *t, struct node *dir, const char *name, struct node *n)
{
	lock_assert(&t->lock);
	int r = node_put_locked(t, n);

	if (r == 0 && (n->xattrs || t->options.md5) && !space_fits_locked(t))
		r = -ENOSPC;
	if (r == 0 && S_ISDIR(n->mode))
		r = space_add_directory_locked(t, n->ino);
	if (r == 0)
		r = name_add_locked(t, dir, name, n);
	if (r < 0) {
		space_remove_directory_locked(t, n->ino);
		node_orphan_locked(t, n);
		node_unused_locked(t, n);
		return r;
	}
	if (S_ISDIR(n->mode)) {
		directory_gains_locked(t, dir);
		t->space.directories++;
	}
	touch_directory_locked(t, dir);
	return 0;
}

/* 0: nothing has the name; -EEXIST; or why that is not known. */
static int name_free_locked(struct tree *t, struct node *dir, struct probe *p)
{
	lock_assert(&t->lock);
	struct node *n;
	int r = resolve_locked(t, dir, p, &n);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	node_unused_locked(t, n);
	return -EEXIST;
}

static int make_locked(struct tree *t, uint64_t parent, const char *name, struct newborn *b, struct node **ret)
{
	_cleanup_probe_ struct probe p = {0};
	struct node *dir;
	int r;

	do {
		r = probe_name_locked(t, parent, name, &p, &dir);
		if (r == 0)
			r = xattrs_fetch_locked(t, dir, &b->above);
	} while (r == 1);
	if (r < 0)
		return r;
	if (dir->orphan)
		return -ENOENT;
	r = name_free_locked(t, dir, &p);
	if (r == 0 && serials_contradict_locked(t))
		r = -EROFS;
	if (r == 0 && S_ISDIR(b->mode))
		r = parents_admit_locked(t, dir);
	if (r < 0)
		return r;
	*ret = NULL;
	stage_lock(t->stage);
	r = make_node_locked(t, dir, b, ret);
	if (r == 0)
		r = enlist_locked(t, dir, name, *ret);
	stage_unlock(t->stage);
	return r;
}

static int make(struct tree *t, uint64_t parent, const char *name, struct newborn *b, struct stat *st)
{
	struct node *n;
	int r = may_change(t);

	if (r < 0)
		return r;
	tree_lock(t);
	r = make_locked(t, parent, name, b, &n);
	if (r == 0)
		node_give_locked(t, n, st);
	tree_unlock(t);
	fetched_release(&b->above);
	return r;
}

int tree_mknod(struct tree *t, const struct tree_caller *c, uint64_t parent, const char *name, mode_t mode, dev_t rdev,
	       struct stat *st)
{
	struct newborn b = {.mode = mode, .rdev = rdev, .caller = c};

	if (!(mode & S_IFMT))
		b.mode |= S_IFREG;
	if (S_ISLNK(mode))
		return -EINVAL;
	return make(t, parent, name, &b, st);
}

int tree_symlink(struct tree *t, const struct tree_caller *c, uint64_t parent, const char *name, const char *target,
		 struct stat *st)
{
	struct newborn b = {.mode = S_IFLNK | 0777, .target = target, .caller = c};
	size_t length = strlen(target);

	if (length == 0)
		return -ENOENT;
	if (length > 4095)
		return -ENAMETOOLONG;
	return make(t, parent, name, &b, st);
}

int tree_create(struct tree *t, const struct tree_caller *c, uint64_t parent, const char *name, mode_t mode, int flags,
		struct stat *st, struct tree_file **ret)
{
	struct newborn b = {.mode = S_IFREG | (mode & 07777), .caller = c};
	struct node *n;
	int r = may_change(t);

	if (r < 0)
		return r;
	tree_lock(t);
	r = make_locked(t, parent, name, &b, &n);
	if (r == 0)
		node_refer(n, st);
	tree_unlock(t);
	fetched_release(&b.above);
	if (r < 0)
		return r;
	r = tree_open(t, st->st_ino, flags & ~(O_TRUNC | O_CREAT | O_EXCL), ret);
	if (r < 0)
		tree_forget(t, st->st_ino, 1);
	return r;
}

/* One name more. Nothing of it remains when it fails. */
static int enlist_link_locked(struct tree *t, struct node *dir, const char *name, struct node *n)
{
	lock_assert(&t->lock);
	n->nlink++;
	int r = dirty_ancestors_of_locked(t, n);
	if (r == 0)
		r = space_grow_locked(t, n, &(struct space_growth){.size = n->size});
	if (r == 0)
		r = space_xattrs_locked(t, n, n->xattrs_bytes); /* on one name more */
	if (r == 0)
		r = node_put_locked(t, n);
	if (r == 0)
		r = name_add_locked(t, dir, name, n);
	if (r < 0) {
		n->nlink--;
		if (n->staged)
			node_changed_locked(t, n);
		return r;
	}
	n->ctime = time_now();
	node_changed_locked(t, n);
	touch_directory_locked(t, dir);
	return 0;
}

/* The node is pinned. */
static int link_locked(struct tree *t, struct node *n, uint64_t parent, const char *name)
{
	_cleanup_probe_ struct probe p = {0};
	struct node *dir;
	int r = probe_name_locked(t, parent, name, &p, &dir);

	if (r < 0)
		return r;
	if (n->dead)
		return -ESTALE;
	if (dir->orphan || n->orphan)
		return -ENOENT;
	if (S_ISDIR(n->mode))
		return -EPERM;
	if (n->nlink >= LINK_MAX_NODE)
		return -EMLINK;
	r = name_free_locked(t, dir, &p);
	if (r < 0)
		return r;
	stage_lock(t->stage);
	r = enlist_link_locked(t, dir, name, n);
	stage_unlock(t->stage);
	return r;
}

int tree_link(struct tree *t, uint64_t ino, uint64_t parent, const char *name, struct stat *st)
{
	_cleanup_(fetched_release) struct fetched f = {0};
	struct node *n;
	int r = may_change(t);

	if (r < 0)
		return r;
	tree_lock(t);
	r = node_with_xattrs_locked(t, ino, &f, &n);
	if (r == 0) {
		xattrs_load_locked(t, n, &f);
		n->n_pins++;
		r = link_locked(t, n, parent, name);
		if (r == 0)
			node_refer(n, st);
		n->n_pins--;
		node_unused_locked(t, n);
	}
	tree_unlock(t);
	return r;
}

/* One name fewer: of a directory, all. */
void unlink_node_locked(struct tree *t, struct node *dir, struct node *n)
{
	lock_assert(&t->lock);
	n->ctime = time_now();
	if (S_ISDIR(n->mode)) {
		n->nlink = 0;
	} else if (n->nlink) {
		n->nlink--;
	}
	if (n->nlink) {
		name_lost_locked(t, n);
		if (n->parent == dir->ino)
			n->parent = 0; /* where its other names are is not known */
		node_changed_locked(t, n);
	} else {
		if (S_ISDIR(n->mode)) {
			t->n_name_changes++;
			stage_names_delete(t->stage,
					   n->ino); /* what stays has no directory, and goes with the commit */
			space_remove_directory_locked(t, n->ino);
			if (t->space.directories)
				t->space.directories--;
		}
		node_orphan_locked(t, n);
	}
}

/* Its other names stay, in records that count one less. */
bool keeps_names(const struct node *n) { return !S_ISDIR(n->mode) && n->nlink > 1; }

static int remove_name_locked(struct tree *t, struct node *dir, const char *name, struct node *n, const struct probe *p)
{
	lock_assert(&t->lock);
	stage_lock(t->stage);
	int r = keeps_names(n) ? dirty_ancestors_of_locked(t, n) : 0;
	if (r == 0)
		r = name_drop_locked(t, dir, name, n, p);
	if (r == 0) {
		if (S_ISDIR(n->mode))
			directory_loses_locked(t, dir);
		unlink_node_locked(t, dir, n);
		touch_directory_locked(t, dir);
	}
	stage_unlock(t->stage);
	return r;
}

int tree_unlink(struct tree *t, uint64_t parent, const char *name)
{
	_cleanup_probe_ struct probe p = {0};
	struct node *dir, *n;
	int r = may_change(t);

	if (r < 0)
		return r;
	tree_lock(t);
	r = probe_name_locked(t, parent, name, &p, &dir);
	if (r == 0)
		r = resolve_locked(t, dir, &p, &n);
	if (r == 0) {
		r = S_ISDIR(n->mode) ? -EISDIR : remove_name_locked(t, dir, name, n, &p);
		node_unused_locked(t, n);
	}
	tree_unlock(t);
	return r;
}

/* Which directory has that name, if it is one?  For the check of its emptiness, which reads the base. */
int peek_directory(struct tree *t, uint64_t parent, const char *name, uint64_t *ret_ino)
{
	_cleanup_probe_ struct probe p = {0};
	struct node *dir, *n;

	tree_lock(t);
	int r = probe_name_locked(t, parent, name, &p, &dir);
	if (r == 0)
		r = resolve_locked(t, dir, &p, &n);
	if (r == 0) {
		if (S_ISDIR(n->mode)) {
			*ret_ino = n->ino;
			n->n_lookups++; /* given back by the caller with tree_forget */
		} else {
			r = -ENOTDIR;
		}
		node_unused_locked(t, n);
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
	tree_lock(t);
	if (r == 0)
		r = probe_name_locked(t, parent, name, &p, &dir);
	if (r == 0)
		r = resolve_locked(t, dir, &p, &n);
	if (r == 0) {
		r = n->ino != ino ? -EBUSY : remove_name_locked(t, dir, name, n, &p);
		node_unused_locked(t, n);
	}
	tree_unlock(t);
	tree_forget(t, ino, 1);
	return r;
}
