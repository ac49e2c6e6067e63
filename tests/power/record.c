/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * record.c - writes down every call by which a program changes files below POWER_ROOT
 *
 * Preloaded into the daemon (power_record.so), or linked into a program that calls power_record_begin(): a program's
 * own definition of a call comes before that of libc, for its libraries too.
 *
 * One lock is held over each call and its record, so the log is the order in which things happened.  A call that
 * changes a file in a way this does not know is recorded as such and fails the test; whether a call was missed
 * altogether is seen by comparing the files with what the whole log makes of them (disk.c).  Calls go to the kernel
 * directly, in their newest form.
 */
#undef _FILE_OFFSET_BITS /* both names of each call are defined here, and are one on 64-bit machines */
#include <errno.h>
#include <limits.h>
#include <linux/falloc.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "tests/power/log.h"

_Static_assert(sizeof(off_t) == 8, "a 64-bit machine");
#define ALIAS(name, of) extern __typeof__(of) name __attribute__((alias(#of)))

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int log_fd = -1;
static char root[PATH_MAX];
static size_t root_length;
static dev_t root_device;

void power_record_begin(void)
{
	const char *path = getenv("POWER_LOG"), *top = getenv("POWER_ROOT");
	struct stat st;

	if (!path || !top || stat(top, &st) || !realpath(top, root))
		return;
	root_device = st.st_dev;
	root_length = strlen(root);
	log_fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (log_fd >= 0)
		/* out of the way of programs that close what they do not know */
		log_fd = fcntl(log_fd, F_DUPFD_CLOEXEC, 500);
}

__attribute__((constructor)) static void begin_if_asked(void) { power_record_begin(); }

/* Is that file, or directory, recorded? */
static bool tracked(int fd, struct stat *ret)
{
	char link[64], path[PATH_MAX];
	ssize_t n;

	if (log_fd < 0 || fd < 0 || fstat(fd, ret) || ret->st_dev != root_device ||
	    !(S_ISREG(ret->st_mode) || S_ISDIR(ret->st_mode)))
		return false;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n < (ssize_t)root_length)
		return false;
	path[n] = '\0';
	return !memcmp(path, root, root_length) && (path[root_length] == '\0' || path[root_length] == '/');
}

/* A name, the directory it is in, and what it stands for now. */
struct place {
	struct stat dir, st;
	bool tracked, exists;
	char name[NAME_MAX + 1];
};

static void look(int at, const char *path, struct place *p)
{
	const char *slash = strrchr(path, '/');
	char parent[PATH_MAX];
	int fd, r = errno;

	memset(p, 0, sizeof(*p));
	if (log_fd >= 0) {
		snprintf(p->name, sizeof(p->name), "%s", slash ? slash + 1 : path);
		snprintf(parent, sizeof(parent), "%.*s", slash ? (int)(slash - path) + (slash == path) : 1,
			 slash ? path : ".");
		fd = (int)syscall(SYS_openat, at, parent, O_PATH | O_CLOEXEC);
		p->tracked = tracked(fd, &p->dir);
		p->exists = fd >= 0 && !fstatat(fd, p->name, &p->st, AT_SYMLINK_NOFOLLOW);
		if (fd >= 0)
			close(fd);
	}
	errno = r;
}

static void put(struct power_record r, const char *name, const char *name2, const void *data)
{
	int error = errno;

	r.name_bytes = (uint32_t)strlen(name);
	r.name2_bytes = (uint32_t)strlen(name2);
	power_append(log_fd, &r, name, name2, data);
	errno = error;
}

static void put_unknown(const char *call)
{
	put((struct power_record){.op = POWER_UNKNOWN, .data_bytes = (uint32_t)strlen(call)}, "", "", call);
}

static long end(long result)
{
	int r = errno;

	pthread_mutex_unlock(&lock);
	errno = r;
	return result;
}

/* ---- opening ---- */

static int do_open(int at, const char *path, int flags, mode_t mode)
{
	struct place p;
	struct stat st;
	int fd;

	if (!(flags & (O_CREAT | O_TRUNC)) || log_fd < 0)
		return (int)syscall(SYS_openat, at, path, flags, mode);
	pthread_mutex_lock(&lock);
	look(at, path, &p);
	fd = (int)syscall(SYS_openat, at, path, flags, mode);
	if (fd >= 0 && p.tracked && !fstat(fd, &st)) {
		if (!p.exists)
			put((struct power_record){.op = POWER_CREATE, .dir = p.dir.st_ino, .ino = st.st_ino}, p.name,
			    "", "");
		else if (flags & O_TRUNC)
			put((struct power_record){.op = POWER_TRUNCATE, .ino = st.st_ino}, "", "", "");
	}
	return (int)end(fd);
}

static mode_t mode_of(int flags, va_list arguments)
{
	return flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(arguments, mode_t) : 0;
}

