/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * compare.h - are both trees the same?
 *
 * Names, types, modes, owners, sizes, devices, link counts, targets, contents; hard links by inode numbers, which must
 * correspond one to one; extended attributes. A time of modification that was set must be the same nanosecond; one
 * that a change left is about the same moment on both sides. The mount is asked past the kernel's caches half of the
 * time, so that both the caches and the daemon are looked at.
 */
#ifndef TESTS_MODEL_COMPARE_H
#define TESTS_MODEL_COMPARE_H

#include "tests/model/attributes.h"

#define MOMENT_SECONDS 30 /* how far apart both halves of one operation may be */

struct pairing {
	ino_t ino[SIDES];
	uint64_t path_hash;
};
static struct {
	struct pairing *pairs;
	size_t n;
} paired;

static inline uint64_t hash_of(const char *text)
{
	uint64_t sum = 0xcbf29ce484222325ull;

	while (*text)
		sum = (sum ^ (unsigned char)*text++) * 0x100000001b3ull;
	return sum;
}

/* fstatat that asks the daemon when fresh. */
static inline int stat_of(int fd, const char *name, int flags, bool fresh, struct stat *st)
{
	struct statx x;

	if (statx(fd, name, flags | (fresh ? AT_STATX_FORCE_SYNC : AT_STATX_SYNC_AS_STAT), STATX_BASIC_STATS, &x) < 0)
		return -1;
	*st = (struct stat){.st_ino = x.stx_ino,
			    .st_mode = x.stx_mode,
			    .st_nlink = x.stx_nlink,
			    .st_uid = x.stx_uid,
			    .st_gid = x.stx_gid,
			    .st_size = (off_t)x.stx_size,
			    .st_rdev = makedev(x.stx_rdev_major, x.stx_rdev_minor),
			    .st_mtim = {.tv_sec = x.stx_mtime.tv_sec, .tv_nsec = x.stx_mtime.tv_nsec}};
	return 0;
}

static inline bool same_mtime(const struct stat st[SIDES])
{
	time_t a = st[MOUNT].st_mtim.tv_sec, b = st[PLAIN].st_mtim.tv_sec;

	if (b < model.started - 5 || b > time(NULL) + 5)
		return a == b && st[MOUNT].st_mtim.tv_nsec == st[PLAIN].st_mtim.tv_nsec;
	return a - b <= MOMENT_SECONDS && b - a <= MOMENT_SECONDS;
}

static inline void compare_stat(const char *path, const struct stat st[SIDES], bool linked)
{
	const struct stat *m = &st[MOUNT], *p = &st[PLAIN];

	if (m->st_mode != p->st_mode)
		differ("%s: mode %o on the mount, %o plain", path, m->st_mode, p->st_mode);
	if (m->st_uid != p->st_uid || m->st_gid != p->st_gid)
		differ("%s: owner %u:%u on the mount, %u:%u plain", path, m->st_uid, m->st_gid, p->st_uid, p->st_gid);
	if ((S_ISREG(p->st_mode) || S_ISLNK(p->st_mode)) && m->st_size != p->st_size)
		differ("%s: size %lld on the mount, %lld plain", path, (long long)m->st_size, (long long)p->st_size);
	if ((S_ISCHR(p->st_mode) || S_ISBLK(p->st_mode)) && m->st_rdev != p->st_rdev)
		differ("%s: device %llx on the mount, %llx plain", path, (unsigned long long)m->st_rdev,
		       (unsigned long long)p->st_rdev);
	if (S_ISDIR(p->st_mode) ? !m->st_nlink != !p->st_nlink : m->st_nlink != p->st_nlink)
		differ("%s: %lu links on the mount, %lu plain", path, (unsigned long)m->st_nlink,
		       (unsigned long)p->st_nlink);
	if (linked && !is_mapped(p->st_ino) && !same_mtime(st))
		differ("%s: mtime %lld on the mount, %lld plain", path, (long long)m->st_mtim.tv_sec,
		       (long long)p->st_mtim.tv_sec);
}

