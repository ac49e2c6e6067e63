/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * names.h - inside fs/tree: names that come and go; all with the tree's lock held but may_change() and
 * peek_directory()
 */
#ifndef FS_TREE_NAMES_H
#define FS_TREE_NAMES_H

#include "fs/tree/internal.h"

/* Before a change, without the lock: -EROFS, -ENOSPC, or why it is not known. */
int may_change(struct tree *t);
/* Its times. */
void touch_directory_locked(struct tree *t, struct node *dir);
/* The directory's row comes before its first staged name: with it the stage knows the base listing below. */
int own_directory_locked(struct tree *t, struct node *dir);
/* The staged name, as it is from now on: a node's … */
int row_put_locked(struct tree *t, const struct node *dir, const char *name, uint64_t ino);
/* … gone: no row, where nothing on the disc has that name … */
int row_hide_locked(struct tree *t, const struct node *dir, const char *name);
/* … as the probe found it.  What cannot be taken back is half a change: the stage is not to keep it. */
void row_restore_locked(struct tree *t, const struct node *dir, const char *name, const struct probe *p);
bool names_a_node(const struct probe *p);
/* One name fewer: of a directory, all. */
void unlink_node_locked(struct tree *t, struct node *dir, struct node *n);
/* Its other names stay, in records that count one less. */
bool keeps_names(const struct node *n);
/* A character device 0:0 that a rename leaves, with its row, without a name; as any new file it is counted with that.
 * whiteout_drop_locked: the rename failed. */
int whiteout_make_locked(struct tree *t, const struct node *dir, const struct tree_caller *c, struct node **ret);
void whiteout_drop_locked(struct tree *t, struct node *n);
/* Which directory has that name, if it is one (-ENOTDIR)?  For the check of its emptiness, which reads the base;
 * without the lock.  *ret_ino has one look-up more, for the caller to give back with tree_forget(). */
int peek_directory(struct tree *t, uint64_t parent, const char *name, uint64_t *ret_ino);

#endif