int open(const char *path, int flags, ...)
{
	va_list arguments;
	mode_t mode;

	va_start(arguments, flags);
	mode = mode_of(flags, arguments);
	va_end(arguments);
	return do_open(AT_FDCWD, path, flags, mode);
}
ALIAS(open64, open);

int openat(int at, const char *path, int flags, ...)
{
	va_list arguments;
	mode_t mode;

	va_start(arguments, flags);
	mode = mode_of(flags, arguments);
	va_end(arguments);
	return do_open(at, path, flags, mode);
}
ALIAS(openat64, openat);

/* The fortified ones. */
int __open_2(const char *path, int flags);
int __openat_2(int at, const char *path, int flags);
int __open_2(const char *path, int flags) { return do_open(AT_FDCWD, path, flags, 0); }
int __openat_2(int at, const char *path, int flags) { return do_open(at, path, flags, 0); }
ALIAS(__open64_2, __open_2);
ALIAS(__openat64_2, __openat_2);

int creat(const char *path, mode_t mode) { return do_open(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }
ALIAS(creat64, creat);

/* ---- data ---- */

static ssize_t written(int fd, const void *buf, off_t offset, ssize_t n, const struct stat *st)
{
	(void)fd;
	if (n > 0)
		put((struct power_record){.op = POWER_WRITE,
					  .ino = st->st_ino,
					  .offset = (uint64_t)offset,
					  .data_bytes = (uint32_t)n},
		    "", "", buf);
	return (ssize_t)end(n);
}

ssize_t pwrite(int fd, const void *buf, size_t length, off_t offset)
{
	struct stat st;

	if (!tracked(fd, &st))
		return syscall(SYS_pwrite64, fd, buf, length, offset);
	pthread_mutex_lock(&lock);
	return written(fd, buf, offset, syscall(SYS_pwrite64, fd, buf, length, offset), &st);
}
ALIAS(pwrite64, pwrite);

ssize_t write(int fd, const void *buf, size_t length)
{
	struct stat st;
	off_t offset;

	if (!tracked(fd, &st))
		return syscall(SYS_write, fd, buf, length);
	pthread_mutex_lock(&lock);
	offset = fcntl(fd, F_GETFL) & O_APPEND ? st.st_size : lseek(fd, 0, SEEK_CUR);
	return written(fd, buf, offset, syscall(SYS_write, fd, buf, length), &st);
}

static int truncated(long result, const struct stat *st, off_t length)
{
	if (!result)
		put((struct power_record){.op = POWER_TRUNCATE, .ino = st->st_ino, .offset = (uint64_t)length}, "", "",
		    "");
	return (int)end(result);
}

int ftruncate(int fd, off_t length)
{
	struct stat st;

	if (!tracked(fd, &st))
		return (int)syscall(SYS_ftruncate, fd, length);
	pthread_mutex_lock(&lock);
	return truncated(syscall(SYS_ftruncate, fd, length), &st, length);
}
ALIAS(ftruncate64, ftruncate);

int truncate(const char *path, off_t length)
{
	struct place p;

	pthread_mutex_lock(&lock);
	look(AT_FDCWD, path, &p);
	if (p.tracked && p.exists)
		return truncated(syscall(SYS_truncate, path, length), &p.st, length);
	return (int)end(syscall(SYS_truncate, path, length));
}
ALIAS(truncate64, truncate);

int fallocate(int fd, int mode, off_t offset, off_t length)
{
	struct stat st;
	int r;

	if (!tracked(fd, &st))
		return (int)syscall(SYS_fallocate, fd, mode, offset, length);
	pthread_mutex_lock(&lock);
	r = (int)syscall(SYS_fallocate, fd, mode, offset, length);
	if (!r && mode == (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE))
		put((struct power_record){.op = POWER_ZERO,
					  .ino = st.st_ino,
					  .offset = (uint64_t)offset,
					  .length = (uint64_t)length},
		    "", "", "");
	else if (!r && mode == 0)
		put((struct power_record){.op = POWER_GROW, .ino = st.st_ino, .offset = (uint64_t)(offset + length)},
		    "", "", "");
	else if (!r && mode != FALLOC_FL_KEEP_SIZE)
		put_unknown("fallocate");
	return (int)end(r);
}
ALIAS(fallocate64, fallocate);

/* ---- durability: it counts for what was recorded before it began, since all calls wait for each other ---- */

static int sync_file(long call, int fd)
{
	struct stat st;
	long result;

	if (!tracked(fd, &st))
		return (int)syscall(call, fd);
	pthread_mutex_lock(&lock);
	result = syscall(call, fd);
	if (!result)
		put((struct power_record){.op = POWER_FSYNC, .ino = st.st_ino}, "", "", "");
	return (int)end(result);
}

int fsync(int fd) { return sync_file(SYS_fsync, fd); }
int fdatasync(int fd) { return sync_file(SYS_fdatasync, fd); }

int syncfs(int fd)
{
	pthread_mutex_lock(&lock);
	put((struct power_record){.op = POWER_SYNC}, "", "", "");
	return (int)end(syscall(SYS_syncfs, fd));
}

/* ---- names ---- */

int mkdirat(int at, const char *path, mode_t mode)
{
	struct place p;
	struct stat st;
	long result;

	pthread_mutex_lock(&lock);
	look(at, path, &p);
	result = syscall(SYS_mkdirat, at, path, mode);
	if (!result && p.tracked && !fstatat(at, path, &st, 0))
		put((struct power_record){.op = POWER_MKDIR, .dir = p.dir.st_ino, .ino = st.st_ino}, p.name, "", "");
	return (int)end(result);
}
int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

int unlinkat(int at, const char *path, int flags)
{
	struct place p;
	long result;

	pthread_mutex_lock(&lock);
	look(at, path, &p);
	result = syscall(SYS_unlinkat, at, path, flags);
	if (!result && p.tracked)
		put((struct power_record){.op = POWER_UNLINK, .dir = p.dir.st_ino, .ino = p.st.st_ino}, p.name, "", "");
	return (int)end(result);
}
int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }

