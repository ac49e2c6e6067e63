/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The way to a stage: each directory on it is opened in the one above, and looked at.
 *
 * Who may write to a directory may exchange what is in it, and give us a stage of his own making in the middle of our
 * work.  So each directory on the way, from / on, belongs to root or to this user, and nobody else may write to it, but
 * for two cases: where the sticky bit is set (/tmp) only what belongs to others can be theirs, and that is refused; and
 * a group that has no other member may (the private group of a user, with umask 002).  The same holds for a symbolic
 * link: its owner says where it leads.  Numbers that a FUSE file system tells are the word of who mounted it.
 *
 * In a user namespace without root everything of root's is nobody's: then whoever has / is trusted.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "burner/base/io.h"
#include "burner/base/own.h"
#include "fs/stage/internal.h"

#define LINKS_MAX 40
#define LINK_BYTES_MAX 4096u

struct way {
	int fd;	    /* of the directory that was reached (O_PATH) */
	char *path; /* its own, without links */
	char *rest; /* what is still to be walked */
	dev_t dev;
	uid_t root; /* who has / */
	unsigned n_links, how;
	char **ret_why;
};

/* ---- whose it is ---- */

/* Of a FUSE file system: may this user believe what it says?  By who mounted it. */
static bool fuse_is_foreign(dev_t dev)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	_free_ char *line = NULL;
	bool foreign = true;
	size_t size = 0;
	unsigned a, b;

	if (!f)
		return true;
	while (foreign && getline(&line, &size, f) >= 0) {
		const char *options = strstr(line, " - "), *user;

		if (sscanf(line, "%*d %*d %u:%u ", &a, &b) != 2 || makedev(a, b) != dev || !options)
			continue;
		user = strrchr(options, ' ');
		user = user ? strstr(user, "user_id=") : NULL;
		if (user) {
			unsigned long id = strtoul(user + 8, NULL, 10);

			foreign = id != 0 && id != geteuid();
		}
	}
	fclose(f);
	return foreign;
}

bool stage_is_others_fuse(int fd)
{
	struct statfs fs;
	struct stat st;

	if (fstatfs(fd, &fs))
		return true; /* not known */
	return fs.f_type == FUSE_SUPER_MAGIC && (fstat(fd, &st) || fuse_is_foreign(st.st_dev));
}

static bool is_trusted(uid_t owner, uid_t root) { return owner == 0 || owner == geteuid() || owner == root; }

/* Has the group a member besides root and this user?  One of which nothing is known may have.  Stages are opened before
 * there are threads. */
static bool group_has_others(gid_t gid)
{
	const struct passwd *user;
	const struct group *group;
	bool others = false, somebody = false;

	setpwent();
	while (!others && (user = getpwent())) { /* cppcheck-suppress getpwentCalled */
		if (user->pw_gid != gid)
			continue;
		somebody = true;
		others = user->pw_uid != 0 && user->pw_uid != geteuid();
	}
	endpwent();
	group = others ? NULL : getgrgid(gid); /* cppcheck-suppress getgrgidCalled */
	if (!group)
		return true;
	for (char *const *member = group->gr_mem; !others && *member; member++) {
		user = getpwnam(*member); /* cppcheck-suppress getpwnamCalled */
		somebody = true;
		others = !user || (user->pw_uid != 0 && user->pw_uid != geteuid());
	}
	return others || !somebody;
}

/* Also if that cannot be known. */
static bool has_list(int fd)
{
	char path[FD_PATH_BYTES];

	fd_path(fd, path);
	ssize_t n = getxattr(path, "system.posix_acl_access", NULL, 0);
	return n < 0 ? errno != ENODATA && errno != ENOTSUP : n > 0;
}

/* May somebody else exchange what is in it?  NULL, or how. */
static const char *why_open(int fd, const struct stat *st, uid_t root)
{
	if (!is_trusted(st->st_uid, root))
		return "it belongs to another user";
	if (st->st_mode & S_ISVTX)
		return NULL;
	if (st->st_mode & S_IWOTH)
		return "everybody may write to it (chmod o-w, or +t)";
	if (st->st_mode & S_IWGRP && (has_list(fd) || group_has_others(st->st_gid)))
		return "a group may write to it (chmod g-w)";
	return NULL;
}

/* ---- step by step ---- */

static int refuse(const struct way *w, const char *path, const char *why)
{
	return why_set(w->ret_why, -EACCES,
		       "%s: %s; so somebody else could put a directory of his own in its place. Put that "
		       "right, or take another place (of a stage with -o staging=)",
		       path, why);
}

static bool is_last(const struct way *w) { return !w->rest[strspn(w->rest, "/")]; }

