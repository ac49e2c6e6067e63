/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * internal.h - what the files of fs/snapdir share
 *
 *	numbers.c	numbers of nodes, packed and taken apart
 *	open.c		sessions that are open, and their end
 *	names.c		.sessions itself and its links
 *	nodes.c		what is in a session
 */
#ifndef FS_SNAPDIR_INTERNAL_H
#define FS_SNAPDIR_INTERNAL_H

#include "burner/base/lock.h"
#include "fs/snapdir/snapdir.h"

/* A session that somebody refers to, or asks. */
struct opened {
	uint32_t number;
	uint64_t n_references;	      /* look-ups that the kernel will forget, handles */
	unsigned n_uses;	      /* requests under way: it stays */
	struct tree *tree;	      /* NULL: not opened yet; never changes after that */
	struct iso *iso;	      /* … and its base */
	bool cold;		      /* which keeps no caches since it was used last */
	struct opened *older, *newer; /* by use */
};

struct snapdir {
	struct snapdir_options options;
	struct disc_state medium;
	struct disc *disc;
	struct lock lock; /* guards what follows */
	struct history history;
	struct opened *newest, *oldest;
	unsigned n_opened; /* with a tree */
};

/* ---- numbers.c ---- */

/* Session 0: .sessions itself (inner: TREE_ROOT) and its links. */
static inline uint32_t number_session(uint64_t ino) { return (uint32_t)(ino >> 46 & 0xffff); }
uint64_t number_inner(uint64_t ino);				/* as the session's tree has it */
int number_of(uint32_t session, uint64_t inner, uint64_t *ret); /* -EOVERFLOW */

/* ---- open.c ---- */

/* The session of a number, in use until session_leave(), which takes references to keep besides; it has a tree with
 * session_open(). */
int session_enter(struct snapdir *p, uint32_t number, struct opened **ret); /* -ENOMEM */
int session_open(struct snapdir *p, struct opened *s);
void session_leave(struct snapdir *p, struct opened *s, uint64_t n_references);
struct tree *session_tree(struct snapdir *p, struct opened *s); /* NULL: it has not been opened yet */
/* Both. */
int session_enter_tree(struct snapdir *p, uint64_t ino, struct opened **ret);
/* So many references are no more. */
void session_drop(struct snapdir *p, struct opened *s, uint64_t n_references);
/* A copy of what the list says of it.  -ENOENT; -EBADMSG */
int session_described(struct snapdir *p, uint32_t number, struct disc_session *ret);

/* ---- names.c: .sessions itself ---- */

int names_lookup(struct snapdir *p, const char *name, struct stat *st);
int names_getattr(struct snapdir *p, uint64_t ino, struct stat *st);
int names_readlink(struct snapdir *p, uint64_t ino, char **ret);
int names_readdir(struct snapdir *p, uint64_t cookie, struct tree_dir_entry *ret);

/* ---- nodes.c ---- */

/* The directory of a session, with a reference. */
int nodes_refer_root(struct snapdir *p, uint32_t number, struct stat *st);

#endif
