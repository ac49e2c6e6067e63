/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rig.h - two directories and chance: what operations and comparisons of the model test share
 *
 * Side 0 is the mount, side 1 the plain directory.  BOTH(expression) evaluates an expression for each side, with `s`
 * naming it, and ends the program when results or errno differ.  All chance comes from one generator, and nothing but
 * the seed and the plain directory's state (names sorted) decides what is done next: the same seed gives the same
 * operations.
 */
#ifndef TESTS_MODEL_RIG_H
#define TESTS_MODEL_RIG_H

#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

enum { MOUNT, PLAIN, SIDES };
#define HELD 16	 /* handles at most */
#define TOLD 300 /* operations told when something differs */
#define FILE_BYTES_MAX (6 << 20)

/* One name of the plain tree. */
struct node {
	char *path;
	mode_t mode;
	ino_t ino;
	off_t size;
};

/* A pair of handles kept over other operations. */
struct held {
	int fd[SIDES];
	bool used, directory;
	char *map[SIDES]; /* a mapping of the first map_length bytes, or NULL */
	size_t map_length;
	ino_t mount_ino, plain_ino;
	char **start; /* of a directory that is being read: the plain names at its first read … */
	ino_t *start_inos;
	size_t n_start;
	char **seen; /* … and what the mount gave until now */
	size_t n_seen;
};

static struct {
	uint64_t seed, chance;
	uint64_t number; /* of the operation */
	const char *path[SIDES];
	int root[SIDES];
	time_t started;
	struct held held[HELD];
	struct node *nodes; /* the plain tree, parents before children; the root is not in it */
	size_t n_nodes;
	off_t bytes; /* of all files */
	bool stale;  /* nodes is to be read again */
	bool verbose;
	/* the mount's medium may become full: then nothing is done to the plain directory … */
	bool bounded;
	bool full;		/* … but its file may have to follow what was done in part */
	char told[TOLD][16384]; /* with two paths, before they are shortened */
} model;

/* ---- chance (splitmix64) ---- */
static inline uint64_t random_bits(void)
{
	uint64_t z = model.chance += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}
static inline uint64_t below(uint64_t n) { return n ? random_bits() % n : 0; }
static inline bool percent(unsigned n) { return below(100) < n; }

/* ---- telling ---- */
/* Long runs of one character are not to be read by anybody. */
static inline void shorten(char *line)
{
	char *to = line;
	size_t run = 0;

	for (const char *from = line; *from; from++) {
		run = from > line && from[0] == from[-1] ? run + 1 : 0;
		if (run < 6)
			*to++ = *from;
	}
	*to = 0;
}

__attribute__((format(printf, 1, 2))) static inline void tell(const char *format, ...)
{
	char *line = model.told[model.number % TOLD];
	int n = snprintf(line, sizeof(model.told[0]), "%" PRIu64 ": ", model.number);
	va_list list;

	va_start(list, format);
	vsnprintf(line + n, sizeof(model.told[0]) - (size_t)n, format, list);
	va_end(list);
	shorten(line);
	if (model.verbose)
		fprintf(stderr, "%s\n", line);
}

__attribute__((noreturn, format(printf, 1, 2))) static inline void differ(const char *format, ...)
{
	va_list list;

	printf("# the last operations:\n");
	for (uint64_t i = model.number < TOLD ? 0 : model.number - TOLD + 1; i <= model.number; i++)
		if (model.told[i % TOLD][0])
			printf("#   %s\n", model.told[i % TOLD]);
	printf("# seed %" PRIu64 ", operation %" PRIu64 ": ", model.seed, model.number);
	va_start(list, format);
	vprintf(format, list);
	va_end(list);
	printf("\n");
	fflush(stdout);
	_exit(1);
}

/* ---- doing something on both sides ---- */
static inline void tell_full(void)
{
	char *line = model.told[model.number % TOLD];
	size_t n = strlen(line);

	model.full = true;
	snprintf(line + n, sizeof(model.told[0]) - n, ": no space left");
}

