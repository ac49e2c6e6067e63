/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * posix_files.c - what POSIX and Linux promise of one file's content and attributes, on new and on burned files
 *
 * Prints TAP; see check.h.  It passes on ext4 and tmpfs: what it asks is what every Linux filesystem does.
 */
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/syscall.h>
#include <linux/aio_abi.h>
#include <linux/falloc.h>

#include "tests/mount/check.h"

#define BIG ((1u << 20) + 123u) /* bytes of a burned file */

static uint8_t work[4 << 20], shadow[4 << 20] __attribute__((aligned(4096)));

static const char *const big_files[] = {"append",  "overwrite", "shorten", "lengthen", "attributes", "mapped",
					"punched", "copied",	"random",  "whole",    "open",	     "direct burned"};

static void prepare(void)
{
	fill_pattern(work, BIG, 0);
	for (size_t i = 0; i < sizeof(big_files) / sizeof(*big_files); i++)
		make_file(big_files[i], work, BIG);
	make_text("small", "burned small\n");
	make_text("empty", "");
	make_text("truncated by open", "to be lost\n");
}

/* The whole file equals shadow[0 .. size). */
static bool equals_shadow(const char *path, size_t size)
{
	int fd = open(path, O_RDONLY);
	size_t done = 0;
	ssize_t got;

	if (fd < 0)
		return false;
	while (done < sizeof(work) && (got = read(fd, work + done, sizeof(work) - done)) > 0)
		done += (size_t)got;
	close(fd);
	return done == size && !memcmp(work, shadow, size);
}

static bool write_at(int fd, off_t pos, const char *text)
{
	return pwrite(fd, text, strlen(text), pos) == (ssize_t)strlen(text);
}

/* ---- new files ---- */

static const char *check_create(void)
{
	int fd = open("new", O_RDWR | O_CREAT | O_EXCL, 0640);
	char buf[16];

	CHECK(fd >= 0);
	CHECK(write(fd, "hello\n", 6) == 6);
	CHECK(lseek(fd, 0, SEEK_SET) == 0 && read(fd, buf, sizeof(buf)) == 6 && !memcmp(buf, "hello\n", 6));
	CHECK(read(fd, buf, sizeof(buf)) == 0);
	CHECK(fsync(fd) == 0 && fdatasync(fd) == 0 && close(fd) == 0);
	CHECK((stat_of("new").st_mode & 07777) == 0640 && stat_of("new").st_nlink == 1 && stat_of("new").st_size == 6);
	CHECK(stat_of("new").st_uid == geteuid());
	FAILS(open("new", O_RDWR | O_CREAT | O_EXCL, 0600), EEXIST);
	FAILS(open("new/below", O_RDONLY), ENOTDIR);
	FAILS(open("nothing", O_RDWR), ENOENT);
	FAILS(open(".", O_RDWR), EISDIR);
	FAILS(open("new/", O_RDONLY), ENOTDIR);
	return NULL;
}

static const char *check_append(void)
{
	int a = open("appended", O_WRONLY | O_CREAT | O_APPEND, 0644), b = open("appended", O_WRONLY | O_APPEND);

	CHECK(a >= 0 && b >= 0);
	CHECK(write(a, "one ", 4) == 4 && write(b, "two ", 4) == 4 && write(a, "three\n", 6) == 6);
	CHECK(close(a) == 0 && close(b) == 0);
	CHECK(has_text("appended", "one two three\n"));
	return NULL;
}

static const char *check_truncate(void)
{
	int fd = open("truncated", O_RDWR | O_CREAT, 0644);
	char buf[10];

	CHECK(fd >= 0 && write(fd, "0123456789", 10) == 10);
	CHECK(ftruncate(fd, 4) == 0 && ftruncate(fd, 10) == 0);
	CHECK(pread(fd, buf, 10, 0) == 10 && !memcmp(buf, "0123\0\0\0\0\0\0", 10));
	CHECK(truncate("truncated", 0) == 0 && pread(fd, buf, 10, 0) == 0);
	FAILS(ftruncate(fd, -1), EINVAL);
	CHECK(close(fd) == 0);
	CHECK((fd = open("truncated by open", O_WRONLY | O_TRUNC)) >= 0 && close(fd) == 0);
	CHECK(stat_of("truncated by open").st_size == 0);
	return NULL;
}