static const char *why_not(const struct way *w, int fd, const struct stat *st)
{
	if (w->path && st->st_dev != w->dev && stage_is_others_fuse(fd))
		return "it is in a file system that another user has mounted";
	return w->how & WAY_OWN && is_last(w) ? NULL : why_open(fd, st, w->root);
}

/* The directory is where the way has come to from now on.  Both are the way's, whatever is returned. */
static int arrive(struct way *w, int fd, char *path)
{
	_close_ int opened = fd;
	_free_ char *owned = path;
	struct stat st;
	const char *why;

	if (opened < 0)
		return -errno;
	if (!owned)
		return -ENOMEM;
	if (fstat(opened, &st))
		return -errno;
	if (!w->path)
		w->root = st.st_uid;
	why = why_not(w, opened, &st);
	if (why)
		return refuse(w, owned, why);
	close_fd(&w->fd);
	free(w->path);
	w->fd = TAKE_FD(opened);
	w->path = TAKE_PTR(owned);
	w->dev = st.st_dev;
	return 0;
}

static int from_root(struct way *w)
{
	char *path = strdup("/");

	return arrive(w, open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), path);
}

static char *below(const struct way *w, const char *name)
{
	char *path;

	return asprintf(&path, "%s/%s", strcmp(w->path, "/") ? w->path : "", name) < 0 ? NULL : path;
}

/* What the link says comes before the rest. */
static int follow(struct way *w, int link, const char *name)
{
	_free_ char *path = below(w, name);
	char text[LINK_BYTES_MAX], *rest;
	struct stat st;
	ssize_t n;

	if (!path)
		return -ENOMEM;
	if (fstat(link, &st) || (n = readlinkat(link, "", text, sizeof(text) - 1)) < 0)
		return -errno;
	if (!is_trusted(st.st_uid, w->root))
		return refuse(w, path, "it is a symbolic link of another user");
	if (++w->n_links > LINKS_MAX)
		return -ELOOP;
	text[n] = 0;
	if (asprintf(&rest, "%s/%s", text, w->rest) < 0)
		return -ENOMEM;
	free(w->rest);
	w->rest = rest;
	return text[0] == '/' ? from_root(w) : 0;
}

static int up(struct way *w)
{
	char *path = strdup(w->path), *slash = path ? strrchr(path, '/') : NULL;

	if (slash)
		slash[slash == path] = 0;
	return arrive(w, openat(w->fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC), path);
}

/* Missing ones are made private, and durable in the directory above. */
static int open_next(struct way *w, const char *name, int *ret)
{
	int fd = openat(w->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT && (w->how & WAY_MAKE_ALL || (w->how & WAY_MAKE_LAST && is_last(w)))) {
		_close_ int above = openat(w->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		int r;

		if (mkdirat(w->fd, name, 0700) && errno != EEXIST)
			return quota_as_space(-errno);
		r = above < 0 ? 0 : fsync_directory(above);
		if (r)
			return r;
		fd = openat(w->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	}
	if (fd < 0)
		return -errno;
	*ret = fd;
	return 0;
}

static int step(struct way *w, const char *name)
{
	_close_ int fd = -1;
	struct stat st;
	int r;

	if (!*name || !strcmp(name, "."))
		return 0;
	if (!strcmp(name, ".."))
		return up(w);
	r = open_next(w, name, &fd);
	if (r)
		return r;
	if (fstat(fd, &st))
		return -errno;
	if (S_ISLNK(st.st_mode))
		return follow(w, fd, name);
	return S_ISDIR(st.st_mode) ? arrive(w, TAKE_FD(fd), below(w, name)) : -ENOTDIR;
}

static int walk(struct way *w)
{
	int r = from_root(w);

	while (!r && *w->rest) {
		_free_ char *name = NULL;
		size_t length = strcspn(w->rest, "/");
		char *rest;

		name = strndup(w->rest, length);
		rest = strdup(w->rest + length + (w->rest[length] == '/'));
		if (!name || !rest) {
			free(rest);
			return -ENOMEM;
		}
		free(w->rest);
		w->rest = rest;
		r = step(w, name);
	}
	return r;
}

int stage_way(const char *path, unsigned how, int *ret_fd, char **ret_path, char **ret_why)
{
	struct way w = {.fd = -1, .how = how, .ret_why = ret_why};
	_free_ char *here = path[0] == '/' ? NULL : getcwd(NULL, 0);
	int r, fd = -1;

	if (path[0] != '/' && !here)
		return -errno;
	if (asprintf(&w.rest, "%s/%s", here ? here : "", path) < 0)
		return -ENOMEM;
	r = walk(&w);
	if (!r && (fd = openat(w.fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		r = -errno;
	free(w.rest);
	close_fd(&w.fd);
	if (r) {
		free(w.path);
		return r;
	}
	*ret_fd = fd;
	*ret_path = w.path;
	return 0;
}
