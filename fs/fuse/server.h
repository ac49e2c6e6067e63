/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * server.h - the mount: libfuse's low-level session over a tree
 *
 *	server_new -> server_set_commit, server_set_snapdir -> server_mount -> server_loop (until unmounted, or
 *	server_stop from another thread) -> server_unmount -> [commit_stop: its last requests are still answered]
 *	-> server_free
 *
 * server_flush_writers() and server_discarded() are the commit's hooks; the server is their context.
 * No worker waits for the drive or for a commit: such requests are parked (park.h, fsyncdir.c).
 *
 * Threads: server_stop, server_answers, server_unmounted and the hooks from any thread but a worker; all others from
 * the main one.
 */
#ifndef FS_FUSE_SERVER_H
#define FS_FUSE_SERVER_H

#include <stdbool.h>
#include <sys/types.h>

#include "fs/commit/commit.h"
#include "fs/snapdir/snapdir.h"
#include "fs/tree/tree.h"

struct server;

struct server_options {
	const char *mountpoint;	  /* real path */
	int directory;		  /* the mount point itself, open until the mount is there; -1: by its path */
	const char *source;	  /* what is shown as mounted: real path of the disc */
	const char *fuse_options; /* comma-separated, handed to libfuse; NULL none */
	bool debug;		  /* libfuse prints every request */
	bool read_only;
	/* the kernel checks permissions; otherwise the owner may do what each file's owner could */
	bool allow_other;
	/* root mounted it for `owner`: nobody else but root gets past the root directory; with allow_other */
	bool for_owner;
	uid_t owner;			     /* who mounted, or for whom */
	bool show_uid, show_gid, show_umask; /* what follows is shown instead of what is stored */
	uid_t uid;
	gid_t gid;
	mode_t umask;
	bool show_sessions;		     /* .sessions is in the listing of the root */
	const struct disc_session *sessions; /* of a mount without commits; borrowed */
	size_t n_sessions;
	/* Takes the mount away when it is still there; libfuse is not let */
	void (*take_away)(void *context);
	void *context;
};

/* Borrows the options' texts and the tree.  -EINVAL: libfuse refused an option (it said which). */
int server_new(const struct server_options *options, struct tree *tree, struct server **ret);
/* Before server_mount; borrowed. */
void server_set_commit(struct server *s, struct commit *commit);
/* Likewise; without it there is no .sessions.  It must outlive the server. */
void server_set_snapdir(struct server *s, struct snapdir *snapdir);
/* Does the kernel check who may do what, or may the mount's owner do everything? */
bool server_checks_permissions(const struct server *s);
/* -EIO: libfuse could not mount (it said why). */
int server_mount(struct server *s);
/* Serves requests. 0 when unmounted or stopped. */
int server_loop(struct server *s);
/* Has mmap writers written back, then ends the loop; the mount is taken away by server_unmount. */
void server_stop(struct server *s);
/* No more notifications to the kernel; parked requests are answered. May be called again. */
void server_unmount(struct server *s);
/* The kernel has nothing to ask any more: the file system has ended, and its number is free.  From any thread. */
bool server_unmounted(const struct server *s);
void server_free(struct server *s);
static inline void server_freep(struct server **s) { server_free(*s); }

/* Device number of the mount whose root is open; it asks the mount itself, so the loop must run (or begin to).
 * -ENOTCONN: it is gone. */
int server_answers(int root, dev_t *ret);
/* Larger readahead than the kernel gives (root only, best effort). */
void server_tune(dev_t device);
/* The file that it writes. */
#define SERVER_TUNING_MAX 64
void server_tuning(dev_t device, char ret[SERVER_TUNING_MAX]);

int server_flush_writers(void *server); /* -ENOMEM */
void server_discarded(void *server, const struct stage_snapshot *what);

#endif