static const char *check_sparse(void)
{
	int fd = open("sparse", O_RDWR | O_CREAT, 0644);
	char buf[8] = "xxxxxxx";
	off_t data, hole;

	CHECK(fd >= 0 && write_at(fd, 5 << 20, "island"));
	CHECK(lseek(fd, 0, SEEK_END) == (5 << 20) + 6);
	CHECK(pread(fd, buf, 8, 1 << 20) == 8 && !memcmp(buf, "\0\0\0\0\0\0\0", 8));
	CHECK(fsync(fd) == 0);
	data = lseek(fd, 0, SEEK_DATA);
	CHECK(data > 0 && data <= 5 << 20);
	hole = lseek(fd, 5 << 20, SEEK_HOLE);
	CHECK(hole == (5 << 20) + 6);
	CHECK(lseek(fd, 0, SEEK_HOLE) == 0);
	FAILS(lseek(fd, 6 << 20, SEEK_DATA), ENXIO);
	FAILS(lseek(fd, 6 << 20, SEEK_HOLE), ENXIO);
	CHECK(stat_of("sparse").st_blocks < 5 * 2048);
	CHECK(ftruncate(fd, 3ll << 30) == 0 && stat_of("sparse").st_size == 3ll << 30);
	CHECK(pread(fd, buf, 6, (3ll << 30) - 6) == 6 && !memcmp(buf, "\0\0\0\0\0\0", 6));
	CHECK(ftruncate(fd, 1) == 0 && close(fd) == 0);
	return NULL;
}

static const char *check_fallocate(void)
{
	int fd = open("allocated", O_RDWR | O_CREAT, 0644);
	char buf[4096];

	CHECK(fd >= 0 && write(fd, "abc", 3) == 3);
	CHECK(fallocate(fd, 0, 0, 10000) == 0 && stat_of("allocated").st_size == 10000);
	CHECK(pread(fd, buf, 8, 0) == 8 && !memcmp(buf, "abc\0\0\0\0\0", 8));
	CHECK(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 50000) == 0 && stat_of("allocated").st_size == 10000);
	CHECK(posix_fallocate(fd, 0, 20000) == 0 && stat_of("allocated").st_size == 20000);
	CHECK(stat_of("allocated").st_blocks * 512 >= 20000);
	memset(buf, 'x', sizeof(buf));
	for (off_t pos = 0; pos < 20000; pos += 4000)
		CHECK(pwrite(fd, buf, 4000, pos) == 4000);
	CHECK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096, 4096) == 0);
	CHECK(stat_of("allocated").st_size == 20000 && lseek(fd, 0, SEEK_HOLE) == 4096);
	CHECK(lseek(fd, 4096, SEEK_DATA) == 8192 && lseek(fd, 5000, SEEK_HOLE) == 5000);
	CHECK(pread(fd, buf, 4096, 4096) == 4096 && !buf[0] && !memcmp(buf, buf + 1, 4095));
	CHECK(pread(fd, buf, 1, 4095) == 1 && buf[0] == 'x' && pread(fd, buf, 1, 8192) == 1 && buf[0] == 'x');
	FAILS(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 10), EOPNOTSUPP);
	FAILS(fallocate(fd, 0, 0, 0), EINVAL);
	CHECK(close(fd) == 0);
	return NULL;
}

static const char *check_vectors(void)
{
	struct iovec out[3] = {{(char[]){"one"}, 3}, {(char[]){"-"}, 1}, {(char[]){"two"}, 3}};
	char a[2], b[5];
	struct iovec in[2] = {{a, 2}, {b, 5}};
	int fd = open("vectors", O_RDWR | O_CREAT, 0644);

	CHECK(fd >= 0 && pwritev(fd, out, 3, 10) == 7);
	CHECK(preadv(fd, in, 2, 10) == 7 && !memcmp(a, "on", 2) && !memcmp(b, "e-two", 5));
	CHECK(flock(fd, LOCK_EX | LOCK_NB) == 0 && lockf(fd, F_TLOCK, 0) == 0);
	CHECK(close(fd) == 0);
	return NULL;
}

