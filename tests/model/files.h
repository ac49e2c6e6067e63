/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * files.h - operations on the content of files, through handles that are kept or opened for the moment
 */
#ifndef TESTS_MODEL_FILES_H
#define TESTS_MODEL_FILES_H

#include <linux/falloc.h>
#include <sys/mman.h>

#include "tests/model/compare.h"

/* ---- where ---- */
static inline off_t aligned(off_t at) { return percent(40) ? at / 2048 * 2048 : at; }
static inline size_t random_length(void) { return 1 + below(1ull << below(percent(10) ? 21 : 16)); }

/* Within a file of that size, at its end, or beyond it. */
static inline off_t random_offset(off_t size)
{
	unsigned kind = (unsigned)below(100);
	off_t at = kind < 60 ? (off_t)below((uint64_t)size + 1) :
		   kind < 80 ? size :
		   kind < 97 ? size + (off_t)below(200000) :
			       size + (off_t)below(3 << 20);

	at = aligned(at);
	return at < FILE_BYTES_MAX ? at : (off_t)below(FILE_BYTES_MAX);
}

static inline void fill(char *buf, size_t length)
{
	unsigned kind = (unsigned)below(8);

	for (size_t i = 0; i < length; i += 8) {
		uint64_t word = kind == 0 ? 0 : kind == 1 ? 0x4141414141414141ull : random_bits();

		memcpy(buf + i, &word, length - i < 8 ? length - i : 8);
	}
}

/* ---- which ---- */
struct file {
	int fd[SIDES];
	bool lent;
	off_t size;
	ino_t plain_ino;
	char name[PATH_MAX];
};

static inline off_t plain_size(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? st.st_size : 0;
}

/* A handle that is held, or a file opened for the moment. */
static inline bool borrow(struct file *f)
{
	struct held *h = &model.held[below(HELD)];
	const struct node *n;
	struct stat st;

	*f = (struct file){.lent = h->used && !h->directory && percent(70)};
	if (f->lent) {
		memcpy(f->fd, h->fd, sizeof(f->fd));
		snprintf(f->name, sizeof(f->name), "handle %d", (int)(h - model.held));
	} else {
		if (!(n = pick(S_IFREG)))
			return false;
		int flags = percent(85) ? O_RDWR : percent(50) ? O_WRONLY : O_RDONLY;
		snprintf(f->name, sizeof(f->name), "%s", n->path);
		if (!BOTH_OPEN(f->fd, openat(model.root[s], n->path, flags | O_NOFOLLOW)))
			return false;
	}
	if (fstat(f->fd[PLAIN], &st) < 0)
		err(2, "fstat");
	f->size = st.st_size;
	f->plain_ino = st.st_ino;
	return true;
}

/* The plain file becomes what the mount's file is, after a change that was done in part. */
static inline void follow(const int fd[SIDES])
{
	static char buf[1 << 16];
	char path[64];
	struct stat st;
	ssize_t n;

	if (!model.full)
		return;
	model.full = false;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd[MOUNT]);
	int from = open(path, O_RDONLY), to;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd[PLAIN]);
	to = open(path, O_WRONLY);
	if (from < 0 || to < 0 || ftruncate(to, 0) < 0)
		err(2, "%s", path);
	for (off_t at = 0; (n = pread(from, buf, sizeof(buf), at)) > 0; at += n)
		if (pwrite(to, buf, (size_t)n, at) != n)
			err(2, "%s", path);
	if (n < 0 || fstat(from, &st) < 0 || futimens(to, (struct timespec[2]){st.st_atim, st.st_mtim}) < 0)
		differ("%s: %s", path, strerror(errno));
	close(from);
	close(to);
}

static inline void give_back(const struct file *f)
{
	follow(f->fd);
	if (!f->lent)
		close_both(f->fd);
	model.stale = true; /* sizes */
}

/* ---- content ---- */
static inline void do_write(void)
{
	static char buf[(1 << 21) + 8];
	struct file f;

	if (!borrow(&f))
		return;
	off_t at = random_offset(f.size);
	size_t length = random_length();
	if (percent(30))
		length = (length + 2047) / 2048 * 2048;
	fill(buf, length);
	tell("pwrite %s %zu at %lld of %lld", f.name, length, (long long)at, (long long)f.size);
	BOTH(pwrite(f.fd[s], buf, length, at));
	give_back(&f);
}

static inline void do_read(void)
{
	static char buf[SIDES][1 << 21];
	struct file f;

	if (!borrow(&f))
		return;
	off_t at = random_offset(f.size);
	size_t length = random_length();
	tell("pread %s %zu at %lld of %lld", f.name, length, (long long)at, (long long)f.size);
	if (percent(30))
		posix_fadvise(f.fd[MOUNT], 0, 0, POSIX_FADV_DONTNEED);
	long n = BOTH(pread(f.fd[s], buf[s], length, at));
	if (n > 0 && memcmp(buf[MOUNT], buf[PLAIN], (size_t)n))
		differ("%s: content differs", f.name);
	give_back(&f);
}

