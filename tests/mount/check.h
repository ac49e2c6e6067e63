/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * check.h - the frame of the POSIX checks: functions that return NULL or what did not hold, printed as TAP
 *
 * A program has a table of checks, run one after the other in its directory (chdir'ed there), and a function that
 * prepares what the checks find burned.  `PROGRAM -p DIRECTORY` prepares, `PROGRAM DIRECTORY` checks.
 */
#ifndef TESTS_MOUNT_CHECK_H
#define TESTS_MOUNT_CHECK_H

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct check {
	const char *name;
	const char *(*run)(void);
};

#define CHECK_TEXT(line, condition) "line " #line ": " condition
#define CHECK_LINE(line, condition) CHECK_TEXT(line, condition)
#define CHECK(condition) \
	do { \
		errno = 0; \
		if (!(condition)) \
			return CHECK_LINE(__LINE__, #condition); \
	} while (0)
/* It fails with exactly that errno. */
#define FAILS(call, number) \
	do { \
		errno = 0; \
		if ((call) != -1 || errno != (number)) \
			return CHECK_LINE(__LINE__, #call " fails with " #number); \
	} while (0)

static inline uint8_t pattern(uint64_t pos) { return (uint8_t)((pos * 2654435761u >> 13) ^ pos); }

static inline void fill_pattern(uint8_t *buf, size_t length, uint64_t pos)
{
	for (size_t i = 0; i < length; i++)
		buf[i] = pattern(pos + i);
}

static inline void make_file(const char *path, const void *data, size_t length)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || write(fd, data, length) != (ssize_t)length || close(fd) < 0)
		err(1, "%s", path);
}
static inline void make_text(const char *path, const char *text) { make_file(path, text, strlen(text)); }
static inline void make_dir(const char *path)
{
	if (mkdir(path, 0755) < 0)
		err(1, "%s", path);
}

static inline bool has_text(const char *path, const char *text)
{
	char buf[4096];
	int fd = open(path, O_RDONLY);
	ssize_t got = fd < 0 ? -1 : read(fd, buf, sizeof(buf));

	if (fd >= 0)
		close(fd);
	return got == (ssize_t)strlen(text) && !memcmp(buf, text, (size_t)got);
}
static inline bool exists(const char *path)
{
	struct stat st;
	return lstat(path, &st) == 0;
}
static inline bool missing(const char *path)
{
	struct stat st;
	return lstat(path, &st) == -1 && errno == ENOENT;
}
static inline struct stat stat_of(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		memset(&st, 0, sizeof(st));
	return st;
}
static inline bool later(struct timespec a, struct timespec b)
{
	return a.tv_sec != b.tv_sec ? a.tv_sec > b.tv_sec : a.tv_nsec > b.tv_nsec;
}
static inline void tick(void) { usleep(12000); } /* more than the kernel's coarse clock */

static inline int check_main(int argc, char **argv, const char *below, void (*prepare)(void),
			     const struct check *checks)
{
	bool preparing = argc == 3 && !strcmp(argv[1], "-p");
	int n = 0, failures = 0;

	if (argc != 2 + preparing)
		errx(2, "usage: %s [-p] DIRECTORY", argv[0]);
	umask(022);
	if (chdir(argv[argc - 1]) < 0 || (preparing && mkdir(below, 0755) < 0) || chdir(below) < 0)
		err(1, "%s", argv[argc - 1]);
	if (preparing) {
		prepare();
		return 0;
	}
	for (const struct check *c = checks; c->name; c++) {
		const char *what = c->run();

		if (what) {
			failures++;
			printf("not ok %d - %s\n# %s (%s)\n", ++n, c->name, what, strerror(errno));
		} else {
			printf("ok %d - %s\n", ++n, c->name);
		}
		fflush(stdout);
	}
	printf("1..%d\n", n);
	return failures != 0;
}

#endif
