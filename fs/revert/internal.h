/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * internal.h - what the files of fs/revert share
 *
 *	revert.c	what differs, and in which order it is done
 *	paths.c		paths of the present tree: looked up, removed, carried through renames
 *	make.c		one file or directory, with its content
 *	attributes.c	and what it is besides that
 */
#ifndef FS_REVERT_INTERNAL_H
#define FS_REVERT_INTERNAL_H

#include "burner/base/idmap.h"
#include "fs/revert/revert.h"

struct revert {
	const struct revert_options *o;
	struct iso *base;
	struct tree *past; /* the session as a tree, for contents */
	struct diff diff;
	struct diff_change **by_old; /* what goes or moves, by its path in the base, the deepest first */
	size_t n_old;
	struct diff_change **moved; /* directories of these, ascending by that path */
	size_t n_moved;
	uint64_t hold; /* a directory where lies what moves; 0: none */
	char hold_name[40];
	struct idmap made;  /* numbers of files of several names in the session to those in the tree */
	char **directories; /* that were touched: paths in the session */
	size_t n_directories, capacity;
	struct revert_count *count;
	bool *touched;
	char **ret_why;
};

/* Is it asked for? */
bool revert_asked(const struct revert *x, const char *path);

/* ---- paths.c ---- */

/* -errno with the path and these words. */
int revert_fail(struct revert *x, const char *path, const char *what, int error);
/* Where a name is: its directory has a look-up reference. */
struct spot {
	uint64_t directory;
	const char *name;
};
/* In that tree; with a look-up reference of it.  -ENOENT, -ENOTDIR … */
int spot_find(struct tree *t, const char *path, struct spot *ret);
void spot_release(struct tree *t, const struct spot *s);
int path_find(struct tree *t, const char *path, struct stat *ret);
/* The name, and all that is in it.  0 also when there is none. */
int spot_clear(struct tree *t, const struct spot *s);
/* Of a directory of the base, its path in the session; to be freed. */
char *path_in_session(const struct revert *x, const char *path);
/* Above that path in the session. */
int path_note_above(struct revert *x, const char *path);
int path_note(struct revert *x, const char *path, size_t length);

/* ---- make.c ---- */

/* As the session has it, whatever is there. */
int make_again(struct revert *x, const char *path, const struct iso_entry *e, bool content);
/* It has been renamed: others of the same file become links to it. */
int make_remember(struct revert *x, const struct iso_entry *e, uint64_t ino);
int make_above(struct revert *x, const char *path);

/* ---- attributes.c ---- */

int attributes_again(struct revert *x, const char *path);

#endif
