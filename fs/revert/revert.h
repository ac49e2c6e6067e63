/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * revert.h - the present tree, or some paths of it, becomes as it was in a session: staged, at no data
 *
 * Where nothing is staged, the present tree is that of its base, so what differs is what fs/diff finds between base and
 * session.  That is done to the tree as anybody else would do it, without the checks for who may: what came later is
 * removed, what was renamed goes back, what is missing is made again with its content taken by its place on the disc.
 * Attributes come last, of everything that was touched.
 *
 * Threads: one; others may use the tree.  Errors: -EBADMSG, -EIO something of the session or of the base cannot be
 * read, -ENOENT neither has such a path, -ENOTDIR the way to it is a file now; those of the tree.  All with words.
 */
#ifndef FS_REVERT_REVERT_H
#define FS_REVERT_REVERT_H

#include "fs/diff/diff.h"
#include "fs/tree/tree.h"

struct revert_options {
	struct tree *tree;
	struct disc *disc;
	const struct disc_state *medium;
	struct iso *past;	  /* the session */
	bool by_number;		  /* numbers hold from it to the base */
	const char *const *paths; /* without a slash before them */
	size_t n_paths;		  /* 0: all of it */
	/* asked now and then: what it returns, if not 0, ends all */
	int (*pace)(void *context);
	void *context;
};

/* Names; a directory that was renamed is one. */
struct revert_count {
	uint64_t made, changed, renamed, removed;
};

/* ret_touched: whether the tree is another one now, also after an error. */
int revert(const struct revert_options *o, struct revert_count *ret, bool *ret_touched, char **ret_why);

#endif