static const char *check_large(void)
{
	int fd = open("large", O_RDWR | O_CREAT, 0644);

	CHECK(fd >= 0);
	fill_pattern(shadow, sizeof(shadow), 7);
	CHECK(write(fd, shadow, sizeof(shadow)) == (ssize_t)sizeof(shadow));
	CHECK(close(fd) == 0 && equals_shadow("large", sizeof(shadow)));
	CHECK(stat_of("large").st_blocks >= (long)sizeof(shadow) / 512);
	FAILS(truncate("large", INT64_MAX), EFBIG);
	return NULL;
}

static const char *check_mmap(void)
{
	int fd = open("mapped new", O_RDWR | O_CREAT, 0644);
	char *map, buf[8];

	CHECK(fd >= 0 && ftruncate(fd, 10000) == 0);
	map = mmap(NULL, 10000, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(map != MAP_FAILED);
	memcpy(map + 5000, "by map", 6);
	CHECK(pread(fd, buf, 6, 5000) == 6 && !memcmp(buf, "by map", 6));
	CHECK(write_at(fd, 9000, "by write") && !memcmp(map + 9000, "by write", 8));
	CHECK(msync(map, 10000, MS_SYNC) == 0 && munmap(map, 10000) == 0 && close(fd) == 0);
	CHECK((fd = open("mapped new", O_RDONLY)) >= 0 && pread(fd, buf, 6, 5000) == 6 && !memcmp(buf, "by map", 6) &&
	      close(fd) == 0);
	return NULL;
}

/* ---- burned files ---- */

static const char *check_burned_content(void)
{
	fill_pattern(shadow, BIG, 0);
	CHECK(equals_shadow("whole", BIG));
	CHECK(has_text("small", "burned small\n") && has_text("empty", ""));
	CHECK(stat_of("whole").st_size == (off_t)BIG && stat_of("whole").st_blocks > 0);
	return NULL;
}

static const char *check_burned_append(void)
{
	int fd = open("append", O_WRONLY | O_APPEND);

	CHECK(fd >= 0 && write(fd, "!", 1) == 1 && close(fd) == 0);
	fill_pattern(shadow, BIG, 0);
	shadow[BIG] = '!';
	CHECK(equals_shadow("append", BIG + 1));
	CHECK((fd = open("small", O_WRONLY | O_APPEND)) >= 0 && write(fd, "more\n", 5) == 5 && close(fd) == 0);
	CHECK(has_text("small", "burned small\nmore\n"));
	CHECK((fd = open("empty", O_WRONLY | O_APPEND)) >= 0 && write(fd, "first\n", 6) == 6 && close(fd) == 0);
	CHECK(has_text("empty", "first\n"));
	return NULL;
}

static const char *check_burned_overwrite(void)
{
	int fd = open("overwrite", O_RDWR);

	CHECK(fd >= 0 && write_at(fd, 3000, "across a block") && write_at(fd, 4090, "another one") &&
	      write_at(fd, 0, "start"));
	CHECK(close(fd) == 0);
	fill_pattern(shadow, BIG, 0);
	memcpy(shadow + 3000, "across a block", 14);
	memcpy(shadow + 4090, "another one", 11);
	memcpy(shadow, "start", 5);
	CHECK(equals_shadow("overwrite", BIG));
	return NULL;
}

static const char *check_burned_truncate(void)
{
	fill_pattern(shadow, BIG, 0);
	CHECK(truncate("shorten", 5001) == 0 && equals_shadow("shorten", 5001));
	CHECK(truncate("shorten", 9000) == 0);
	memset(shadow + 5001, 0, 3999);
	CHECK(equals_shadow("shorten", 9000));
	fill_pattern(shadow, BIG, 0);
	memset(shadow + BIG, 0, 5000);
	CHECK(truncate("lengthen", BIG + 5000) == 0 && equals_shadow("lengthen", BIG + 5000));
	return NULL;
}

static const char *check_burned_attributes(void)
{
	struct timespec times[2] = {{1000000000, 123456789}, {1100000000, 987654321}};
	struct stat before = stat_of("attributes"), after;

	CHECK(chmod("attributes", 0604) == 0 && (stat_of("attributes").st_mode & 07777) == 0604);
	after = stat_of("attributes");
	CHECK(after.st_ino == before.st_ino && after.st_mtim.tv_sec == before.st_mtim.tv_sec &&
	      later(after.st_ctim, before.st_ctim));
	CHECK(utimensat(AT_FDCWD, "attributes", times, 0) == 0);
	after = stat_of("attributes");
	CHECK(after.st_atim.tv_sec == 1000000000 && after.st_mtim.tv_sec == 1100000000 &&
	      after.st_mtim.tv_nsec == 987654321);
	times[0].tv_nsec = UTIME_OMIT;
	times[1].tv_nsec = UTIME_NOW;
	CHECK(utimensat(AT_FDCWD, "attributes", times, 0) == 0);
	after = stat_of("attributes");
	CHECK(after.st_atim.tv_sec == 1000000000 && after.st_mtim.tv_sec > 1700000000);
	if (geteuid() == 0) {
		CHECK(chown("attributes", 1234, 5678) == 0);
		CHECK(stat_of("attributes").st_uid == 1234 && stat_of("attributes").st_gid == 5678);
		CHECK(chown("attributes", (uid_t)-1, 99) == 0 && stat_of("attributes").st_uid == 1234 &&
		      stat_of("attributes").st_gid == 99);
		CHECK(chmod("attributes", 04755) == 0 && chown("attributes", 1, 1) == 0);
		CHECK((stat_of("attributes").st_mode & 07777) == 0755);
	}
	fill_pattern(shadow, BIG, 0);
	CHECK(equals_shadow("attributes", BIG));
	return NULL;
}

static const char *check_burned_mmap(void)
{
	int fd = open("mapped", O_RDWR);
	uint8_t *map = fd < 0 ? MAP_FAILED : mmap(NULL, BIG, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	CHECK(map != MAP_FAILED);
	fill_pattern(shadow, BIG, 0);
	CHECK(!memcmp(map, shadow, BIG));
	memcpy(map + 70000, "mapped", 6);
	memcpy(shadow + 70000, "mapped", 6);
	CHECK(munmap(map, BIG) == 0 && close(fd) == 0);
	CHECK(equals_shadow("mapped", BIG));
	return NULL;
}

static const char *check_burned_punch(void)
{
	int fd = open("punched", O_RDWR);

	CHECK(fd >= 0 && fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 10000, 100000) == 0);
	fill_pattern(shadow, BIG, 0);
	memset(shadow + 10000, 0, 100000);
	CHECK(fsync(fd) == 0 && close(fd) == 0 && equals_shadow("punched", BIG));
	return NULL;
}

static const char *check_copy_range(void)
{
	int in = open("copied", O_RDONLY), out = open("copy", O_RDWR | O_CREAT, 0644);
	off_t from = 1000, to = 500;
	size_t done = 0;
	ssize_t got;

	CHECK(in >= 0 && out >= 0);
	while (done < 200000 && (got = copy_file_range(in, &from, out, &to, 200000 - done, 0)) > 0)
		done += (size_t)got;
	CHECK(done == 200000 && from == 201000 && to == 200500);
	memset(shadow, 0, 500);
	fill_pattern(shadow + 500, 200000, 1000);
	CHECK(close(in) == 0 && close(out) == 0 && equals_shadow("copy", 200500));
	return NULL;
}

static uint32_t state = 12345;
static uint32_t dice(uint32_t below)
{
	state = state * 1664525u + 1013904223u;
	return (uint32_t)((uint64_t)(state >> 4) * below >> 28);
}

/* 600 random writes, truncations, holes and reads against a copy in memory. */
static const char *random_operations(const char *path, size_t size)
{
	static uint8_t buf[100000];
	int fd = open(path, O_RDWR | O_CREAT, 0644);

	CHECK(fd >= 0);
	for (int step = 0; step < 600; step++) {
		size_t pos = dice(2u << 20), length = 1 + dice(step % 8 ? 5000 : sizeof(buf) - 1);

		switch (dice(8)) {
		case 0:
			CHECK(ftruncate(fd, (off_t)pos) == 0);
			memset(shadow + (pos < size ? pos : size), 0, pos < size ? size - pos : pos - size);
			size = pos;
			break;
		case 1:
			CHECK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)pos, (off_t)length) ==
			      0);
			if (pos < size)
				memset(shadow + pos, 0, pos + length < size ? length : size - pos);
			break;
		case 2:
		case 3:
		case 4:
			CHECK(pread(fd, buf, length, (off_t)pos) == (ssize_t)(pos >= size	  ? 0 :
									      pos + length < size ? length :
												    size - pos));
			CHECK(pos >= size || !memcmp(buf, shadow + pos, pos + length < size ? length : size - pos));
			break;
		default:
			fill_pattern(buf, length, (uint64_t)step * 77777 + pos);
			CHECK(pwrite(fd, buf, length, (off_t)pos) == (ssize_t)length);
			memcpy(shadow + pos, buf, length);
			size = pos + length > size ? pos + length : size;
		}
		if (step == 300) {
			CHECK(close(fd) == 0 && (fd = open(path, O_RDWR)) >= 0);
			CHECK(equals_shadow(path, size));
		}
	}
	CHECK(close(fd) == 0 && equals_shadow(path, size));
	return NULL;
}
static const char *check_random_burned(void)
{
	memset(shadow, 0, sizeof(shadow));
	fill_pattern(shadow, BIG, 0);
	return random_operations("random", BIG);
}
static const char *check_random_new(void)
{
	memset(shadow, 0, sizeof(shadow));
	return random_operations("random new", 0);
}

