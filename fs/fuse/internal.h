/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * internal.h - what the files of fs/fuse share: the server's insides, replies, and the operations by file
 *
 * The disc changes only through this mount (and by a discard, which says so to the kernel), therefore everything the
 * kernel learned stays true: entries, negative entries and attributes are given for a day.
 */
#ifndef FS_FUSE_INTERNAL_H
#define FS_FUSE_INTERNAL_H

#include "fs/fuse/park.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>

#include "burner/base/lock.h"
#include "fs/commit/commit.h"
#include "fs/fuse/server.h"
#include "fs/snapdir/snapdir.h"
#include "fs/tree/tree.h"

#define KERNEL_TIMEOUT 86400.0

struct sync_wait;
struct refresh;

struct server {
	struct fuse_session *session;
	struct tree *tree;
	struct commit *commit;	 /* NULL: read-only */
	struct snapdir *snapdir; /* NULL: there is no .sessions */
	struct park *park;
	struct server_options options;
	bool mounted; /* main thread */
	/* … files are not opened: the mount is read-only, and the kernel can do without */
	bool no_handles;
	bool no_dir_handles; /* … nor directories */
	bool splices;	     /* set before the first request: replies may be taken from files */
	/* agree.c: the first request was answered, and which that was, if it offers what we want */
	_Atomic bool agreed;
	uint64_t offered;

	struct lock sync_lock;
	struct sync_wait *syncs; /* FSYNCDIR requests that wait for a commit */
	bool discarding;

	struct refresh *refresh;
	struct lock notify_lock;
	pthread_cond_t notify_idle;
	unsigned notifying; /* notifications under way */
	bool quiet;	    /* no more of them */

	_Atomic unsigned full_said; /* bits of enum tree_full: why there is no space */
	_Atomic bool contradiction_said;
	_Atomic bool stale_said;
	_Atomic bool told_directories; /* that there are more than Windows knows */
};

static inline struct server *server_of(fuse_req_t req) { return fuse_req_userdata(req); }
static inline void request_submit(fuse_req_t req, const struct request *request)
{
	park_run(server_of(req)->park, req, request);
}

/* ---- reply.c; each returns what a request's run() returns ---- */

/* Error or success of an operation whose reply is nothing else; -EAGAIN is handed on. */
int reply(fuse_req_t req, int result);
/* An entry whose look-up reference st carries. */
int reply_entry(fuse_req_t req, int result, const struct stat *st);
int reply_attr(fuse_req_t req, int result, const struct stat *st);
void entry_of(const struct server *s, const struct stat *st, struct fuse_entry_param *ret);
/* What is shown instead of what is stored: -o uid= gid= umask= */
void show(const struct server *s, struct stat *st);
struct tree_caller caller_of(fuse_req_t req);
/* size bytes that belong to this thread until its next call; NULL: no memory. */
void *thread_buffer(size_t size);

/* ---- past.c: .sessions ---- */

/* Is that node of .sessions?  Then the tree has none of that number. */
static inline bool is_past(const struct server *s, uint64_t ino) { return s->snapdir && snapdir_has(ino); }
int past_getattr(struct server *s, uint64_t ino, struct stat *st); /* of any node */
/* .sessions itself, where the tree has no such name. -ENOENT: it is not asked for. */
int past_lookup(struct server *s, uint64_t parent, const char *name, struct stat *st);
/* Before each change, of everything that it names: -EROFS, it is of .sessions; or what a look-up failed with. */
int past_refuses(struct server *s, const struct request *request);
void forget(struct server *s, uint64_t ino, uint64_t n_lookups); /* of any node */
/* For how long the kernel may keep what it was told of a node, in seconds. */
double past_timeout(const struct server *s, uint64_t ino);
/* Once in a mount: that the list of sessions is not that of the disc any more. */
void past_say_stale(struct server *s);

/* ---- fsyncdir.c ---- */

/* Park an FSYNCDIR that is a commit. */
void sync_request(struct server *s, fuse_req_t req);
/* Answer all of them with that errno; their commits are forgotten where they can be. */
void sync_reply_all(struct server *s, int error);
void sync_set_discarding(struct server *s);
void sync_end_discarding(struct server *s);

