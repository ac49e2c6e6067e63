/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * names.h - operations on names and attributes
 */
#ifndef TESTS_MODEL_NAMES_H
#define TESTS_MODEL_NAMES_H

#include <linux/fs.h>

#include "tests/model/files.h"

/* Names that ISO 9660, Joliet or programs stumble over. */
static inline const char *random_name(void)
{
	static char long_name[256];
	static const char *const names[] = {"a",
					    "b",
					    "c",
					    "d",
					    "e",
					    "f",
					    "g",
					    "h",
					    "i",
					    "j",
					    "UPPER",
					    "upper",
					    "Upper.Txt",
					    "two words",
					    "a;1",
					    "many.dots.in.it",
					    "dot.",
					    ".hidden",
					    "-dash",
					    "Zażółć gęślą",
					    "日本語 😀",
					    "same prefix, more than sixty-four characters of it, as Joliet cuts 1",
					    "same prefix, more than sixty-four characters of it, as Joliet cuts 2",
					    "tab\tand \\ * ?"};
	size_t n = sizeof(names) / sizeof(*names), i = below(n + 3);

	if (i < n)
		return names[i];
	size_t length = i == n ? 255 : i == n + 1 ? 200 : 130 + below(30);
	memset(long_name, 'n', length);
	long_name[length - 1] = (char)('0' + below(3));
	long_name[length] = 0;
	return long_name;
}

static inline void random_path(char *ret, size_t size)
{
	const struct node *dir = percent(15) ? NULL : pick(percent(97) ? S_IFDIR : S_IFREG);

	/* Nothing grows deeper than that. */
	while (dir && strlen(dir->path) > 700)
		dir = percent(50) ? NULL : pick(S_IFDIR);
	snprintf(ret, size, "%s%s%s", dir ? dir->path : "", dir ? "/" : "", random_name());
}

/*
 * Without default_permissions the kernel knows no sticky bit: a chown that takes the set-id bits away takes it too,
 * and fs.protected_regular and its like do not hold in a directory.  So it stands alone here.
 */
static inline mode_t random_mode(void)
{
	mode_t mode = (mode_t)(percent(70) ? 0600 | below(0200) : below(010000));

	return mode & (S_ISUID | S_ISGID | S_IWGRP | S_IWOTH) ? mode & ~(mode_t)S_ISVTX : mode;
}

/* ---- opening ---- */
static inline struct held *keep(const int fd[SIDES])
{
	struct held *h = &model.held[below(HELD)];
	struct stat st[SIDES];

	if (h->used || BOTH(fstat(fd[s], &st[s])) < 0)
		return NULL;
	*h = (struct held){.fd = {fd[MOUNT], fd[PLAIN]},
			   .used = true,
			   .directory = S_ISDIR(st[PLAIN].st_mode),
			   .mount_ino = st[MOUNT].st_ino,
			   .plain_ino = st[PLAIN].st_ino};
	return h;
}

static inline void do_open(void)
{
	static const int access[] = {O_RDWR, O_RDWR, O_RDWR, O_WRONLY, O_RDONLY};
	static char buf[(1 << 21) + 8];
	char path[2048];
	const struct node *n = pick(percent(95) ? S_IFREG : 0);
	int flags = access[below(5)] | O_NOFOLLOW | O_NONBLOCK, fd[SIDES];
	mode_t mode = random_mode();

	if (percent(50) || !n)
		random_path(path, sizeof(path));
	else if (S_ISCHR(n->mode) || S_ISBLK(n->mode))
		return;
	else
		snprintf(path, sizeof(path), "%.2000s", n->path);
	flags |= (percent(70) ? O_CREAT : 0) | (percent(15) ? O_EXCL : 0) | (percent(15) ? O_TRUNC : 0) |
		 (percent(15) ? O_APPEND : 0);
	if (!(flags & O_CREAT))
		flags &= ~O_EXCL;
	struct stat st;
	if (fstatat(model.root[PLAIN], path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)))
		return;
	tell("open %s flags %o mode %o", path, flags, mode);
	model.stale = true;
	if (!BOTH_OPEN(fd, openat(model.root[s], path, flags, mode)))
		return;
	if (fstat(fd[PLAIN], &st) == 0 && S_ISREG(st.st_mode)) {
		size_t length = random_length();
		if (percent(60)) {
			fill(buf, length);
			tell("open %s flags %o mode %o, write %zu", path, flags, mode, length);
			BOTH(write(fd[s], buf, length));
			follow(fd);
		}
		struct held *h = percent(40) ? keep(fd) : NULL;
		if (h) {
			tell("open %s flags %o mode %o, write, kept as handle %d", path, flags, mode,
			     (int)(h - model.held));
			return;
		}
	}
	close_both(fd);
}