/* ---- open and unlinked ---- */

static const char *unlink_while_open(const char *path, size_t size)
{
	int fd = open(path, O_RDWR), again;
	struct stat st;
	char buf[4];

	CHECK(fd >= 0 && unlink(path) == 0 && missing(path));
	CHECK(fstat(fd, &st) == 0 && st.st_nlink == 0 && st.st_size == (off_t)size);
	CHECK(write_at(fd, (off_t)size, "tail") && pread(fd, buf, 4, (off_t)size) == 4 && !memcmp(buf, "tail", 4));
	CHECK(pread(fd, buf, 1, 0) == 1 && (uint8_t)buf[0] == pattern(0));
	CHECK((again = open(path, O_RDWR | O_CREAT | O_EXCL, 0644)) >= 0 && write(again, "second", 6) == 6 &&
	      close(again) == 0);
	CHECK(pread(fd, buf, 1, 0) == 1 && (uint8_t)buf[0] == pattern(0));
	CHECK(fchmod(fd, 0600) == 0 && ftruncate(fd, 1) == 0 && fsync(fd) == 0 && close(fd) == 0);
	CHECK(has_text(path, "second"));
	return NULL;
}
static const char *check_unlink_burned(void) { return unlink_while_open("open", BIG); }
static const char *check_unlink_new(void)
{
	fill_pattern(work, 5000, 0);
	make_file("open new", work, 5000);
	return unlink_while_open("open new", 5000);
}