static inline void do_truncate(void)
{
	struct file f;

	if (!borrow(&f))
		return;
	off_t size = percent(10) ? 0 : percent(5) ? f.size : random_offset(f.size);
	tell("ftruncate %s %lld of %lld", f.name, (long long)size, (long long)f.size);
	BOTH(ftruncate(f.fd[s], size));
	give_back(&f);
}

static inline void do_truncate_path(void)
{
	const struct node *n = pick(percent(90) ? S_IFREG : 0);
	char path[SIDES][8192];

	if (!n || S_ISLNK(n->mode) || S_ISCHR(n->mode) || S_ISBLK(n->mode))
		return;
	off_t size = random_offset(n->size);
	tell("truncate %s %lld", n->path, (long long)size);
	for (int s = 0; s < SIDES; s++)
		snprintf(path[s], sizeof(path[s]), "/proc/self/fd/%d/%s", model.root[s], n->path);
	BOTH(truncate(path[s], size));
	model.full = false;
	model.stale = true;
}

static inline void do_fallocate(void)
{
	static const int modes[] = {0, FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				    FALLOC_FL_ZERO_RANGE, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE};
	int mode = modes[below(5)];
	struct file f;

	if (!borrow(&f))
		return;
	off_t at = random_offset(f.size), length = (off_t)random_length();
	if (percent(40))
		length = (length + 2047) / 2048 * 2048;
	tell("fallocate %s mode %x %lld at %lld of %lld", f.name, mode, (long long)length, (long long)at,
	     (long long)f.size);
	BOTH(fallocate(f.fd[s], mode, at, length));
	give_back(&f);
}

/*
 * What lseek(2) calls a hole reads as zeros, and its answers make sense together.  Stores to a mapping that were not
 * written back are unknown to a FUSE daemon: files that are mapped are left out.
 */
static inline void do_seek(void)
{
	static char buf[1 << 16];
	struct file f;
	off_t at = 0, data;

	if (!borrow(&f))
		return;
	int fd = f.fd[MOUNT];
	tell("seek %s of %lld", f.name, (long long)f.size);
	while (at < f.size && (fcntl(fd, F_GETFL) & O_ACCMODE) != O_WRONLY && !is_mapped(f.plain_ino)) {
		data = lseek(fd, at, SEEK_DATA);
		if (data < 0 && errno == ENXIO)
			data = f.size;
		if (data < at)
			differ("%s: SEEK_DATA from %lld gives %lld: %s", f.name, (long long)at, (long long)data,
			       strerror(errno));
		for (off_t hole = at; hole < data; hole += (off_t)sizeof(buf)) {
			ssize_t n = pread(fd, buf,
					  data - hole < (off_t)sizeof(buf) ? (size_t)(data - hole) : sizeof(buf), hole);
			for (ssize_t i = 0; i < n; i++)
				if (buf[i])
					differ("%s: data in the hole at %lld", f.name, (long long)(hole + i));
		}
		if (data >= f.size)
			break;
		at = lseek(fd, data, SEEK_HOLE);
		if (at <= data)
			differ("%s: SEEK_HOLE from %lld gives %lld: %s", f.name, (long long)data, (long long)at,
			       strerror(errno));
	}
	off_t end = f.size + (off_t)below(2);
	int whence = percent(50) ? SEEK_DATA : SEEK_HOLE;
	BOTH(lseek(f.fd[s], end, whence));
	give_back(&f);
}

