/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * directories.c - open directories
 *
 * Cookies belong to the handle.  The kernel's own cache of listings is used on read-only mounts only: elsewhere it
 * could be dropped in the middle of a listing (rm -r), and the rest would be asked of a handle that has not begun.
 * On a read-only mount the tree never changes, and a cookie says all: OPENDIR is answered "no such call" once, the
 * kernel opens directories by itself and keeps their listings.
 *
 * `sync MOUNTPOINT` opens the root O_NONBLOCK without O_DIRECTORY and fsyncs it: that is a commit (fsyncdir.c).
 * opendir(3) sets O_DIRECTORY: its fsync makes the directory durable, so that programs which sync their directory
 * burn nothing.
 */
#include <fcntl.h>
#include <stdlib.h>

#include "fs/fuse/internal.h"

struct dir_handle {
	struct tree_dir *dir;	  /* NULL: it is of … */
	struct snapdir_dir *past; /* … .sessions */
	bool commits;		  /* opened as `sync` opens */
};

/* Of the root's listing, where .sessions comes last: that, and what is behind it.  No directory is so large. */
#define COOKIE_SESSIONS (1ull << 60)

/* NULL: the kernel has opened it by itself. */
static struct dir_handle *handle_of(uint64_t handle) { return (struct dir_handle *)(uintptr_t)handle; }

static void close_directory_of(struct server *s, struct dir_handle *h)
{
	if (h->past)
		snapdir_closedir(s->snapdir, h->past);
	else
		tree_closedir(s->tree, h->dir);
}

static void close_handle(struct server *s, struct dir_handle *h)
{
	close_directory_of(s, h);
	free(h);
}

static int open_directory(struct server *s, fuse_ino_t ino, struct dir_handle *ret)
{
	return is_past(s, ino) ? snapdir_opendir(s->snapdir, ino, &ret->past) : tree_opendir(s->tree, ino, &ret->dir);
}

static bool opened_by_sync(int flags)
{
	return (flags & O_ACCMODE) == O_RDONLY && (flags & O_NONBLOCK) && !(flags & O_DIRECTORY);
}

static int run_opendir(struct server *s, fuse_req_t req, const struct request *request)
{
	struct dir_handle *h = calloc(1, sizeof(*h));
	int r = h ? open_directory(s, request->ino, h) : -ENOMEM;

	if (r < 0) {
		free(h);
		return reply(req, r);
	}
	h->commits = request->ino == TREE_ROOT && opened_by_sync(request->flags);
	/* kernels before 5.1 open directories always */
	bool constant = s->options.read_only || (h->past && snapdir_is_constant(s->snapdir, request->ino));
	struct fuse_file_info fi = {.flags = request->flags,
				    .fh = (uint64_t)(uintptr_t)h,
				    .cache_readdir = constant,
				    .keep_cache = constant};
	if (fuse_reply_open(req, &fi) < 0)
		close_handle(s, h);
	return 0;
}

void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	if (server_of(req)->no_dir_handles)
		fuse_reply_err(req, ENOSYS);
	else
		request_submit(req, &(struct request){.run = run_opendir, .ino = ino, .flags = fi->flags});
}

static bool is_dot(const char *name) { return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2])); }

/* A listing under way, and the look-up references given in it. */
struct listing {
	char *bytes;
	size_t used, size;
	uint64_t *given;
	size_t n_given;
};

/* 1 added, 0 no room, or an error. */
static int add_plain(fuse_req_t req, struct listing *l, const struct tree_dir_entry *e)
{
	struct stat st = {.st_ino = e->ino, .st_mode = e->type};
	size_t room = l->size - l->used,
	       need = fuse_add_direntry(req, l->bytes + l->used, room, e->name, &st, (off_t)e->next);

	if (need > room)
		return 0;
	l->used += need;
	return 1;
}

static int look_up(struct server *s, struct dir_handle *h, uint64_t cookie, struct stat *st)
{
	return cookie == COOKIE_SESSIONS ? -ENOENT :
	       h->past			 ? snapdir_readdir_lookup(s->snapdir, h->past, cookie, st) :
					   tree_readdir_lookup(s->tree, h->dir, cookie, st);
}