/* ---- one writes, others read ---- */

#define SHARED_BYTES (256u << 10)
#define PIECE_BYTES (16u << 10)

/* Reads all of it again and again, so that its pages are in the cache at any moment. */
static pid_t start_reader(const char *path)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	int fd = open(path, O_RDONLY);
	while (pread(fd, work, SHARED_BYTES, 0) == SHARED_BYTES)
		;
	_exit(1);
}

/* Written through fd, seen by a handle and a mapping that were there before. */
static const char *write_and_look(int fd, int other, const uint8_t *mapped)
{
	for (unsigned round = 1; round < 400; round++) {
		size_t pos = round * 7 % (SHARED_BYTES / PIECE_BYTES) * PIECE_BYTES;

		memset(shadow, (int)(round & 0xff), PIECE_BYTES);
		CHECK(pwrite(fd, shadow, PIECE_BYTES, (off_t)pos) == PIECE_BYTES);
		CHECK(!memcmp(mapped + pos, shadow, PIECE_BYTES));
		CHECK(pread(other, work, PIECE_BYTES, (off_t)pos) == PIECE_BYTES && !memcmp(work, shadow, PIECE_BYTES));
	}
	return NULL;
}

/* All pieces at once and past the cache; each is there for all others when its end was told. */
static const char *write_at_once_and_look(int fd, int other, const uint8_t *mapped)
{
	enum { PIECES = SHARED_BYTES / PIECE_BYTES };
	static struct iocb pieces[PIECES];
	struct iocb *list[PIECES];
	struct io_event events[PIECES];
	aio_context_t context = 0;
	ssize_t got;

	if (syscall(SYS_io_setup, PIECES, &context) < 0)
		return errno == ENOSYS ? NULL : "io_setup";
	for (unsigned i = 0; i < PIECES; i++) {
		list[i] = &pieces[i];
		pieces[i] = (struct iocb){.aio_lio_opcode = IOCB_CMD_PWRITE,
					  .aio_fildes = (uint32_t)fd,
					  .aio_buf = (uint64_t)(uintptr_t)(shadow + i * PIECE_BYTES),
					  .aio_nbytes = PIECE_BYTES,
					  .aio_offset = i * PIECE_BYTES};
	}
	for (unsigned round = 1; round < 100; round++) {
		memset(shadow, (int)(round & 0xff), SHARED_BYTES);
		for (long n = 0; n < PIECES; n += got)
			CHECK((got = syscall(SYS_io_submit, context, PIECES - n, list + n)) > 0);
		for (long n = 0; n < PIECES; n += got) {
			CHECK((got = syscall(SYS_io_getevents, context, 1L, (long)PIECES, events, NULL)) > 0);
			for (long i = 0; i < got; i++)
				CHECK(events[i].res == PIECE_BYTES);
		}
		CHECK(pread(other, work, SHARED_BYTES, 0) == SHARED_BYTES && !memcmp(work, shadow, SHARED_BYTES));
		CHECK(!memcmp(mapped, shadow, SHARED_BYTES));
	}
	CHECK(syscall(SYS_io_destroy, context) == 0);
	return NULL;
}