int renameat2(int at, const char *path, int at2, const char *path2, unsigned flags)
{
	struct place p, to;
	long result;

	pthread_mutex_lock(&lock);
	look(at, path, &p);
	look(at2, path2, &to);
	result = syscall(SYS_renameat2, at, path, at2, path2, flags);
	if (!result && (p.tracked || to.tracked))
		put((struct power_record){.op = POWER_RENAME,
					  .dir = p.dir.st_ino,
					  .dir2 = to.dir.st_ino,
					  .offset = flags & RENAME_EXCHANGE,
					  .ino = p.st.st_ino},
		    p.name, to.name, "");
	return (int)end(result);
}
int renameat(int at, const char *path, int at2, const char *path2) { return renameat2(at, path, at2, path2, 0); }
int rename(const char *path, const char *path2) { return renameat2(AT_FDCWD, path, AT_FDCWD, path2, 0); }

int linkat(int at, const char *path, int at2, const char *path2, int flags)
{
	struct place p, to;
	long result;

	pthread_mutex_lock(&lock);
	look(at, path, &p);
	look(at2, path2, &to);
	result = syscall(SYS_linkat, at, path, at2, path2, flags);
	if (!result && to.tracked)
		put((struct power_record){.op = POWER_LINK, .dir = to.dir.st_ino, .ino = p.st.st_ino}, to.name, "", "");
	return (int)end(result);
}
int link(const char *path, const char *path2) { return linkat(AT_FDCWD, path, AT_FDCWD, path2, 0); }

int symlinkat(const char *target, int at, const char *path)
{
	struct place p;
	long result;

	pthread_mutex_lock(&lock);
	look(at, path, &p);
	result = syscall(SYS_symlinkat, target, at, path);
	if (!result && p.tracked)
		put_unknown("symlink");
	return (int)end(result);
}
int symlink(const char *target, const char *path) { return symlinkat(target, AT_FDCWD, path); }

/* ---- what would change a file unseen ---- */

static void unknown_if_tracked(int fd, const char *call)
{
	struct stat st;

	pthread_mutex_lock(&lock);
	if (tracked(fd, &st))
		put_unknown(call);
	end(0);
}

void *mmap(void *at, size_t length, int protection, int flags, int fd, off_t offset)
{
	if (fd >= 0 && flags & MAP_SHARED && protection & PROT_WRITE)
		unknown_if_tracked(fd, "mmap");
	return (void *)(uintptr_t)syscall(SYS_mmap, at, length, protection, flags, fd, offset);
}
ALIAS(mmap64, mmap);

ssize_t copy_file_range(int from, off_t *from_offset, int to, off_t *to_offset, size_t length, unsigned flags)
{
	unknown_if_tracked(to, "copy_file_range");
	return syscall(SYS_copy_file_range, from, from_offset, to, to_offset, length, flags);
}

ssize_t splice(int from, off_t *from_offset, int to, off_t *to_offset, size_t length, unsigned flags)
{
	unknown_if_tracked(to, "splice");
	return syscall(SYS_splice, from, from_offset, to, to_offset, length, flags);
}

ssize_t writev(int fd, const struct iovec *parts, int n)
{
	if (fd != log_fd)
		unknown_if_tracked(fd, "writev");
	return syscall(SYS_writev, fd, parts, n);
}

ssize_t pwritev(int fd, const struct iovec *parts, int n, off_t offset)
{
	unknown_if_tracked(fd, "pwritev");
	return syscall(SYS_pwritev, fd, parts, n, offset, 0);
}
ALIAS(pwritev64, pwritev);
