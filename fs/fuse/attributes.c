/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * attributes.c - getattr, setattr, readlink, statfs
 *
 * In a private mount the kernel checks nothing: its owner may do what each file's owner could.  Owners of files stay
 * what they are: chown(2) is root's, and a group may be set to one of the caller's own on the caller's own file, as
 * on any file system. With allow_other the kernel has made all checks.  The set-id bits that a chown, write or
 * truncate clears come from the kernel as a mode in the same SETATTR or one before it.
 */
#include <grp.h>
#include <stdlib.h>

#include "fs/fuse/internal.h"

static int run_getattr(struct server *s, fuse_req_t req, const struct request *request)
{
	struct stat st;
	int r = tree_getattr(s->tree, request->ino, &st);

	return reply_attr(req, r, &st);
}

void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)fi;
	request_submit(req, &(struct request){.run = run_getattr, .ino = ino});
}

/* What cannot be found out is no permission. */
static bool in_group(fuse_req_t req, gid_t gid)
{
	gid_t groups[1024];
	int n;

	if (fuse_req_ctx(req)->gid == gid)
		return true;
	n = fuse_req_getgroups(req, (int)(sizeof(groups) / sizeof(groups[0])), groups);
	for (int i = 0; i < n && i < (int)(sizeof(groups) / sizeof(groups[0])); i++)
		if (groups[i] == gid)
			return true;
	return false;
}

/* -EPERM, or the changes of owner that are none are taken out of *which. */
static int check_owners(struct server *s, fuse_req_t req, fuse_ino_t ino, const struct stat *attr, unsigned *which)
{
	struct stat st, shown;
	int r;

	if (!(*which & (TREE_SET_UID | TREE_SET_GID)) || s->options.allow_other || fuse_req_ctx(req)->uid == 0)
		return 0;
	r = tree_getattr(s->tree, ino, &st);
	if (r < 0)
		return r;
	shown = st;
	show(s, &shown);
	if ((*which & TREE_SET_UID) && (attr->st_uid == st.st_uid || attr->st_uid == shown.st_uid))
		*which &= ~(unsigned)TREE_SET_UID;
	if ((*which & TREE_SET_GID) && (attr->st_gid == st.st_gid || attr->st_gid == shown.st_gid))
		*which &= ~(unsigned)TREE_SET_GID;
	if (*which & TREE_SET_UID)
		return -EPERM;
	if ((*which & TREE_SET_GID) && (st.st_uid != fuse_req_ctx(req)->uid || !in_group(req, attr->st_gid)))
		return -EPERM;
	return 0;
}

static unsigned what_to_set(int to_set)
{
	static const struct {
		int fuse;
		unsigned tree;
	} map[] = {
		{FUSE_SET_ATTR_MODE, TREE_SET_MODE},
		{FUSE_SET_ATTR_UID, TREE_SET_UID},
		{FUSE_SET_ATTR_GID, TREE_SET_GID},
		{FUSE_SET_ATTR_SIZE, TREE_SET_SIZE},
		{FUSE_SET_ATTR_ATIME, TREE_SET_ATIME},
		{FUSE_SET_ATTR_MTIME, TREE_SET_MTIME},
		{FUSE_SET_ATTR_ATIME_NOW, TREE_SET_ATIME_NOW},
		{FUSE_SET_ATTR_MTIME_NOW, TREE_SET_MTIME_NOW},
		{FUSE_SET_ATTR_CTIME, TREE_SET_CTIME},
	};
	unsigned which = 0;

	for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++)
		if (to_set & map[i].fuse)
			which |= map[i].tree;
	/* The kernel sends both: "set it", and "to now". */
	if (which & TREE_SET_ATIME_NOW)
		which &= ~(unsigned)TREE_SET_ATIME;
	if (which & TREE_SET_MTIME_NOW)
		which &= ~(unsigned)TREE_SET_MTIME;
	return which;
}

static int run_setattr(struct server *s, fuse_req_t req, const struct request *request)
{
	unsigned which = what_to_set(request->flags);
	struct stat st;
	int r = check_owners(s, req, request->ino, request->attr, &which);

	if (!r)
		r = which ? tree_setattr(s->tree, request->ino, request->attr, which, &st) :
			    tree_getattr(s->tree, request->ino, &st);
	return reply_attr(req, r, &st);
}

void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set, struct fuse_file_info *fi)
{
	(void)fi;
	request_submit(req, &(struct request){.run = run_setattr, .ino = ino, .attr = attr, .flags = to_set});
}

static int run_readlink(struct server *s, fuse_req_t req, const struct request *request)
{
	char *target;
	int r = tree_readlink(s->tree, request->ino, &target);

	if (r < 0)
		return reply(req, r);
	fuse_reply_readlink(req, target);
	free(target);
	return 0;
}

void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	request_submit(req, &(struct request){.run = run_readlink, .ino = ino});
}

static int run_statfs(struct server *s, fuse_req_t req, const struct request *request)
{
	struct statvfs v;
	int r = tree_statfs(s->tree, &v);

	(void)request;
	if (r < 0)
		return reply(req, r);
	fuse_reply_statfs(req, &v);
	return 0;
}

void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	request_submit(req, &(struct request){.run = run_statfs, .ino = ino});
}
