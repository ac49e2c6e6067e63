/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where a stage lies, and who has it.
 *
 * The lock is flock(2) on the file `lock`: it belongs to the open file, so it goes with the daemon's fork and ends
 * with its last process, however that dies.  The file's text says who holds it (lines: pid, user, disc, the file of
 * the disc and since when something is staged for it, mountpoint; the last to the end of the file).  A reader
 * (cdappendfs-info) takes it shared and writes nothing. A holder that closes an empty stage removes the files under
 * the lock; whoever opened them before sees by the link counts that they are gone, and begins again.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "burner/base/bytes.h"
#include "burner/base/home.h"
#include "burner/base/io.h"
#include "burner/base/own.h"
#include "burner/base/time.h"
#include "fs/stage/internal.h"
#include "fs/stage/vfs.h"

#define LOCK_TEXT_BYTES 16384u
#define LOCK_TRIES 12 /* a reader holds it for a moment only */
#define LOCK_WAIT_MS 25u

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
	free(p->why);
	p->path = p->why = NULL;
}

/* ---- the default root ---- */

int stage_default_root(char **ret)
{
	char *root;

	if (geteuid() != 0)
		return home_path("XDG_STATE_HOME", ".local/state", "cdappendfs", ret);
	root = strdup("/var/lib/cdappendfs");
	if (!root)
		return -ENOMEM;
	*ret = root;
	return 0;
}

int stage_state_directory(const char *directory, const char *name, int *ret_fd, char **ret_why)
{
	_free_ char *root = NULL, *path = NULL, *opened = NULL;
	int r = directory ? 0 : stage_default_root(&root);

	if (!r && (directory ? !(path = strdup(directory)) : asprintf(&path, "%s/%s", root, name) < 0)) {
		path = NULL;
		r = -ENOMEM;
	}
	return r ? r : stage_way(path, WAY_MAKE_ALL, ret_fd, &opened, ret_why);
}

int stage_place_open_root(struct stage_place *p, bool create, char **ret_why)
{
	_free_ char *root = NULL;
	int r = stage_default_root(&root);

	if (!r)
		r = stage_way(root, create ? WAY_MAKE_ALL : 0, &p->root_fd, &p->path, ret_why);
	if (!r)
		p->by_identity = true;
	return r;
}