static const char *written_and_read(const char *path, int flags)
{
	bool direct = flags & O_DIRECT;
	int fd = open(path, flags, 0644), other;
	const char *why;

	if (direct && fd < 0 && errno == EINVAL)
		return NULL; /* not everywhere: tmpfs */
	CHECK(fd >= 0);
	memset(shadow, 0, SHARED_BYTES);
	CHECK(write(fd, shadow, SHARED_BYTES) == SHARED_BYTES);
	CHECK((other = open(path, O_RDONLY)) >= 0);
	uint8_t *mapped = mmap(NULL, SHARED_BYTES, PROT_READ, MAP_SHARED, other, 0);
	CHECK(mapped != MAP_FAILED);
	pid_t readers[2] = {start_reader(path), start_reader(path)};
	why = direct ? write_at_once_and_look(fd, other, mapped) : write_and_look(fd, other, mapped);
	for (unsigned i = 0; i < 2; i++) {
		CHECK(readers[i] > 0 && kill(readers[i], SIGKILL) == 0 && waitpid(readers[i], NULL, 0) == readers[i]);
	}
	CHECK(munmap(mapped, SHARED_BYTES) == 0 && close(other) == 0 && close(fd) == 0);
	return why;
}

static const char *check_shared_new(void) { return written_and_read("shared", O_WRONLY | O_CREAT | O_EXCL); }
static const char *check_shared_emptied(void)
{
	fill_pattern(work, BIG, 5);
	make_file("shared again", work, BIG);
	memcpy(shadow, work, BIG);
	CHECK(equals_shadow("shared again", BIG)); /* and is in the cache now */
	return written_and_read("shared again", O_WRONLY | O_TRUNC);
}

static const char *check_direct(void) { return written_and_read("direct", O_RDWR | O_CREAT | O_EXCL | O_DIRECT); }
static const char *check_direct_new(void)
{
	return written_and_read("direct new", O_WRONLY | O_CREAT | O_EXCL | O_DIRECT);
}
static const char *check_direct_burned(void) { return written_and_read("direct burned", O_RDWR | O_DIRECT); }

