/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where a stage lies, and who has it.
 *
 * The lock is flock(2) on the file `lock`: it belongs to the open file, so it goes with the daemon's fork and ends
 * with its last process, however that dies.  The file's text says who holds it (lines: pid, user, disc, mountpoint;
 * the last to the end of the file).  A reader (cdappendfs-info) takes it shared and writes nothing. A holder that
 * closes an empty stage removes the files under the lock; whoever opened them before sees by the link counts that
 * they are gone, and begins again.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "burner/base/io.h"
#include "burner/base/own.h"
#include "fs/stage/internal.h"

#define LOCK_TEXT_BYTES 8192u
#define LOCK_TRIES 12 /* a reader holds it for a moment only */
#define LOCK_WAIT_NS 25000000l

int stage_why(char **ret_why, int error, const char *format, ...)
{
	va_list arguments;
	char *text = NULL;

	if (!ret_why)
		return error;
	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		text = NULL;
	va_end(arguments);
	free(*ret_why);
	*ret_why = text;
	return error;
}

void stage_place_hex(const uint8_t id[32], char ret[65])
{
	for (int i = 0; i < 32; i++)
		snprintf(ret + 2 * i, 3, "%02x", id[i]);
}

void stage_place_release(struct stage_place *p)
{
	close_fd(&p->lock_fd);
	close_fd(&p->dir_fd);
	close_fd(&p->root_fd);
	free(p->path);
	p->path = NULL;
}

/* ---- the default root ---- */

/* mount(8) hands root's HOME to the helper that it runs for a user: then the user database says where he is at home. */
static const char *home_directory(char *buf, size_t size)
{
	const char *home = getenv("HOME");
	struct passwd user, *found = NULL;
	struct stat st;

	if (home && home[0] == '/' && stat(home, &st) == 0 && st.st_uid == geteuid())
		return home;
	return getpwuid_r(geteuid(), &user, buf, size, &found) == 0 && found ? found->pw_dir : home;
}

int stage_default_root(char **ret)
{
	char buf[4096];
	const char *state = getenv("XDG_STATE_HOME"), *home = home_directory(buf, sizeof(buf));
	char *root = NULL;
	int n;

	if (geteuid() == 0)
		n = asprintf(&root, "/var/lib/cdappendfs");
	else if (state && state[0] == '/')
		n = asprintf(&root, "%s/cdappendfs", state);
	else if (home && home[0] == '/')
		n = asprintf(&root, "%s/.local/state/cdappendfs", home);
	else
		return -ENOENT;
	if (n < 0)
		return -ENOMEM;
	*ret = root;
	return 0;
}

/* Parents too; those that are missing are made private. */
static int make_path(char *path)
{
	for (char *slash = strchr(path + 1, '/');; slash = strchr(slash + 1, '/')) {
		bool made;
		int r = 0;

		if (slash)
			*slash = 0;
		made = mkdir(path, 0700) == 0;
		if (!made && errno != EEXIST)
			r = -errno;
		if (!r && (made || !slash))
			r = fsync_parent(path);
		if (slash)
			*slash = '/';
		if (r || !slash)
			return r;
	}
}