/* ---- notify.c ---- */

/* No more notifications; waits for those under way. */
void notify_silence(struct server *s);
/* The same of its attributes, which waits for nobody: from within any request. */
void notify_attributes(struct server *s, uint64_t ino);
/* The kernel drops what it has cached of these bytes; not from within a request (as notify.c says). */
void notify_stale(struct server *s, uint64_t ino, off_t offset, size_t length);

/* ---- refresh.c ---- */

int refresh_new(struct server *s, struct refresh **ret);
int refresh_start(struct refresh *refresh); /* after the daemon forked */
/* A write that is to pass by the page cache: once what others have cached and changed there was written back, it
 * runs again, `refreshed`.  0. */
int refresh_before(struct refresh *refresh, fuse_req_t req, const struct request *request);
/* A write that passed by the page cache is done: drop what others have cached of it, then answer. */
void refresh_written(struct refresh *refresh, fuse_req_t req, uint64_t ino, off_t offset, size_t length);
/* The kernel's write of what it has cached failed: answer with the error, then it drops the bytes. 0. */
int refresh_lost(struct refresh *refresh, fuse_req_t req, const struct request *request, int error);
void refresh_attributes(struct refresh *refresh, uint64_t ino); /* they have changed without the kernel's doing */
bool refresh_is_losing(const struct refresh *refresh);		/* some are not dropped yet */
void refresh_stop(struct refresh *refresh);			/* all is answered; what comes later at once */
void refresh_free(struct refresh *refresh);

/* ---- attributes.c ---- */

/* Before each change of a file's content: its set-id bits go, unless the caller is root. */
int attributes_content_changes(struct server *s, fuse_req_t req, fuse_ino_t ino);
/* The same before what a mapping has changed is written back: who did it, nobody knows. They go unless all that have
 * the file open for writing are root. */
int attributes_mapping_changes(struct server *s, struct tree_file *f);

/* May the caller give a file of that group its set-group-id bit? */
bool attributes_may_set_gid(fuse_req_t req, gid_t gid);

/* ---- agree.c ---- */

int agree_begin(struct server *s); /* after the mount, before the first request; -EIO */

/* ---- xattrs.c ---- */

/* Are access control lists the kernel's to check? */
bool xattrs_kernel_checks_lists(const struct server_options *o);
/* Before each change of a file's content: it is not the program any more that was given rights. */
int xattrs_drop_capability(struct server *s, fuse_ino_t ino);

/* ---- told.c: user.cdappendfs.… ---- */

/* Is that the name of what is told of files, or of the mount?  It is in no list, and nobody sets it. */
bool is_told(const char *name);
/* Its value, allocated: printed text.  -ENODATA: it has none. */
int told_value(struct server *s, uint64_t ino, const char *name, uint8_t **ret, size_t *ret_bytes);

void op_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value, size_t size, int flags);
void op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size);
void op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size);
void op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name);

/* ---- namespace.c, attributes.c, files.c, directories.c ---- */

extern const struct fuse_lowlevel_ops server_operations; /* server.c */

void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t n);
void op_forget_multi(fuse_req_t req, size_t n, struct fuse_forget_data *forgets);
void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev);
void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode);
void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name);
void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name);
void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent, const char *new_name,
	       unsigned flags);

void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set, struct fuse_file_info *fi);
void op_readlink(fuse_req_t req, fuse_ino_t ino);
void op_statfs(fuse_req_t req, fuse_ino_t ino);

void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, struct fuse_file_info *fi);
void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi);
void op_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t offset, struct fuse_file_info *fi);
void op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t offset, off_t length, struct fuse_file_info *fi);
void op_lseek(fuse_req_t req, fuse_ino_t ino, off_t offset, int whence, struct fuse_file_info *fi);
void op_copy_file_range(fuse_req_t req, fuse_ino_t ino_in, off_t offset_in, struct fuse_file_info *fi_in,
			fuse_ino_t ino_out, off_t offset_out, struct fuse_file_info *fi_out, size_t length, int flags);
void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi);
void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);

void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi);
void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi);
void op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi);

#endif