static int add_plus(fuse_req_t req, struct listing *l, struct dir_handle *h, uint64_t cookie,
		    const struct tree_dir_entry *e)
{
	struct server *s = server_of(req);
	/* inode 0: the name and its type only */
	struct fuse_entry_param p = {.attr = {.st_ino = e->ino, .st_mode = e->type}};
	size_t room = l->size - l->used, need = fuse_add_direntry_plus(req, NULL, 0, e->name, NULL, 0);
	struct stat st;
	int r = -ENOENT;

	if (need > room)
		return 0;
	if (!is_dot(e->name))
		r = look_up(s, h, cookie, &st);
	if (r == 0) {
		entry_of(s, &st, &p);
		l->given[l->n_given++] = st.st_ino;
	} else if (r == -EAGAIN || r == -ENOMEM) {
		return r;
	} /* a damaged entry keeps its name: the error comes when it is looked at */
	l->used += fuse_add_direntry_plus(req, l->bytes + l->used, room, e->name, &p, (off_t)e->next);
	return 1;
}

/* Behind all that the root has, if it is to be seen and the tree has no such name. */
static int add_sessions(struct server *s, struct tree_dir_entry *ret)
{
	struct stat st;
	int r = tree_lookup(s->tree, TREE_ROOT, HISTORY_DIRECTORY, &st);

	if (r == 0)
		forget(s, st.st_ino, 1);
	if (r != -ENOENT)
		return r;
	*ret = (struct tree_dir_entry){.name = HISTORY_DIRECTORY,
				       .ino = SNAPDIR_ROOT,
				       .type = S_IFDIR,
				       .next = COOKIE_SESSIONS + 1};
	return 1;
}

/* 1 and the entry at *cookie, which becomes that of .sessions where that is it; 0 at the end. */
static int read_entry(struct server *s, const struct request *request, struct dir_handle *h, uint64_t *cookie,
		      struct tree_dir_entry *ret)
{
	bool ends_with_sessions = s->snapdir && s->options.show_sessions && request->ino == TREE_ROOT;
	int r = *cookie >= COOKIE_SESSIONS ? 0 :
		h->past			   ? snapdir_readdir(s->snapdir, h->past, *cookie, ret) :
					     tree_readdir(s->tree, h->dir, *cookie, ret);

	if (r || !ends_with_sessions || *cookie > COOKIE_SESSIONS)
		return r;
	*cookie = COOKIE_SESSIONS;
	return add_sessions(s, ret);
}

static int fill(struct server *s, fuse_req_t req, const struct request *request, struct listing *l)
{
	struct dir_handle *h = handle_of(request->handle), own = {0};
	uint64_t cookie = (uint64_t)request->offset;
	struct tree_dir_entry e;
	int r = h ? 0 : open_directory(s, request->ino, &own);

	if (r < 0)
		return r;
	h = h ? h : &own;
	while ((r = read_entry(s, request, h, &cookie, &e)) > 0) {
		r = request->plus ? add_plus(req, l, h, cookie, &e) : add_plain(req, l, &e);
		if (r <= 0)
			break;
		cookie = e.next;
	}
	if (h == &own)
		close_directory_of(s, h);
	return r < 0 && l->used == 0 ? r : 0;
}

static int run_readdir(struct server *s, fuse_req_t req, const struct request *request)
{
	size_t smallest = fuse_add_direntry_plus(req, NULL, 0, "", NULL, 0), most = request->size / smallest + 1;
	struct listing l = {.size = request->size};
	int r;

	l.given = thread_buffer(most * sizeof(*l.given) + request->size);
	if (!l.given)
		return reply(req, -ENOMEM);
	l.bytes = (char *)(l.given + most);
	r = fill(s, req, request, &l);
	if (r < 0)
		return reply(req, r);
	if (fuse_reply_buf(req, l.bytes, l.used) < 0)
		for (size_t i = 0; i < l.n_given; i++)
			forget(s, l.given[i], 1);
	return 0;
}

void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi)
{
	request_submit(req, &(struct request){
				    .run = run_readdir, .ino = ino, .handle = fi->fh, .size = size, .offset = offset});
}

void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi)
{
	request_submit(req, &(struct request){.run = run_readdir,
					      .ino = ino,
					      .handle = fi->fh,
					      .size = size,
					      .offset = offset,
					      .plus = true});
}

void op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	close_handle(server_of(req), handle_of(fi->fh));
	fuse_reply_err(req, 0);
}

static int run_fsyncdir(struct server *s, fuse_req_t req, const struct request *request)
{
	return reply(req, s->options.read_only || is_past(s, request->ino) ? 0 : tree_fsync(s->tree, request->ino));
}

void op_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	struct server *s = server_of(req);
	uid_t uid = fuse_req_ctx(req)->uid;

	if (s->commit && handle_of(fi->fh)->commits && !datasync && (uid == s->options.owner || uid == 0))
		sync_request(s, req);
	else
		request_submit(req, &(struct request){.run = run_fsyncdir, .ino = ino});
}