static inline ssize_t copy_all(int from, off_t from_at, int to, off_t to_at, size_t length)
{
	size_t done = 0;

	while (done < length) {
		ssize_t n = copy_file_range(from, &from_at, to, &to_at, length - done, 0);

		if (n < 0 && !done)
			return -1;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

static inline void do_copy(void)
{
	struct file from, to;

	if (!borrow(&from))
		return;
	if (!borrow(&to)) {
		give_back(&from);
		return;
	}
	off_t from_at = percent(30) ? 0 : aligned((off_t)below((uint64_t)from.size + 1)),
	      to_at = percent(30) ? 0 : random_offset(to.size);
	size_t length = percent(40) ? (size_t)from.size : random_length();
	tell("copy_file_range %s %zu at %lld of %lld to %s at %lld of %lld", from.name, length, (long long)from_at,
	     (long long)from.size, to.name, (long long)to_at, (long long)to.size);
	BOTH(copy_all(from.fd[s], from_at, to.fd[s], to_at, length));
	give_back(&to);
	give_back(&from);
}

/* Many small changes all over a file: more pieces than a disc's file may have sections. */
static inline void do_scatter(void)
{
	char buf[4096 + 8];
	struct file f;

	if (!borrow(&f))
		return;
	unsigned n = 20 + (unsigned)below(200);
	tell("%u small pwrites all over %s of %lld", n, f.name, (long long)f.size);
	for (; n; n--) {
		off_t at = aligned((off_t)below((uint64_t)f.size + 1));
		size_t length = percent(50) ? 2048 : 1 + below(4096);
		fill(buf, length);
		BOTH(pwrite(f.fd[s], buf, length, at));
	}
	give_back(&f);
}

/* The content of one file is written to another again, or to itself, as cp(1) and editors do. */
static inline void do_rewrite(void)
{
	static char buf[1 << 20];
	struct file from, to;

	if (!borrow(&from))
		return;
	if (!borrow(&to)) {
		give_back(&from);
		return;
	}
	ssize_t n = read_all(from.fd[PLAIN], buf, sizeof(buf), 0);
	tell("write the first %zd bytes of %s to %s", n, from.name, to.name);
	if (n > 0 && (percent(30) || BOTH(ftruncate(to.fd[s], 0)) == 0))
		BOTH(pwrite(to.fd[s], buf, (size_t)n, 0));
	give_back(&to);
	give_back(&from);
}

static inline void do_fsync(void)
{
	struct held *h = &model.held[below(HELD)];
	int fd[SIDES];

	if (h->used) {
		tell("fsync handle %d", (int)(h - model.held));
		BOTH(percent(50) ? fsync(h->fd[s]) : fdatasync(h->fd[s]));
		return;
	}
	const struct node *n = pick(S_IFDIR);
	if (!n || !BOTH_OPEN(fd, openat(model.root[s], n->path, O_RDONLY | O_DIRECTORY)))
		return;
	tell("fsync directory %s", n->path);
	BOTH(fsync(fd[s]));
	close_both(fd);
}

/* ---- mappings ---- */
/* A mapping's stores set the time of modification when they are written back, which may be at any moment: so it is
 * set. */
static inline void settle_time(const int fd[SIDES])
{
	struct timespec times[2] = {{.tv_sec = 1000000000}, {.tv_sec = (time_t)(1000000000 + below(1000000))}};

	BOTH(futimens(fd[s], times));
}

static inline void store(char *const map[SIDES], size_t length)
{
	size_t at = below(length), n = 1 + below(below(2) ? 100 : 20000);

	if (n > length - at)
		n = length - at;
	char *bytes = need(malloc(n + 8));
	fill(bytes, n);
	for (int s = 0; s < SIDES; s++)
		memcpy(map[s] + at, bytes, n);
	free(bytes);
	tell("store %zu at %zu of the mapping", n, at);
}

static inline bool map_both(const int fd[SIDES], size_t length, char *ret[SIDES])
{
	char *map[SIDES];

	if (BOTH((map[s] = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd[s], 0)) == MAP_FAILED ? -1 : 0) <
	    0)
		return false;
	ret[MOUNT] = map[MOUNT];
	ret[PLAIN] = map[PLAIN];
	return true;
}

/* Map, store, msync or not, unmap. */
static inline void do_map(void)
{
	struct file f;
	char *map[SIDES];

	if (!borrow(&f))
		return;
	size_t length = (size_t)f.size;
	tell("map %s", f.name);
	if (length && !model.bounded && map_both(f.fd, length, map)) {
		for (unsigned n = 1 + (unsigned)below(3); n; n--)
			store(map, length);
		if (percent(60))
			BOTH(msync(map[s], length, percent(50) ? MS_SYNC : MS_ASYNC));
		if (memcmp(map[MOUNT], map[PLAIN], length))
			differ("%s: the mapping differs", f.name);
		BOTH(munmap(map[s], length));
		settle_time(f.fd);
	}
	give_back(&f);
}

static inline void unmap(struct held *h)
{
	if (!h->map[PLAIN])
		return;
	BOTH(munmap(h->map[s], h->map_length));
	h->map[MOUNT] = h->map[PLAIN] = NULL;
	settle_time(h->fd);
}

/* A mapping that stays, while other operations and commits go on. */
static inline void do_map_held(void)
{
	struct held *h = &model.held[below(HELD)];

	if (!h->used || h->directory || model.bounded) /* a store that finds no room is told to nobody */
		return;
	off_t size = plain_size(h->fd[PLAIN]);
	if (h->map[PLAIN]) {
		size_t length = size < (off_t)h->map_length ? (size_t)size : h->map_length;
		tell("handle %d", (int)(h - model.held));
		if (length && percent(80))
			store(h->map, length);
		else
			unmap(h);
	} else if (size) {
		tell("map handle %d, %lld bytes", (int)(h - model.held), (long long)size);
		if (map_both(h->fd, (size_t)size, h->map))
			h->map_length = (size_t)size;
	}
}

#endif
