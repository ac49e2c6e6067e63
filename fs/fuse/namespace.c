/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * namespace.c - look-up and everything that changes a directory
 */
#include <linux/fs.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>

#include "burner/base/log.h"
#include "fs/commit/message.h"
#include "fs/fuse/internal.h"

/* "." and ".." are asked for only on behalf of file handles, of inodes that the kernel has forgotten. */
static int look_up_in_tree(struct server *s, uint64_t ino, const char *name, struct stat *st)
{
	int r = !strcmp(name, ".")  ? tree_lookup_number(s->tree, ino, st) :
		!strcmp(name, "..") ? tree_lookup_parent(s->tree, ino, st) :
				      tree_lookup(s->tree, ino, name, st);

	return r == -ENOENT ? past_lookup(s, ino, name, st) : r;
}

static int look_up(struct server *s, uint64_t ino, const char *name, struct stat *st)
{
	if (!is_past(s, ino))
		return look_up_in_tree(s, ino, name, st);
	if (ino == SNAPDIR_ROOT && !strcmp(name, ".."))
		return tree_lookup_number(s->tree, TREE_ROOT, st);
	return snapdir_lookup(s->snapdir, ino, name, st);
}

static int run_lookup(struct server *s, fuse_req_t req, const struct request *request)
{
	struct fuse_entry_param nothing = {.entry_timeout = past_timeout(s, request->ino)};
	struct stat st;
	int r = look_up(s, request->ino, request->name, &st);

	/* Of "." and ".." it is a handle of what is no more. */
	if (r == -ESTALE && is_past(s, request->ino) && strcmp(request->name, ".") != 0 &&
	    strcmp(request->name, "..") != 0)
		past_say_stale(s);
	if (r != -ENOENT)
		return reply_entry(req, r, &st);
	fuse_reply_entry(req, &nothing); /* inode 0: a negative entry, which the kernel may keep */
	return 0;
}

void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	request_submit(req, &(struct request){.run = run_lookup, .ino = parent, .name = name});
}

void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t n)
{
	forget(server_of(req), ino, n);
	fuse_reply_none(req);
}

void op_forget_multi(fuse_req_t req, size_t n, struct fuse_forget_data *forgets)
{
	for (size_t i = 0; i < n; i++)
		forget(server_of(req), forgets[i].ino, forgets[i].nlookup);
	fuse_reply_none(req);
}

/* Once in a mount, when a directory was made. */
static void tell_of_directories(struct server *s)
{
	uint64_t n = tree_directories(s->tree);
	char text[256];

	if (n <= TREE_DIRECTORIES_NUMBERED || atomic_exchange(&s->told_directories, true))
		return;
	message_directories(text, sizeof(text), n);
	log_warning("%s", text);
}

static int run_mknod(struct server *s, fuse_req_t req, const struct request *request)
{
	struct tree_caller caller = caller_of(req);
	struct stat st;
	int r = past_refuses(s, request);

	if (!r)
		r = tree_mknod(s->tree, &caller, request->ino, request->name, request->mode, request->rdev, &st);
	if (r == 0 && S_ISDIR(request->mode))
		tell_of_directories(s);
	return reply_entry(req, r, &st);
}

void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev)
{
	request_submit(req,
		       &(struct request){.run = run_mknod, .ino = parent, .name = name, .mode = mode, .rdev = rdev});
}

void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	request_submit(req, &(struct request){
				    .run = run_mknod, .ino = parent, .name = name, .mode = (mode & 07777u) | S_IFDIR});
}

static int run_symlink(struct server *s, fuse_req_t req, const struct request *request)
{
	struct tree_caller caller = caller_of(req);
	struct stat st;
	int r = past_refuses(s, &(struct request){.ino = request->ino, .name = request->name});

	if (!r)
		r = tree_symlink(s->tree, &caller, request->ino, request->name, request->other_name, &st);
	return reply_entry(req, r, &st);
}

void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
	request_submit(req, &(struct request){.run = run_symlink, .ino = parent, .name = name, .other_name = target});
}

static int run_link(struct server *s, fuse_req_t req, const struct request *request)
{
	struct stat st;
	int r = past_refuses(s, request);

	if (!r)
		r = tree_link(s->tree, request->other, request->ino, request->name, &st);
	return reply_entry(req, r, &st);
}

void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name)
{
	request_submit(req, &(struct request){.run = run_link, .ino = parent, .name = name, .other = ino});
}

static int run_unlink(struct server *s, fuse_req_t req, const struct request *request)
{
	return reply(req, past_refuses(s, request) ?: tree_unlink(s->tree, request->ino, request->name));
}

void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	request_submit(req, &(struct request){.run = run_unlink, .ino = parent, .name = name});
}

static int run_rmdir(struct server *s, fuse_req_t req, const struct request *request)
{
	return reply(req, past_refuses(s, request) ?: tree_rmdir(s->tree, request->ino, request->name));
}

void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	request_submit(req, &(struct request){.run = run_rmdir, .ino = parent, .name = name});
}

static int run_rename(struct server *s, fuse_req_t req, const struct request *request)
{
	unsigned flags = (unsigned)request->flags;
	struct tree_caller caller = caller_of(req);
	int r = past_refuses(s, request);

	if (!r && flags & RENAME_WHITEOUT)
		r = tree_rename_whiteout(s->tree, &caller, request->ino, request->name, request->other,
					 request->other_name, flags & ~(unsigned)RENAME_WHITEOUT);
	else if (!r)
		r = tree_rename(s->tree, request->ino, request->name, request->other, request->other_name, flags);
	return reply(req, r);
}

void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent, const char *new_name,
	       unsigned flags)
{
	request_submit(req, &(struct request){.run = run_rename,
					      .ino = parent,
					      .name = name,
					      .other = new_parent,
					      .other_name = new_name,
					      .flags = (int)flags});
}