int stage_place_open_root(struct stage_place *p, bool create)
{
	_free_ char *root = NULL, *real = NULL;
	int r = stage_default_root(&root);

	if (!r && create)
		r = make_path(root);
	if (r)
		return r;
	real = realpath(root, NULL);
	if (!real)
		return -errno;
	p->root_fd = open(real, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (p->root_fd < 0)
		return -errno;
	p->path = TAKE_PTR(real);
	p->by_identity = true;
	return 0;
}

/* ---- the directory ---- */

static bool is_ours(const char *name)
{
	return !strncmp(name, JOURNAL_FILE, strlen(JOURNAL_FILE)) || !strcmp(name, BODIES_DIRECTORY) ||
	       !strcmp(name, LOCK_FILE) || !strncmp(name, "control", 7) || !strcmp(name, ".") || !strcmp(name, "..");
}

/* A directory without a journal must be empty, so that nobody's files get mixed up with ours. */
static int check_strangers(const struct stage_place *p, char **ret_why)
{
	struct stat st;
	DIR *directory;
	struct dirent *entry;
	int fd, r = 0;

	if (!fstatat(p->dir_fd, JOURNAL_FILE, &st, AT_SYMLINK_NOFOLLOW))
		return 0;
	fd = openat(p->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	directory = fd < 0 ? NULL : fdopendir(fd);
	if (!directory) {
		r = -errno;
		close_fd(&fd);
		return r;
	}
	while (!r && (entry = readdir(directory)))
		if (!is_ours(entry->d_name))
			r = stage_why(ret_why, -ENOTEMPTY, "%s is not a staging directory: it holds other files (%s)",
				      p->path, entry->d_name);
	closedir(directory);
	return r;
}

static int check_owner(const struct stage_place *p, char **ret_why)
{
	struct stat st;

	if (fstat(p->dir_fd, &st))
		return -errno;
	if (st.st_uid != geteuid())
		return stage_why(ret_why, -EACCES, "staging directory %s belongs to another user (%u)", p->path,
				 (unsigned)st.st_uid);
	if (st.st_mode & 022)
		return stage_why(ret_why, -EACCES, "others may write to the staging directory %s: chmod 700 it",
				 p->path);
	return 0;
}

static int open_directory(struct stage_place *p, const char *name, enum place_how how)
{
	int at = p->by_identity ? p->root_fd : AT_FDCWD;
	char *path = NULL;

	if (how == PLACE_CREATE) {
		int r;

		if (mkdirat(at, name, 0700) && errno != EEXIST)
			return quota_as_space(-errno);
		/* Also when it was there: who made it may have been killed before this. */
		r = p->by_identity ? fsync_directory(p->root_fd) : fsync_parent(name);
		if (r)
			return r;
	}
	p->dir_fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (p->by_identity ? O_NOFOLLOW : 0));
	if (p->dir_fd < 0)
		return -errno;
	if (p->by_identity) {
		snprintf(p->leaf, sizeof(p->leaf), "%s", name);
		if (asprintf(&path, "%s/%s", p->path, name) < 0)
			return -ENOMEM;
	} else {
		path = realpath(name, NULL);
		if (!path)
			return -errno;
	}
	free(p->path);
	p->path = path;
	return 0;
}

/* ---- the lock ---- */

static void parse_holder(char *text, struct stage_holder *holder, char bound[65])
{
	char *at;

	*holder = (struct stage_holder){.user = STAGE_MOUNTED};
	bound[0] = 0;
	at = strstr(text, "mountpoint ");
	if (at) {
		size_t length = strlen(at + 11);

		if (length && at[11 + length - 1] == '\n')
			at[11 + length - 1] = 0;
		snprintf(holder->mountpoint, sizeof(holder->mountpoint), "%s", at + 11);
		*at = 0; /* a path may look like the lines before it */
	}
	at = strstr(text, "pid ");
	if (at)
		holder->pid = (int32_t)strtol(at + 4, NULL, 10);
	if (strstr(text, "state finishing\n"))
		holder->user = STAGE_FINISHING;
	at = strstr(text, "disc ");
	if (at)
		snprintf(bound, 65, "%.64s", at + 5);
}

static void read_holder(int fd, struct stage_holder *holder, char bound[65])
{
	_free_ char *text = calloc(1, LOCK_TEXT_BYTES);

	if (text && pread(fd, text, LOCK_TEXT_BYTES - 1, 0) >= 0)
		parse_holder(text, holder, bound);
}

static int take_lock(int fd, bool shared)
{
	const struct timespec wait = {0, LOCK_WAIT_NS};

	for (int i = 0;; i++) {
		if (!flock(fd, (shared ? LOCK_SH : LOCK_EX) | LOCK_NB))
			return 0;
		if (errno == EINTR)
			continue;
		if (errno != EWOULDBLOCK)
			return -errno;
		if (shared || i == LOCK_TRIES)
			return -EBUSY;
		nanosleep(&wait, NULL);
	}
}

static int lock_place(struct stage_place *p, enum place_how how, struct stage_holder *ret_holder, char ret_bound[65])
{
	struct stage_holder holder = {.pid = 0};
	struct stat lock, directory;
	int flags = (how == PLACE_READ ? O_RDONLY : O_RDWR | O_CREAT) | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
	int r;

	p->lock_fd = openat(p->dir_fd, LOCK_FILE, flags, 0600);
	if (p->lock_fd < 0)
		return -errno;
	if (fstat(p->lock_fd, &lock))
		return -errno;
	if (!S_ISREG(lock.st_mode))
		return -EBADMSG;
	r = take_lock(p->lock_fd, how == PLACE_READ);
	if (r == -EBUSY) {
		read_holder(p->lock_fd, &holder, ret_bound);
		if (ret_holder)
			*ret_holder = holder;
	}
	if (r)
		return r;
	if (fstat(p->lock_fd, &lock) || fstat(p->dir_fd, &directory))
		return -errno;
	return lock.st_nlink && directory.st_nlink ? 0 : -EAGAIN;
}

int stage_place_open(struct stage_place *p, const char *name, enum place_how how, struct stage_holder *ret_holder,
		     char ret_bound[65], char **ret_why)
{
	int r = open_directory(p, name, how);

	if (!r)
		r = check_owner(p, ret_why);
	if (!r && how != PLACE_READ)
		r = check_strangers(p, ret_why);
	if (!r)
		r = lock_place(p, how, ret_holder, ret_bound);
	return r;
}

void stage_place_write_lock(struct stage *s)
{
	_free_ char *text = NULL;
	char hex[65];
	int n;

	if (s->read_only || s->lock_fd < 0)
		return;
	stage_place_hex(s->identity.id, hex);
	n = asprintf(&text, "pid %d\nstate %s\ndisc %s\nmountpoint %s\n", (int)getpid(),
		     s->user == STAGE_FINISHING ? "finishing" : "mounted", hex, s->mountpoint);
	if (n < 0) {
		text = NULL;
		return;
	}
	/* For messages only: the lock itself does not depend on it. */
	if (pwrite(s->lock_fd, text, (size_t)n, 0) != n || ftruncate(s->lock_fd, n))
		return;
}

void stage_place_clear_lock(struct stage *s)
{
	if (!s->read_only && s->lock_fd >= 0 && ftruncate(s->lock_fd, 0))
		return;
}
