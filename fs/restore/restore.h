/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * restore.h - files and directories of a session, made again below a directory of any file system
 *
 *	restore_new -> restore_check (each path) -> restore_put (each path) -> restore_free
 *
 * A path is that in the session; it has the same one below the directory `to`.  What is there already is looked at
 * first: restore_check tells every clash and changes nothing.  restore_put makes each new thing beside its place, as
 * .cdappendfs-restore-NUMBER, and renames it when it is whole with all that is in it; when it ends early, what is not
 * whole is taken away again.  Names are followed through no symbolic link.
 *
 * With attributes: mode, owner and group (root alone may give files away), times with their nanoseconds, extended
 * attributes, access control lists, capabilities; hard links among what one object restores; runs of zeros are holes.
 *
 * Threads: one.  Errors: -ENOENT the session has no such path; -EEXIST there are clashes, and they were told; what
 * `pace` returned; -EIO, -EBADMSG the way to the path cannot be read, which was told; others are of the place where it
 * is to be, with words in *ret_why.
 */
#ifndef FS_RESTORE_RESTORE_H
#define FS_RESTORE_RESTORE_H

#include "fs/iso/iso.h"

struct restore_options {
	int to;	     /* a directory; -1: there is none yet (restore_check alone) */
	bool to_new; /* it was made for this: it gets the attributes of the root */
	/* What is another one is replaced; directories are kept, and get the attributes of the session. */
	bool force;
	/* asked now and then: what it returns, if not 0, ends all */
	int (*pace)(void *context);
	/* something else is there; final: not even by force */
	void (*clash)(void *context, const char *path, const char *why, bool final);
	/* it, or something of it, cannot be had; all else is restored */
	void (*lost)(void *context, const char *path, const char *what);
	void *context;
};

struct restore_count {
	uint64_t files, directories, bytes; /* restored, or to be; bytes of content */
	uint64_t present;		    /* files that are there as they were: they are left alone */
	uint64_t lost;
	uint64_t strange;	 /* files that stay the caller's: only root may give them away … */
	uint64_t without_rights; /* … and attributes that only root may set */
};

struct restore;
int restore_new(const struct restore_options *options, struct restore **ret);
/* The session of the paths to come; links are made among those of one.  shown: its directory in .sessions of a mount
 * that `to` is in: contents are taken from there by their place on the disc; -1: there is none.  Borrowed. */
void restore_session(struct restore *x, struct iso *iso, int shown);
/* "" is all of it.  ret: what it would restore, if it were forced. */
int restore_check(struct restore *x, const char *path, struct restore_count *ret, char **ret_why);
/* ret: also of what was done before an error. */
int restore_put(struct restore *x, const char *path, struct restore_count *ret, char **ret_why);
void restore_free(struct restore *x);
DEFINE_FREEP(struct restore, restore_free)

#endif