static inline void compare_numbers(const char *path, const struct stat st[SIDES])
{
	ino_t m = st[MOUNT].st_ino, p = st[PLAIN].st_ino;

	for (size_t i = 0; i < paired.n; i++)
		if ((paired.pairs[i].ino[MOUNT] == m) != (paired.pairs[i].ino[PLAIN] == p))
			differ("%s: inode %llu on the mount belongs to %s", path, (unsigned long long)m,
			       paired.pairs[i].ino[MOUNT] == m ? "another file, too" : "one name of the file only");
	paired.pairs = need(realloc(paired.pairs, (paired.n + 1) * sizeof(*paired.pairs)));
	paired.pairs[paired.n++] = (struct pairing){{m, p}, hash_of(path)};
}

static inline ssize_t read_all(int fd, char *buf, size_t length, off_t pos)
{
	size_t done = 0;

	while (done < length) {
		ssize_t n = pread(fd, buf + done, length - done, pos + (off_t)done);

		if (n < 0)
			return -1;
		if (!n)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

/* Whether all bytes are read as the same by both. */
static inline void compare_content(const char *path, const int fd[SIDES])
{
	static char buf[SIDES][1 << 20];
	size_t step = (size_t)4096 << below(9);
	long n;

	if (percent(50))
		posix_fadvise(fd[MOUNT], 0, 0, POSIX_FADV_DONTNEED);
	for (off_t pos = 0; (n = BOTH(read_all(fd[s], buf[s], step, pos))) > 0; pos += n) {
		if (!memcmp(buf[MOUNT], buf[PLAIN], (size_t)n))
			continue;
		long i = 0, last = n - 1;
		while (buf[MOUNT][i] == buf[PLAIN][i])
			i++;
		while (buf[MOUNT][last] == buf[PLAIN][last])
			last--;
		differ("%s: differs from byte %lld on (until %lld%s): %02x on the mount, %02x plain", path,
		       (long long)(pos + i), (long long)(pos + last), last == n - 1 ? " or later" : "",
		       (unsigned char)buf[MOUNT][i], (unsigned char)buf[PLAIN][i]);
	}
	if (n < 0)
		differ("%s: read: %s", path, strerror(errno));
}

static inline void compare_targets(const char *path, const int dir[SIDES], const char *name)
{
	char target[SIDES][4200] = {{0}};

	BOTH(readlinkat(dir[s], name, target[s], sizeof(target[s]) - 1));
	if (strcmp(target[MOUNT], target[PLAIN]))
		differ("%s: target \"%s\" on the mount, \"%s\" plain", path, target[MOUNT], target[PLAIN]);
}

static inline void compare_directory(const int fd[SIDES], const char *path);

static inline void compare_name(const int dir[SIDES], const char *name, const char *path)
{
	struct stat st[SIDES];
	int fd[SIDES];
	bool fresh = percent(50);

	if (BOTH(stat_of(dir[s], name, AT_SYMLINK_NOFOLLOW, fresh, &st[s])) < 0)
		differ("%s: stat: %s", path, strerror(errno));
	compare_stat(path, st, true);
	compare_numbers(path, st);
	if (S_ISLNK(st[PLAIN].st_mode))
		compare_targets(path, dir, name);
	if (!S_ISREG(st[PLAIN].st_mode) && !S_ISDIR(st[PLAIN].st_mode))
		return;
	if (!BOTH_OPEN(fd, openat(dir[s], name, O_RDONLY | O_NOFOLLOW)))
		differ("%s: open: %s", path, strerror(errno));
	compare_attributes(path, fd);
	if (S_ISDIR(st[PLAIN].st_mode))
		compare_directory(fd, path);
	else
		compare_content(path, fd);
	close_both(fd);
}

/* What readdir(3) says of type and number is what stat(2) says. */
static inline void compare_entries(int fd, const char *path)
{
	int again = openat(fd, ".", O_RDONLY | O_DIRECTORY);
	DIR *dir = again < 0 ? NULL : fdopendir(again);
	struct dirent *entry;
	struct stat st;

	if (!dir)
		differ("%s: opendir: %s", path, strerror(errno));
	while ((entry = readdir(dir))) {
		if (!strcmp(entry->d_name, ".."))
			continue;
		if (fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			differ("%s/%s: stat of what readdir gave: %s", path, entry->d_name, strerror(errno));
		if (entry->d_ino != st.st_ino || (entry->d_type != DT_UNKNOWN && entry->d_type != IFTODT(st.st_mode)))
			differ("%s/%s: readdir says inode %llu type %d, stat %llu mode %o", path, entry->d_name,
			       (unsigned long long)entry->d_ino, entry->d_type, (unsigned long long)st.st_ino,
			       st.st_mode);
	}
	closedir(dir);
}

static inline void compare_directory(const int fd[SIDES], const char *path)
{
	char **names[SIDES] = {NULL, NULL};
	ssize_t n[SIDES], i, j;

	for (int s = 0; s < SIDES; s++)
		if ((n[s] = names_of(fd[s], &names[s])) < 0)
			differ("%s/%s: readdir: %s", model.path[s], path, strerror(errno));
	for (i = j = 0; i < n[MOUNT] || j < n[PLAIN]; i++, j++) {
		int order = i == n[MOUNT] ? 1 : j == n[PLAIN] ? -1 : strcmp(names[MOUNT][i], names[PLAIN][j]);

		if (order)
			differ("%s/%s: only %s", path, order < 0 ? names[MOUNT][i] : names[PLAIN][j],
			       order < 0 ? "on the mount" : "in the plain directory");
	}
	if (percent(30))
		compare_entries(fd[MOUNT], path);
	for (i = 0; i < n[PLAIN]; i++) {
		char *whole;

		if (asprintf(&whole, "%s%s%s", path, *path ? "/" : "", names[PLAIN][i]) < 0)
			err(2, "memory");
		compare_name(fd, names[PLAIN][i], whole);
		free(whole);
	}
	for (int s = 0; s < SIDES; s++)
		free_names(names[s], (size_t)n[s]);
}

/* Handles see what they saw: the same number, attributes, content; mappings too. */
static inline void compare_held(void)
{
	for (int i = 0; i < HELD; i++) {
		struct held *h = &model.held[i];
		struct stat st[SIDES];
		char name[32];

		if (!h->used)
			continue;
		bool fresh = percent(50);
		snprintf(name, sizeof(name), "handle %d", i);
		if (BOTH(stat_of(h->fd[s], "", AT_EMPTY_PATH, fresh, &st[s])) < 0)
			differ("%s: fstat: %s", name, strerror(errno));
		compare_stat(name, st, false);
		if (st[MOUNT].st_ino != h->mount_ino)
			differ("%s: its inode was %llu, is %llu", name, (unsigned long long)h->mount_ino,
			       (unsigned long long)st[MOUNT].st_ino);
		if (S_ISREG(st[PLAIN].st_mode) && (fcntl(h->fd[PLAIN], F_GETFL) & O_ACCMODE) != O_WRONLY)
			compare_content(name, h->fd);
		size_t length = st[PLAIN].st_size < (off_t)h->map_length ? (size_t)st[PLAIN].st_size : h->map_length;
		if (h->map[PLAIN] && memcmp(h->map[MOUNT], h->map[PLAIN], length))
			differ("%s: the mapping differs", name);
	}
}

static inline void compare_all(void)
{
	uint64_t chance = model.chance; /* how often is compared does not change what is done */
	struct stat st[SIDES];

	paired.n = 0;
	if (BOTH(stat_of(model.root[s], "", AT_EMPTY_PATH, percent(50), &st[s])) < 0)
		differ("stat of the root: %s", strerror(errno));
	compare_stat("", st, true);
	compare_numbers("", st);
	compare_directory(model.root, "");
	compare_held();
	model.chance = chance;
}

/* Numbers of all paths before and after something that may not change them. */
static inline void compare_numbers_before(const struct pairing *before, size_t n)
{
	for (size_t i = 0; i < n && i < paired.n; i++)
		if (before[i].ino[MOUNT] != paired.pairs[i].ino[MOUNT])
			differ("inode %llu is %llu now", (unsigned long long)before[i].ino[MOUNT],
			       (unsigned long long)paired.pairs[i].ino[MOUNT]);
}

#endif
