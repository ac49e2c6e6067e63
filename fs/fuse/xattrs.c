/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * xattrs.c - extended attributes and access control lists
 *
 * Who may use which name the kernel finds out: `user.` goes by the file's permissions, `trusted.` and `security.` are
 * root's, lists are the owner's.  Two things it leaves to us: names of `trusted.` are shown to root alone; and before
 * Linux 6.2 a list of a mount whose lists it does not check itself could be set by anybody.
 *
 * Where the kernel checks permissions it is asked to go by the lists as well (FUSE_CAP_POSIX_ACL), but not with umask=,
 * which shows one mode for all.  A private mount must not ask for that: the kernel would check permissions there, too,
 * and its owner may do what each file's owner could.  There lists are kept, and new files get them, all the same.
 */
#include <stdlib.h>
#include <string.h>

#include "fs/fuse/internal.h"

#define CAPABILITY "security.capability"

/* In a list of words with commas between them. */
static bool has_word(const char *list, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = list; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (!strncmp(at, word, length) && (!at[length] || at[length] == ','))
			return true;
	}
	return false;
}

/* Does the kernel check permissions? */
static bool is_checked(const struct server_options *o)
{
	return o->allow_other || o->for_owner || has_word(o->fuse_options, "default_permissions");
}

bool server_checks_permissions(const struct server *s) { return is_checked(&s->options); }

bool xattrs_kernel_checks_lists(const struct server_options *o) { return is_checked(o) && !o->show_umask; }

/* ---- asking ---- */

static int reply_bytes(fuse_req_t req, const void *bytes, size_t length, size_t room)
{
	if (!room)
		fuse_reply_xattr(req, length);
	else if (length > room)
		fuse_reply_err(req, ERANGE);
	else
		fuse_reply_buf(req, bytes, length);
	return 0;
}

static int run_getxattr(struct server *s, fuse_req_t req, const struct request *request)
{
	uint8_t *value = NULL;
	size_t bytes;
	int r = is_told(request->name)	 ? told_value(s, request->ino, request->name, &value, &bytes) :
		is_past(s, request->ino) ? snapdir_xattr_get(s->snapdir, request->ino, request->name, &value, &bytes) :
					   tree_xattr_get(s->tree, request->ino, request->name, &value, &bytes);

	r = r < 0 ? reply(req, r) : reply_bytes(req, value, bytes, request->size);
	free(value);
	return r;
}

/* The kernel asks for capabilities before many writes, and for lists: most files have neither. */
void op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	struct server *s = server_of(req);

	if (is_past(s, ino) || tree_may_have_xattrs(s->tree, ino) || is_told(name))
		request_submit(req, &(struct request){.run = run_getxattr, .ino = ino, .name = name, .size = size});
	else
		fuse_reply_err(req, ENODATA);
}

static size_t hide_trusted(char *names, size_t bytes)
{
	size_t kept = 0;

	for (size_t at = 0, n; at < bytes; at += n) {
		n = strlen(names + at) + 1;
		if (strncmp(names + at, "trusted.", 8) != 0) {
			memmove(names + kept, names + at, n);
			kept += n;
		}
	}
	return kept;
}

static int run_listxattr(struct server *s, fuse_req_t req, const struct request *request)
{
	char *names = NULL;
	size_t bytes;
	int r = is_past(s, request->ino) ? snapdir_xattr_list(s->snapdir, request->ino, &names, &bytes) :
					   tree_xattr_list(s->tree, request->ino, &names, &bytes);

	if (r == 0 && fuse_req_ctx(req)->uid != 0)
		bytes = hide_trusted(names, bytes);
	r = r < 0 ? reply(req, r) : reply_bytes(req, names, bytes, request->size);
	free(names);
	return r;
}

void op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	request_submit(req, &(struct request){.run = run_listxattr, .ino = ino, .size = size});
}

/* ---- changing ---- */

/* What the kernel asks before chmod, of what is shown. */
static int check_list(struct server *s, fuse_req_t req, fuse_ino_t ino, struct tree_xattr *x)
{
	struct stat st, shown;
	int r = strncmp(x->name, "system.", 7) ? 1 : tree_getattr(s->tree, ino, &st);

	if (r)
		return r < 0 ? r : 0;
	shown = st;
	show(s, &shown);
	if (is_checked(&s->options) && fuse_req_ctx(req)->uid != 0 && fuse_req_ctx(req)->uid != shown.st_uid)
		return -EPERM;
	x->drops_set_gid = st.st_mode & S_ISGID && !attributes_may_set_gid(req, st.st_gid);
	return 0;
}

static int change(struct server *s, fuse_req_t req, const struct request *request, struct tree_xattr *x)
{
	int r = past_refuses(s, &(struct request){.ino = request->ino});

	if (!r && is_told(request->name))
		r = -EPERM;
	if (!r)
		r = check_list(s, req, request->ino, x);
	if (!r)
		r = tree_xattr_set(s->tree, request->ino, x);
	if (r > 0)
		notify_attributes(s, request->ino);
	return reply(req, r);
}

static int run_setxattr(struct server *s, fuse_req_t req, const struct request *request)
{
	return change(s, req, request,
		      &(struct tree_xattr){.name = request->name,
					   .value = request->data,
					   .bytes = request->size,
					   .flags = request->flags});
}

void op_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value, size_t size, int flags)
{
	request_submit(req, &(struct request){.run = run_setxattr,
					      .ino = ino,
					      .name = name,
					      .data = value,
					      .size = size,
					      .flags = flags});
}

static int run_removexattr(struct server *s, fuse_req_t req, const struct request *request)
{
	return change(s, req, request, &(struct tree_xattr){.name = request->name});
}

void op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	request_submit(req, &(struct request){.run = run_removexattr, .ino = ino, .name = name});
}

int xattrs_drop_capability(struct server *s, fuse_ino_t ino)
{
	if (!tree_may_have_xattrs(s->tree, ino))
		return 0;
	int r = tree_xattr_set(s->tree, ino, &(struct tree_xattr){.name = CAPABILITY});
	return r == -ENODATA ? 0 : r;
}
