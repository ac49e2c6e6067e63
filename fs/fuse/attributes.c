/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * attributes.c - getattr, setattr, readlink, statfs
 *
 * In a private mount the kernel checks nothing: its owner may do what each file's owner could.  Owners of files stay
 * what they are: chown(2) is root's, and a group may be set to one of the caller's own on the caller's own file, as
 * on any file system. With allow_other the kernel has made all checks, but it made them of what is shown: with uid=
 * and gid= everything looks like that user's, and the owners of files stay what they are all the same.
 *
 * A set-id bit is a promise of the stored owner, so none comes to a file but from that one, or from root, and none
 * outlives a change by others (attributes_content_changes()).  Older kernels see to most of that where the bits are
 * shown, with a mode in a SETATTR of their own; under umask= they do not know of them, and for an open with O_TRUNC
 * they never send any.  From Linux 5.11 on all of it is left to us (agree.c).
 */
#include <grp.h>
#include <stdlib.h>

#include "fs/fuse/internal.h"

static int run_getattr(struct server *s, fuse_req_t req, const struct request *request)
{
	struct stat st;
	int r = past_getattr(s, request->ino, &st);

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

static bool is_root(fuse_req_t req) { return fuse_req_ctx(req)->uid == 0; }

bool attributes_may_set_gid(fuse_req_t req, gid_t gid) { return is_root(req) || in_group(req, gid); }

/* Are they what the kernel has checked? */
static bool owners_are_shown(const struct server *s) { return !s->options.show_uid && !s->options.show_gid; }

/* -EPERM, or the changes of owner that are none are taken out of *which. st: as stored. */
static int check_owners(const struct server *s, fuse_req_t req, const struct stat *attr, struct stat st,
			unsigned *which)
{
	struct stat shown = st;

	if (!(*which & (TREE_SET_UID | TREE_SET_GID)) || (s->options.allow_other && owners_are_shown(s)) ||
	    is_root(req))
		return 0;
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

/* The set-id bits that a change by others takes; as Linux has it, that of the group from what the group cannot run
 * only when they are none of its members.  req NULL: nobody knows who they are. */
static mode_t set_id_to_drop(fuse_req_t req, const struct stat *st)
{
	bool group = st->st_mode & S_IXGRP || !req || !(is_root(req) || in_group(req, st->st_gid));

	return S_ISDIR(st->st_mode) ? 0 : st->st_mode & (group ? S_ISUID | S_ISGID : S_ISUID);
}

/* 1: there were some. */
static int drop_set_id(struct server *s, fuse_req_t req, fuse_ino_t ino)
{
	struct stat st, set;
	int r = tree_getattr(s->tree, ino, &st);

	if (r || !(st.st_mode & (S_ISUID | S_ISGID)))
		return r;
	set.st_mode = st.st_mode & ~set_id_to_drop(req, &st);
	if (set.st_mode == st.st_mode)
		return 0;
	r = tree_setattr(s->tree, ino, &set, TREE_SET_MODE, &st);
	return r < 0 ? r : 1;
}

int attributes_content_changes(struct server *s, fuse_req_t req, fuse_ino_t ino)
{
	int r = is_root(req) ? 0 : drop_set_id(s, req, ino);

	if (r > 0)
		notify_attributes(s, ino);
	return r < 0 ? r : xattrs_drop_capability(s, ino);
}

int attributes_mapping_changes(struct server *s, struct tree_file *f)
{
	int r = tree_file_is_plain(s->tree, f) ? drop_set_id(s, NULL, tree_file_ino(f)) : 0;

	if (r > 0)
		refresh_attributes(s->refresh, tree_file_ino(f));
	return r < 0 ? r : xattrs_drop_capability(s, tree_file_ino(f));
}

/* A mode as the caller may give it.  -EPERM: it would make a program run as somebody else. A bit that is there
 * already goes without a word, as that of a foreign group does on any file system: chmod -R is no attack. */
static int check_mode(fuse_req_t req, const struct stat *st, struct stat *set)
{
	if (set->st_mode & S_ISUID && st->st_uid != fuse_req_ctx(req)->uid) {
		if (!(st->st_mode & S_ISUID))
			return -EPERM;
		set->st_mode &= ~(mode_t)S_ISUID;
	}
	if (set->st_mode & S_ISGID && !in_group(req, st->st_gid))
		set->st_mode &= ~(mode_t)S_ISGID;
	return 0;
}

/*
 * What becomes of set-id bits: by a mode, by a change of size, by a chown (root's takes them as well).  A request that
 * sets nothing is a chown to nobody, chown(path, -1, -1), or the kernel's way to say that they go (agree.c).
 */
static int check_set_id(struct server *s, fuse_req_t req, fuse_ino_t ino, const struct stat *st, struct stat *set,
			unsigned *which)
{
	if (*which & TREE_SET_MODE)
		return is_root(req) ? 0 : check_mode(req, st, set);
	if (*which & TREE_SET_SIZE)
		return attributes_content_changes(s, req, ino);
	if (st->st_mode & set_id_to_drop(req, st) && (is_root(req) || st->st_uid == fuse_req_ctx(req)->uid || *which)) {
		set->st_mode = st->st_mode & ~set_id_to_drop(req, st);
		*which |= TREE_SET_MODE;
	}
	return 0;
}

static int check_changes(struct server *s, fuse_req_t req, const struct request *request, struct stat *set,
			 unsigned *which)
{
	struct stat st;
	int r;

	if (*which && !(*which & (TREE_SET_MODE | TREE_SET_UID | TREE_SET_GID | TREE_SET_SIZE)))
		return 0;
	r = tree_getattr(s->tree, request->ino, &st);
	if (!r)
		r = check_set_id(s, req, request->ino, &st, set, which);
	return r ? r : check_owners(s, req, set, st, which);
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
	struct stat st, set = *request->attr;
	int r = past_refuses(s, request);

	if (!r)
		r = check_changes(s, req, request, &set, &which);
	if (!r)
		r = which ? tree_setattr(s->tree, request->ino, &set, which, &st) :
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
	int r = is_past(s, request->ino) ? snapdir_readlink(s->snapdir, request->ino, &target) :
					   tree_readlink(s->tree, request->ino, &target);

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