static int compare_names(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

void stage_list_free(char **names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	free(names);
}

static bool is_stage_name(const char *name, const char *hex)
{
	size_t length = strspn(name, "0123456789abcdef");

	return length == 64 && (!hex || !strncmp(name, hex, 64)) &&
	       (!name[64] || (name[64] == '-' && name[65] && !name[65 + strspn(name + 65, "0123456789")])) &&
	       strlen(name) < STAGE_LEAF_MAX;
}

/* hex NULL: all of them. */
int stage_place_names(const struct stage_place *root, const char *hex, char ***ret, size_t *ret_n)
{
	_close_directory_ DIR *list = directory_open(root->root_fd, ".");
	struct dirent *e;
	char **names = NULL;
	size_t n = 0;
	int r = 0;

	if (!list)
		return -errno;
	while (!r && (e = readdir(list))) {
		char **grown = is_stage_name(e->d_name, hex) ? reallocarray(names, n + 1, sizeof(*names)) : NULL;

		if (!is_stage_name(e->d_name, hex))
			continue;
		names = grown ? grown : names;
		if (!grown || !(names[n] = strdup(e->d_name)))
			r = -ENOMEM;
		else
			n++;
	}
	if (r) {
		stage_list_free(names, n);
		return r;
	}
	if (n)
		qsort(names, n, sizeof(*names), compare_names);
	*ret = names;
	*ret_n = n;
	return 0;
}

/* ---- the mark ----
 * A journal is durable before anything is staged (finish_open()).  From then on one that is empty or missing was
 * emptied or taken away, and what bodies/ holds is not what a crash has left of the first seconds. */

int stage_place_mark(struct stage *s)
{
	_close_ int fd = openat(s->dir_fd, MADE_FILE, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return errno == EEXIST ? 0 : quota_as_space(-errno);
	return fsync_directory(s->dir_fd);
}

int stage_place_check_mark(const struct stage *s)
{
	struct stat st;

	if (fstatat(s->dir_fd, MADE_FILE, &st, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT ? 0 : -errno;
	return -EBADMSG;
}

static void clear_bodies(int dir_fd)
{
	_close_directory_ DIR *list = directory_open(dir_fd, BODIES_DIRECTORY);
	struct dirent *e;

	if (!list)
		return;
	while ((e = readdir(list)))
		if (strlen(e->d_name) == 8 && strspn(e->d_name, "0123456789abcdef") == 8)
			unlinkat(dirfd(list), e->d_name, 0);
	unlinkat(dir_fd, BODIES_DIRECTORY, AT_REMOVEDIR);
}

int stage_place_clear(int dir_fd)
{
	static const char *const files[] = {JOURNAL_FILE, JOURNAL_WAL_FILE, LOCK_FILE};
	int r;

	if (unlinkat(dir_fd, MADE_FILE, 0) && errno != ENOENT)
		return -errno;
	/* SQLite removed its log: were that undone by a power cut and the database gone, the next one made here would
	 * take the log for its own.  And a mark that comes back would speak of a journal that is gone. */
	r = fsync(dir_fd) ? -errno : 0;
	if (r)
		return r;
	clear_bodies(dir_fd);
	for (size_t i = 0; i < ARRAY_LENGTH(files); i++)
		if (unlinkat(dir_fd, files[i], 0) && errno != ENOENT)
			r = -errno;
	return r;
}

/* ---- the directory ---- */

static bool is_ours(const char *name)
{
	return !strncmp(name, JOURNAL_FILE, strlen(JOURNAL_FILE)) || !strcmp(name, BODIES_DIRECTORY) ||
	       !strcmp(name, LOCK_FILE) || !strcmp(name, MADE_FILE) || !strncmp(name, "control", 7) ||
	       !strcmp(name, ".") || !strcmp(name, "..");
}

/* A directory without a journal must be empty, so that nobody's files get mixed up with ours. */
static int check_strangers(const struct stage_place *p, char **ret_why)
{
	_close_directory_ DIR *directory = NULL;
	struct stat st;
	struct dirent *entry;
	int r = 0;

	if (!fstatat(p->dir_fd, JOURNAL_FILE, &st, AT_SYMLINK_NOFOLLOW))
		return 0;
	directory = directory_open(p->dir_fd, ".");
	if (!directory)
		return -errno;
	while (!r && (entry = readdir(directory)))
		if (!is_ours(entry->d_name))
			r = why_set(ret_why, -ENOTEMPTY, "%s is not a staging directory: it holds other files (%s)",
				    p->path, entry->d_name);
	return r;
}

static int check_owner(const struct stage_place *p, char **ret_why)
{
	struct stat st;

	if (fstat(p->dir_fd, &st))
		return -errno;
	if (st.st_uid != geteuid())
		return why_set(ret_why, -EACCES, "staging directory %s belongs to another user (%u)", p->path,
			       (unsigned)st.st_uid);
	if (st.st_mode & 022)
		return why_set(ret_why, -EACCES, "others may write to the staging directory %s: chmod 700 it", p->path);
	return 0;
}

static int open_below_root(struct stage_place *p, const char *name, enum place_how how)
{
	char *path;

	if (how == PLACE_CREATE) {
		int r;

		if (mkdirat(p->root_fd, name, 0700) && errno != EEXIST)
			return quota_as_space(-errno);
		/* Also when it was there: who made it may have been killed before this. */
		r = fsync_directory(p->root_fd);
		if (r)
			return r;
	}
	p->dir_fd = openat(p->root_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (p->dir_fd < 0)
		return -errno;
	snprintf(p->leaf, sizeof(p->leaf), "%s", name);
	if (asprintf(&path, "%s/%s", p->path, name) < 0)
		return -ENOMEM;
	free(p->path);
	p->path = path;
	return 0;
}

static int open_directory(struct stage_place *p, const char *name, enum place_how how, char **ret_why)
{
	char *path;
	int r;

	if (p->by_identity)
		return open_below_root(p, name, how);
	r = stage_way(name, WAY_OWN | (how == PLACE_CREATE ? WAY_MAKE_LAST : 0), &p->dir_fd, &path, ret_why);
	if (r)
		return r;
	free(p->path);
	p->path = path;
	return 0;
}

int stage_place_check_file(const char *directory, const char *name, int fd, char **ret_why)
{
	struct stat st;
	const char *why;

	if (fstat(fd, &st))
		return -errno;
	why = vfs_why_not_ours(&st);
	return why ? why_set(ret_why, S_ISREG(st.st_mode) ? -EACCES : -EBADMSG,
			     "%s in the stage %s was not put there by this user: %s. Nothing of it is used; move it "
			     "away, "
			     "and put back what was there",
			     name, directory, why) :
		     0;
}

/* ---- the lock ---- */

static void parse_origin(const char *text, struct stage_holder *holder)
{
	const char *at = strstr(text, "file ");
	long long born, begun;
	int device;

	if (!at ||
	    sscanf(at, "file %d %" SCNu64 " %" SCNu64 " %lld %ld\nbegun %lld %ld", &device, &holder->origin.dev,
		   &holder->origin.ino, &born, &holder->origin.born.tv_nsec, &begun, &holder->begun.tv_nsec) != 7)
		return;
	holder->origin.known = true;
	holder->origin.device = device != 0;
	holder->origin.born.tv_sec = (time_t)born;
	holder->begun.tv_sec = (time_t)begun;
}

/* "image LENGTH PATH": the path is as long as it says, whatever is in it.  Where the lines before it end;
 * *ret_rest: what comes behind it. */
static char *parse_disc(char *text, struct stage_holder *holder, char **ret_rest)
{
	char *at = strstr(text, "\nimage "), *path;
	unsigned long length;

	*ret_rest = text;
	if (!at) {
		at = strstr(text, "mountpoint ");
		return at ? at : text + strlen(text);
	}
	length = strtoul(at + 7, &path, 10);
	if (*path != ' ' || length >= sizeof(holder->disc) || length >= strlen(path))
		return at;
	memcpy(holder->disc, path + 1, length);
	*ret_rest = path + 1 + length;
	return at + 1;
}

static void parse_holder(char *text, struct stage_holder *holder, char bound[65])
{
	char *at, *end, *rest;

	*holder = (struct stage_holder){.user = STAGE_MOUNTED};
	bound[0] = 0;
	parse_origin(text, holder);
	end = parse_disc(text, holder, &rest);
	at = strstr(rest, "mountpoint ");
	if (at) {
		size_t length = strlen(at + 11);

		if (length && at[11 + length - 1] == '\n')
			at[11 + length - 1] = 0;
		snprintf(holder->mountpoint, sizeof(holder->mountpoint), "%s", at + 11);
	}
	*end = 0; /* a path may look like the lines before it */
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
	for (int i = 0;; i++) {
		if (!flock(fd, (shared ? LOCK_SH : LOCK_EX) | LOCK_NB))
			return 0;
		if (errno == EINTR)
			continue;
		if (errno != EWOULDBLOCK)
			return -errno;
		if (shared || i == LOCK_TRIES)
			return -EBUSY;
		sleep_ms(LOCK_WAIT_MS);
	}
}

static int lock_place(struct stage_place *p, enum place_how how, struct stage_holder *ret_holder, char ret_bound[65],
		      char **ret_why)
{
	struct stage_holder holder = {.pid = 0};
	struct stat lock, directory;
	int flags = (how == PLACE_READ ? O_RDONLY : O_RDWR | O_CREAT) | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
	int r;

	p->lock_fd = openat(p->dir_fd, LOCK_FILE, flags, 0600);
	if (p->lock_fd < 0)
		return -errno;
	r = stage_place_check_file(p->path, LOCK_FILE, p->lock_fd, ret_why);
	if (r)
		return r;
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
	int r = open_directory(p, name, how, ret_why);

	if (!r)
		r = check_owner(p, ret_why);
	if (!r && how != PLACE_READ)
		r = check_strangers(p, ret_why);
	if (!r)
		r = lock_place(p, how, ret_holder, ret_bound, ret_why);
	return r;
}

void stage_place_write_lock(struct stage *s)
{
	_free_ char *text = NULL;
	char hex[65], file[160] = "";
	int n;

	if (s->read_only || s->lock_fd < 0)
		return;
	stage_place_hex(s->identity.id, hex);
	if (s->here.known)
		snprintf(file, sizeof(file), "file %d %" PRIu64 " %" PRIu64 " %lld %ld\nbegun %lld %ld\n",
			 s->here.device, s->here.dev, s->here.ino, (long long)s->here.born.tv_sec, s->here.born.tv_nsec,
			 (long long)s->begun.tv_sec, s->begun.tv_nsec);
	n = asprintf(&text, "pid %d\nstate %s\ndisc %s\n%simage %zu %s\nmountpoint %s\n", (int)getpid(),
		     s->user == STAGE_FINISHING ? "finishing" : "mounted", hex, file, strlen(s->disc_path),
		     s->disc_path, s->mountpoint);
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
