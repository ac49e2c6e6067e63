/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * snapdir.h - .sessions: each session of the disc as a directory, the whole tree as it was, read-only
 *
 * It is no part of the present tree: its nodes have numbers of their own (snapdir_has), which no tree gives, and who
 * serves requests asks here for those.  In it are directories 1, 2, …, and symbolic links to them by date, by label,
 * and `latest`; @GMT-… names are answered and not listed (fs/history).  A session is opened when something in it is
 * asked for: a struct tree without a stage.  It is closed when nobody refers to anything in it: look-ups not yet
 * forgotten, open handles.  Of those that are only remembered, all but the SNAPDIR_HOT used last keep no caches.
 *
 *	snapdir_new -> snapdir_set_sessions -> requests (any thread) … -> snapdir_free
 *
 * Threads: any.  Its lock is a leaf: no tree is called, and no disc read, while it is held.  Errors: those of the
 * tree's (fs/tree/tree.h); -ENOENT there is no such session; -EBADMSG it is one of a burn that failed; -ESTALE what is
 * at its place is another one: the list is not that of the disc any more; -EOVERFLOW a number that none of these nodes
 * can have.
 */
#ifndef FS_SNAPDIR_SNAPDIR_H
#define FS_SNAPDIR_SNAPDIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "cdappendfs/disc.h"
#include "fs/history/history.h"
#include "fs/tree/tree.h"

#define SNAPDIR_ROOT HISTORY_INO /* number of .sessions itself */
#define SNAPDIR_HOT 8u

/* Is it the number of .sessions, or of something in it?  Trees give none with this bit, but for those beyond all serial
 * numbers (ISO_STRAY). */
static inline bool snapdir_has(uint64_t ino) { return ino >> 62 == 1; }

struct snapdir_options {
	const struct disc_state *medium; /* read by snapdir_new() */
	uid_t owner;			 /* of .sessions itself */
	gid_t group;
	/* A drive, and nobody checks permissions: a session is not opened to tell who owns its root.  Before it is,
	 * that looks like the present one. */
	bool lazy;
	struct tree *present; /* borrowed */
	/* Is a session being made?  Then one that is not at its place is asked for again later (-EAGAIN). NULL: no */
	bool (*changing)(void *context);
	void *context;
};

struct snapdir;
int snapdir_new(const struct snapdir_options *options, struct disc *disc, struct snapdir **ret); /* borrows disc */
void snapdir_free(struct snapdir *p); /* NULL is fine; what the kernel still knows is forgotten */
/* The sessions are these now, copied. -ENOMEM: they are those of before. */
int snapdir_set_sessions(struct snapdir *p, const struct disc_session *sessions, size_t n);

/* Those with `st` give a look-up reference to st_ino, but for those of .sessions and of its links, which need none.
 * Names "." and ".." are asked for by number alone (tree_lookup_number, tree_lookup_parent); ".." of .sessions is not
 * to be asked here. */
int snapdir_lookup(struct snapdir *p, uint64_t parent, const char *name, struct stat *st);
void snapdir_forget(struct snapdir *p, uint64_t ino, uint64_t n_lookups);
/* What a session has stays as it is; .sessions and its links are others after the next burn. */
bool snapdir_is_constant(const struct snapdir *p, uint64_t ino);
int snapdir_getattr(struct snapdir *p, uint64_t ino, struct stat *st);
int snapdir_readlink(struct snapdir *p, uint64_t ino, char **ret);
int snapdir_xattr_get(struct snapdir *p, uint64_t ino, const char *name, uint8_t **ret, size_t *ret_bytes);
int snapdir_xattr_list(struct snapdir *p, uint64_t ino, char **ret, size_t *ret_bytes);

/* As tree_where(). -ENODATA: of .sessions itself and its links. */
int snapdir_where(struct snapdir *p, uint64_t ino, uint64_t older_below, struct tree_where *ret);
/* The directory of the session that it is in. */
uint64_t snapdir_root_of(uint64_t ino);

/* -EROFS when it is for writing. */
int snapdir_open(struct snapdir *p, uint64_t ino, int flags, struct tree_file **ret);
void snapdir_close(struct snapdir *p, uint64_t ino, struct tree_file *f);
/* Whose file that is, while it is open: for tree_read(), tree_read_place(), tree_seek(). */
struct tree *snapdir_tree(struct snapdir *p, uint64_t ino);

/* As tree_opendir() and those behind it. */
struct snapdir_dir;
int snapdir_opendir(struct snapdir *p, uint64_t ino, struct snapdir_dir **ret);
void snapdir_closedir(struct snapdir *p, struct snapdir_dir *d);
int snapdir_readdir(struct snapdir *p, struct snapdir_dir *d, uint64_t cookie, struct tree_dir_entry *ret);
/* -ENOENT also of what is in .sessions itself: it is looked up when it is asked for. */
int snapdir_readdir_lookup(struct snapdir *p, struct snapdir_dir *d, uint64_t cookie, struct stat *st);

/* How many sessions are open. */
unsigned snapdir_open_sessions(struct snapdir *p);

#endif
