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
static int look_up(struct tree *t, uint64_t ino, const char *name, struct stat *st)
{
	return !strcmp(name, ".")  ? tree_lookup_number(t, ino, st) :
	       !strcmp(name, "..") ? tree_lookup_parent(t, ino, st) :
				     tree_lookup(t, ino, name, st);
}

static int run_lookup(struct server *s, fuse_req_t req, const struct request *request)
{
	struct fuse_entry_param nothing = {.entry_timeout = KERNEL_TIMEOUT};
	struct stat st;
	int r = look_up(s->tree, request->ino, request->name, &st);

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
	tree_forget(server_of(req)->tree, ino, n);
	fuse_reply_none(req);
}

void op_forget_multi(fuse_req_t req, size_t n, struct fuse_forget_data *forgets)
{
	for (size_t i = 0; i < n; i++)
		tree_forget(server_of(req)->tree, forgets[i].ino, forgets[i].nlookup);
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
	int r = tree_mknod(s->tree, &caller, request->ino, request->name, request->mode, request->rdev, &st);

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
	int r = tree_symlink(s->tree, &caller, request->ino, request->name, request->other_name, &st);

	return reply_entry(req, r, &st);
}

void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
	request_submit(req, &(struct request){.run = run_symlink, .ino = parent, .name = name, .other_name = target});
}

static int run_link(struct server *s, fuse_req_t req, const struct request *request)
{
	struct stat st;
	int r = tree_link(s->tree, request->other, request->ino, request->name, &st);

	return reply_entry(req, r, &st);
}

void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name)
{
	request_submit(req, &(struct request){.run = run_link, .ino = parent, .name = name, .other = ino});
}

static int run_unlink(struct server *s, fuse_req_t req, const struct request *request)
{
	return reply(req, tree_unlink(s->tree, request->ino, request->name));
}

void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	request_submit(req, &(struct request){.run = run_unlink, .ino = parent, .name = name});
}

static int run_rmdir(struct server *s, fuse_req_t req, const struct request *request)
{
	return reply(req, tree_rmdir(s->tree, request->ino, request->name));
}

void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	request_submit(req, &(struct request){.run = run_rmdir, .ino = parent, .name = name});
}

static int run_rename(struct server *s, fuse_req_t req, const struct request *request)
{
	unsigned flags = (unsigned)request->flags;
	struct tree_caller caller = caller_of(req);

	if (flags & RENAME_WHITEOUT)
		return reply(req, tree_rename_whiteout(s->tree, &caller, request->ino, request->name, request->other,
						       request->other_name, flags & ~(unsigned)RENAME_WHITEOUT));
	return reply(req,
		     tree_rename(s->tree, request->ino, request->name, request->other, request->other_name, flags));
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
