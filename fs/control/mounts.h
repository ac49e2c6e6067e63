/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mounts.h - lines of /proc/self/mountinfo (proc_pid_mountinfo(5)); the search itself is in fs/control/protocol.h
 */
#ifndef FS_CONTROL_MOUNTS_H
#define FS_CONTROL_MOUNTS_H

#include <stdbool.h>
#include <stdio.h>

#include "fs/control/protocol.h"

struct mounts_line {
	bool ours;		    /* type fuse.cdappendfs or fuseblk.cdappendfs, its root */
	bool writable;		    /* of ours: its file system is not mounted "ro" */
	bool part;		    /* the same, but of a directory or file in it: mount --bind */
	struct control_mount mount; /* owner (uid_t)-1, nobody, when there is no user_id= */
};
/* Octal escapes are decoded. -EINVAL: not such a line. */
int mounts_parse(const char *line, struct mounts_line *ret);
/* The mounts of our own mount namespace.  NULL with errno; what cannot be read is not a table without our mounts:
 * never ENOENT. */
FILE *mounts_open(void);
/* The mount of ours with that number (mount id); else -ENOENT. */
int mounts_find_number(FILE *mountinfo, unsigned number, struct control_mount *ret);
/* The mount that one sees at that absolute path (the last line with it), if it is ours; else -ENOENT. */
int mounts_find_point(FILE *mountinfo, const char *path, struct control_mount *ret);

/* A disc whose mount is looked for.  Where given, same(source) may recognise it by another name: it is asked of mounts
 * of `asker` and of root. */
struct mounts_wanted {
	const char *source; /* its real path */
	uid_t asker;	    /* who asks; root believes the disc's owner, too */
	uid_t owner;	    /* of the disc */
	bool (*same)(void *context, const char *source);
	void *context;
};
/*
 * Its mount of who asks or of root; if there is none, of the disc's owner, when root asks.  What is staged is in the
 * one that is writable, older sessions may be mounted besides; else the last.  -ENOTUNIQ, when root asks: only others
 * give that source, or root's own is read-only and the owner's is not: mounts_claims() names them.
 */
int mounts_find_source(FILE *mountinfo, const struct mounts_wanted *wanted, struct control_mount *ret);
/* Calls emit for each mount that gives itself that source, whose-ever it is.  0, or an errno. */
int mounts_claims(const char *source, void (*emit)(void *context, const struct control_mount *mount), void *context);
/* The first mount of the file system with that device number here.  -ENOENT: it is mounted nowhere here; -EXDEV: it is
 * not one of ours. */
int mounts_of_device(unsigned major, unsigned minor, struct control_mount *ret);
/* Real path of the parent and the last component as it is: what is mounted there is not looked at, so root can name a
 * user's mount, and a dead one does not hang.  size bytes at buf. */
int mounts_path(const char *path, char *buf, size_t size);
/* Calls emit for each mount point below that one. */
int mounts_below(const char *mountpoint, void (*emit)(void *context, const char *mountpoint), void *context);
/*
 * Calls emit for each place at which the file system with that device number is still mounted: in our own mount
 * namespace (pid 0), and in those of other processes as far as we may see them (pid: one of them).  0, or an errno.
 * A number is given again when its file system has ended: another source than the mount's, where it has one, is
 * another file system.
 */
int mounts_held(const struct control_mount *mount, void (*emit)(void *context, int pid, const char *mountpoint),
		void *context);
/* The mount that this path is in, when it is ours: its root, or anything below it. -ENOENT: in none of ours. */
int mounts_containing(const char *path, struct control_mount *ret);
/* Mount point, disc, or a path in a mount, whichever the argument names, in this order.  -ENOTUNIQ: a disc, see
 * mounts_find_source(). */
int mounts_find(const char *argument, struct control_mount *ret);

#endif