/* What changes from one version of a file to the next: nothing, a byte or a block here and there, its end. */
static inline ssize_t change_version(char *buf, ssize_t n)
{
	unsigned changes = percent(40) ? 0 : 1 + (unsigned)below(percent(10) ? 200 : 4);

	for (; n && changes; changes--) {
		size_t at = percent(50) ? below((uint64_t)n) : below((uint64_t)n) / 2048 * 2048,
		       length = percent(50) ? 1 : 2048;

		fill(buf + at, length < (size_t)n - at ? length : (size_t)n - at);
	}
	if (percent(80))
		return n;
	return percent(50) || n + 3000 > FILE_BYTES_MAX ? (ssize_t)below((uint64_t)n + 1) : n + (ssize_t)below(3000);
}

/* A whole file, or nearly, as a new one, or in the place of another: cp, backups, rsync. */
static inline void do_version(void)
{
	static char buf[FILE_BYTES_MAX + 8];
	const struct node *n;
	char path[2048];
	struct file from;
	int fd[SIDES];

	if (!borrow(&from))
		return;
	ssize_t length = read_all(from.fd[PLAIN], buf, FILE_BYTES_MAX, 0);
	give_back(&from);
	if (length < 0)
		return;
	memset(buf + length, 'v', (size_t)(FILE_BYTES_MAX - length));
	length = change_version(buf, length);
	random_path(path, sizeof(path));
	tell("%zd bytes like those of %s to the new file %s", length, from.name, path);
	model.stale = true;
	if (!BOTH_OPEN(fd, openat(model.root[s], path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0644)))
		return;
	BOTH(pwrite(fd[s], buf, (size_t)length, 0));
	follow(fd);
	close_both(fd);
	n = percent(50) ? pick(S_IFREG) : NULL;
	if (n) {
		tell("rename %s over %s", path, n->path);
		BOTH(renameat(model.root[s], path, model.root[s], n->path));
	}
}

static inline void release(struct held *h)
{
	if (!h->used)
		return;
	unmap(h);
	BOTH(close(h->fd[s]));
	free_names(h->start, h->n_start);
	free_names(h->seen, h->n_seen);
	free(h->start_inos);
	*h = (struct held){0};
}

static inline void do_close(void)
{
	struct held *h = &model.held[below(HELD)];

	tell("close handle %d", (int)(h - model.held));
	release(h);
}

/* ---- names ---- */
static inline void do_mkdir(void)
{
	char path[2048];
	mode_t mode = (mode_t)(percent(85) ? 0700 | below(0100) : below(010000));

	random_path(path, sizeof(path));
	tell("mkdir %s %o", path, mode);
	BOTH(mkdirat(model.root[s], path, mode));
	model.stale = true;
}

static inline void do_mknod(void)
{
	static const mode_t types[] = {S_IFIFO, S_IFIFO, S_IFREG, S_IFCHR, S_IFBLK, S_IFSOCK};
	mode_t mode = types[below(6)] | (random_mode() & 07777);
	dev_t dev = makedev(below(2) ? 7 : 250, below(300));
	char path[2048];

	random_path(path, sizeof(path));
	tell("mknod %s %o", path, mode);
	BOTH(mknodat(model.root[s], path, mode, S_ISCHR(mode) || S_ISBLK(mode) ? dev : 0));
	model.stale = true;
}

static inline void do_symlink(void)
{
	static const char *const targets[] = {"a",
					      "b/c",
					      "../d",
					      "..",
					      ".",
					      "/",
					      "/absolute/path",
					      "./a/../b",
					      "a//b",
					      "dir/",
					      "../../../outside",
					      "Zażółć/日本語",
					      "a b;1"};
	size_t i = below(sizeof(targets) / sizeof(*targets) + 2);
	char path[2048], target[4096];

	if (i < sizeof(targets) / sizeof(*targets)) {
		snprintf(target, sizeof(target), "%s", targets[i]);
	} else {
		size_t length = 1 + below(percent(70) ? 300 : 4000);
		for (size_t at = 0; at < length; at++)
			target[at] = at % 40 == 39 && percent(80) ? '/' : (char)('a' + at % 26);
		target[length] = 0;
	}
	random_path(path, sizeof(path));
	tell("symlink %s to %.200s (%zu)", path, target, strlen(target));
	BOTH(symlinkat(target, model.root[s], path));
	model.stale = true;
}

static inline void do_readlink(void)
{
	const struct node *n = pick(percent(90) ? S_IFLNK : 0);

	if (!n)
		return;
	tell("readlink %s", n->path);
	compare_targets(n->path, model.root, n->path);
}

