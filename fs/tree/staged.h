/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * staged.h - what a stage changes of its base, path by path
 *
 *	staged_find(snapshot, base, &list) -> list->changes[], list->dirs[] -> staged_free
 *
 * Rows know inode numbers only: paths come from a walk over the merged tree, which reads the directories of the base.
 * So this is done for a listing, an export, a discard or a rebase, never for a commit.  A node whose name on the disc
 * is staged, and which has another one now, was renamed; of a directory that is one change, whatever is below it.
 *
 * Threads: none of its own.  The list borrows the snapshot. Errors: -EBADMSG a damaged journal or disc (loops), -EIO,
 * -ENOMEM.
 */
#ifndef FS_TREE_STAGED_H
#define FS_TREE_STAGED_H

#include "fs/iso/iso.h"
#include "fs/stage/stage.h"

struct staged_change {
	char kind;  /* 'A' added, 'M' changed, 'D' removed, 'R' renamed */
	char *path; /* in the merged tree, without a slash before it; D: where it would be */
	char *from; /* R: path on the disc; else NULL */
	uint64_t parent;
	const char *name; /* the last part of path */
	uint64_t ino;	  /* D: 0 */
	/* new bytes of its content: what the next session may write of it */
	uint64_t bytes;
	const struct stage_node *row; /* D: NULL; of a damaged journal NULL, too */
	bool named;		      /* its name is a row of the stage */
	/* what the disc has under that name, M, D; of R what it has under the old one; mode 0: nothing */
	struct iso_entry base;
	uint64_t from_parent;  /* R: directory of the old name … */
	const char *from_name; /* … and that name */
};

/* A directory of the merged tree that the stage has a row of or names in: where it is. */
struct staged_dir {
	uint64_t ino, parent;
	char *path;	       /* "" the root */
	struct iso_extent dir; /* its listing in the base; bytes 0: none */
	const struct stage_node *row;
};

struct staged_list {
	struct staged_change *changes; /* by path */
	size_t n_changes;
	struct staged_dir *dirs; /* by inode number */
	size_t n_dirs;
};

/* base NULL: a blank disc, or one that is gone.  Of that the names of what is in its place are not known: they are
 * "directory.INO" and "file.INO" here, and a renamed file is a new one. */
int staged_find(struct stage_snapshot *snapshot, struct iso *base, struct staged_list **ret);
void staged_free(struct staged_list *l);
static inline void staged_freep(struct staged_list **l) { staged_free(*l); }

const struct stage_node *staged_row(const struct stage_snapshot *s, uint64_t ino); /* NULL */
/* Index of the first name of a directory. */
size_t staged_names_of(const struct stage_snapshot *s, uint64_t parent);
/* NULL: it is not in the merged tree, or nothing is staged of or in it. */
const struct staged_dir *staged_dir(const struct staged_list *l, uint64_t ino);
/* Has the row other extended attributes than the record of that disc?  1, or 0; those that are damaged or cannot be
 * read are others.  -ENOMEM, -EAGAIN. */
int staged_xattrs_differ(const struct stage_node *row, struct iso *iso, const struct iso_entry *e);
/* The same of mode, owner and extended attributes: of all that a directory has. */
int staged_attributes_differ(const struct stage_node *row, struct iso *iso, const struct iso_entry *e);
/* NULL */
const struct staged_change *staged_change(const struct staged_list *l, const char *path);

#endif