/* What a mapping has changed beside what is written, in the same page: both stay. */
static const char *check_shared_page(void)
{
	int fd = open("shared page", O_WRONLY | O_CREAT | O_EXCL, 0644), other;
	uint8_t got[4096];

	CHECK(fd >= 0);
	memset(work, 'a', 4096);
	CHECK(write(fd, work, 4096) == 4096 && (other = open("shared page", O_RDWR)) >= 0);
	uint8_t *mapped = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, other, 0);
	CHECK(mapped != MAP_FAILED);
	for (unsigned i = 0; i < 100; i++) {
		memset(mapped + 2048, 'b' + (int)(i % 20), 1000);
		memset(work, 'c' + (int)(i % 20), 1000);
		CHECK(pwrite(fd, work, 1000, 0) == 1000);
		CHECK(mapped[0] == 'c' + i % 20 && mapped[999] == 'c' + i % 20 && mapped[1000] == 'a');
		CHECK(pread(other, got, 4096, 0) == 4096 && !memcmp(got, mapped, 4096));
	}
	CHECK(munmap(mapped, 4096) == 0 && close(other) == 0 && close(fd) == 0);
	CHECK((fd = open("shared page", O_RDONLY)) >= 0 && read(fd, work, 4096) == 4096 && !memcmp(work, got, 4096) &&
	      close(fd) == 0);
	return NULL;
}

/* ---- times and space ---- */

static const char *check_times(void)
{
	struct stat before, after;
	int fd = open("timed", O_RDWR | O_CREAT, 0644);

	CHECK(fd >= 0 && fstat(fd, &before) == 0);
	tick();
	CHECK(write(fd, "x", 1) == 1 && fstat(fd, &after) == 0);
	CHECK(later(after.st_mtim, before.st_mtim) && later(after.st_ctim, before.st_ctim));
	tick();
	CHECK(ftruncate(fd, 0) == 0 && fstat(fd, &before) == 0 && later(before.st_mtim, after.st_mtim));
	tick();
	CHECK(fchmod(fd, 0600) == 0 && fstat(fd, &after) == 0);
	CHECK(!later(after.st_mtim, before.st_mtim) && later(after.st_ctim, before.st_ctim));
	CHECK(close(fd) == 0);
	return NULL;
}

static const char *check_space(void)
{
	struct statvfs before, after;

	CHECK(statvfs(".", &before) == 0 && before.f_blocks > 0 && before.f_bfree <= before.f_blocks &&
	      before.f_namemax == 255);
	fill_pattern(work, sizeof(work), 99);
	make_file("space", work, sizeof(work));
	CHECK(statvfs(".", &after) == 0);
	CHECK(after.f_bavail * after.f_frsize <= before.f_bavail * before.f_frsize);
	return NULL;
}

static const struct check checks[] = {
	{"create, write, read, close", check_create},
	{"append by two writers", check_append},
	{"truncate", check_truncate},
	{"sparse files, SEEK_DATA and SEEK_HOLE", check_sparse},
	{"fallocate", check_fallocate},
	{"vectors and locks", check_vectors},
	{"4 MiB in one write, EFBIG", check_large},
	{"mmap of a new file", check_mmap},
	{"burned: content", check_burned_content},
	{"burned: append", check_burned_append},
	{"burned: overwrite", check_burned_overwrite},
	{"burned: truncate", check_burned_truncate},
	{"burned: chmod, chown, utimens", check_burned_attributes},
	{"burned: mmap", check_burned_mmap},
	{"burned: punch a hole", check_burned_punch},
	{"copy_file_range", check_copy_range},
	{"600 random operations on a burned file", check_random_burned},
	{"600 random operations on a new file", check_random_new},
	{"unlink while open, burned", check_unlink_burned},
	{"unlink while open, new", check_unlink_new},
	{"read by others while it is written, new", check_shared_new},
	{"changed by a mapping and written, in one page", check_shared_page},
	{"the same, emptied", check_shared_emptied},
	{"written past the cache, many pieces at once", check_direct},
	{"the same, open for writing only", check_direct_new},
	{"the same, burned", check_direct_burned},
	{"times", check_times},
	{"statvfs", check_space},
	{NULL, NULL},
};

int main(int argc, char **argv) { return check_main(argc, argv, "files", prepare, checks); }