static inline void do_link(void)
{
	const struct node *n = pick(0);
	char path[2048];

	if (!n)
		return;
	random_path(path, sizeof(path));
	tell("link %s to %s", n->path, path);
	BOTH(linkat(model.root[s], n->path, model.root[s], path, 0));
	model.stale = true;
}

static inline void do_unlink(void)
{
	const struct node *n = pick(0);
	int flags = n && S_ISDIR(n->mode) == percent(95) ? AT_REMOVEDIR : 0;

	if (!n)
		return;
	tell("%s %s", flags ? "rmdir" : "unlink", n->path);
	BOTH(unlinkat(model.root[s], n->path, flags));
	model.stale = true;
}

static inline void do_rename(void)
{
	const struct node *n = pick(percent(35) ? S_IFDIR : 0), *other = pick(n && percent(60) ? n->mode & S_IFMT : 0);
	unsigned kind = (unsigned)below(100), flags = kind < 65 ? 0 :
						      kind < 75 ? RENAME_NOREPLACE :
						      kind < 98 ? RENAME_EXCHANGE :
								  RENAME_NOREPLACE | RENAME_EXCHANGE;
	char path[2048];

	if (!n)
		return;
	if (other && percent(flags & RENAME_EXCHANGE ? 80 : 40))
		snprintf(path, sizeof(path), "%.2000s", other->path);
	else
		random_path(path, sizeof(path));
	if (strlen(path) > 800)
		return;
	tell("rename %s to %s flags %x", n->path, path, flags);
	BOTH(renameat2(model.root[s], n->path, model.root[s], path, flags));
	model.stale = true;
}

static inline void do_stat(void)
{
	const struct node *n = pick(0);
	struct stat st[SIDES];
	char path[2048];

	if (percent(40) || !n)
		random_path(path, sizeof(path));
	else
		snprintf(path, sizeof(path), "%.2000s", n->path);
	tell("stat %s", path);
	if (BOTH(fstatat(model.root[s], path, &st[s], AT_SYMLINK_NOFOLLOW)) == 0)
		compare_stat(path, st, true);
}

/* ---- attributes ---- */
static inline void do_chmod(void)
{
	const struct node *n = pick(0);
	struct held *h = &model.held[below(HELD)];
	mode_t mode = random_mode();

	if (h->used && percent(30)) {
		tell("fchmod handle %d %o", (int)(h - model.held), mode);
		BOTH(fchmod(h->fd[s], mode));
	} else if (n && !S_ISLNK(n->mode)) {
		tell("chmod %s %o", n->path, mode);
		BOTH(fchmodat(model.root[s], n->path, mode, 0));
	}
}

static inline void do_chown(void)
{
	const struct node *n = pick(0);
	struct held *h = &model.held[below(HELD)];
	uid_t uid = percent(20) ? (uid_t)-1 : (uid_t)below(percent(50) ? 3 : 70000);
	gid_t gid = percent(20) ? (gid_t)-1 : (gid_t)below(percent(50) ? 3 : 70000);

	if (h->used && percent(30)) {
		tell("fchown handle %d %d:%d", (int)(h - model.held), (int)uid, (int)gid);
		BOTH(fchown(h->fd[s], uid, gid));
	} else if (n) {
		tell("chown %s %d:%d", n->path, (int)uid, (int)gid);
		BOTH(fchownat(model.root[s], n->path, uid, gid, AT_SYMLINK_NOFOLLOW));
	}
}

/* Whole seconds survive a burn; before 1970 parts of one would round the other way. */
static inline void do_utimes(void)
{
	const struct node *n = pick(0);
	struct held *h = &model.held[below(HELD)];
	time_t when = (time_t)below(130ull * 365 * 86400) - 20ll * 365 * 86400;
	struct timespec times[2] = {{.tv_sec = when},
				    {.tv_sec = when,
				     .tv_nsec = when >= 0 && percent(50) ? (long)below(1000000000) : 0}};

	if (percent(10))
		times[1].tv_nsec = percent(50) ? UTIME_OMIT : UTIME_NOW;
	if (h->used && percent(30)) {
		tell("futimens handle %d %lld.%09ld", (int)(h - model.held), (long long)when, times[1].tv_nsec);
		BOTH(futimens(h->fd[s], times));
	} else if (n) {
		tell("utimensat %s %lld.%09ld", n->path, (long long)when, times[1].tv_nsec);
		BOTH(utimensat(model.root[s], n->path, times, AT_SYMLINK_NOFOLLOW));
	}
}

#endif