static inline long settle(const char *what, const long result[SIDES], const int number[SIDES])
{
	if (model.bounded && number[PLAIN] == 0 && result[MOUNT] >= 0 && result[MOUNT] < result[PLAIN]) {
		tell_full(); /* a part was written */
		return result[MOUNT];
	}
	if (result[MOUNT] != result[PLAIN] || number[MOUNT] != number[PLAIN])
		differ("%s: mount %ld (%s), plain %ld (%s)", what, result[MOUNT],
		       number[MOUNT] ? strerror(number[MOUNT]) : "ok", result[PLAIN],
		       number[PLAIN] ? strerror(number[PLAIN]) : "ok");
	errno = number[PLAIN];
	return result[PLAIN];
}
#define BOTH(expression) \
	__extension__({ \
		long result_[SIDES]; \
		int number_[SIDES]; \
		for (int s = 0; s < SIDES; s++) { \
			errno = 0; \
			result_[s] = (long)(expression); \
			number_[s] = result_[s] < 0 ? errno : 0; \
			if (s == MOUNT && model.bounded && (number_[s] == ENOSPC || number_[s] == EROFS)) { \
				tell_full(); \
				result_[PLAIN] = result_[s]; \
				number_[PLAIN] = number_[s]; \
				break; \
			} \
		} \
		settle(#expression, result_, number_); \
	})
/* The same of an expression that gives a descriptor. */
#define BOTH_OPEN(fd, expression) (BOTH(((fd)[s] = (expression)) < 0 ? -1 : 0) == 0)

static inline void *need(void *p)
{
	if (!p)
		err(2, "memory");
	return p;
}

static inline void close_both(const int fd[SIDES])
{
	close(fd[MOUNT]);
	close(fd[PLAIN]);
}

static inline void open_roots(void)
{
	for (int s = 0; s < SIDES; s++)
		if ((model.root[s] = open(model.path[s], O_RDONLY | O_DIRECTORY)) < 0)
			differ("%s: %s", model.path[s], strerror(errno));
}

/* ---- the plain tree ---- */
static inline int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* Sorted names of a directory without "." and ".."; the descriptor stays open. -1: it cannot be read. */
static inline ssize_t names_of(int fd, char ***ret)
{
	int again = openat(fd, ".", O_RDONLY | O_DIRECTORY);
	DIR *dir = again < 0 ? NULL : fdopendir(again);
	struct dirent *entry;
	char **names = NULL;
	size_t n = 0;

	if (!dir)
		return -1;
	while (errno = 0, (entry = readdir(dir))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		names = need(realloc(names, (n + 1) * sizeof(*names)));
		names[n++] = need(strdup(entry->d_name));
	}
	int r = errno;
	closedir(dir);
	if (n)
		qsort(names, n, sizeof(*names), by_name);
	*ret = names;
	errno = r;
	return r ? -1 : (ssize_t)n;
}

static inline void free_names(char **names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	free(names);
}

static inline void scan_below(int fd, const char *path)
{
	char **names = NULL;
	ssize_t n = names_of(fd, &names);

	if (n < 0)
		err(2, "%s/%s", model.path[PLAIN], path);
	for (ssize_t i = 0; i < n; i++) {
		struct stat st;
		char *whole;
		int inside;

		if (asprintf(&whole, "%s%s%s", path, *path ? "/" : "", names[i]) < 0 ||
		    fstatat(fd, names[i], &st, AT_SYMLINK_NOFOLLOW) < 0)
			err(2, "%s", names[i]);
		model.nodes = need(realloc(model.nodes, (model.n_nodes + 1) * sizeof(*model.nodes)));
		model.nodes[model.n_nodes++] =
			(struct node){.path = whole, .mode = st.st_mode, .ino = st.st_ino, .size = st.st_size};
		if (S_ISREG(st.st_mode))
			model.bytes += st.st_size;
		if (!S_ISDIR(st.st_mode))
			continue;
		if ((inside = openat(fd, names[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW)) < 0)
			err(2, "%s", names[i]);
		scan_below(inside, whole);
		close(inside);
	}
	free_names(names, (size_t)n);
}

static inline void scan(void)
{
	if (!model.stale)
		return;
	for (size_t i = 0; i < model.n_nodes; i++)
		free(model.nodes[i].path);
	model.n_nodes = 0;
	model.bytes = 0;
	scan_below(model.root[PLAIN], "");
	model.stale = false;
}

/* A random node with that type (0: any), or NULL. */
static inline const struct node *pick(mode_t type)
{
	size_t n = 0;

	for (size_t i = 0; i < model.n_nodes; i++)
		n += !type || (model.nodes[i].mode & S_IFMT) == type;
	if (!n)
		return NULL;
	size_t nth = below(n);
	for (size_t i = 0; i < model.n_nodes; i++)
		if ((!type || (model.nodes[i].mode & S_IFMT) == type) && !nth--)
			return &model.nodes[i];
	return NULL;
}

/* ---- handles ---- */
static inline bool is_mapped(ino_t plain_ino)
{
	for (int i = 0; i < HELD; i++)
		if (model.held[i].used && model.held[i].map[PLAIN] && model.held[i].plain_ino == plain_ino)
			return true;
	return false;
}

#endif
