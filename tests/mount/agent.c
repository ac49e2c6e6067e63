/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * agent.c - a program that holds files, directories and mappings open while a test does other things
 *
 * Reads commands from standard input, one a line, and answers each with one line "ok …" or "error NUMBER TEXT".
 *	open N PATH r|w|a|c	pread N LENGTH OFFSET	pwrite N OFFSET TEXT	stat N	fsync N	close N	truncate N SIZE
 *	opendir N PATH		fsyncdir N		readdir N COUNT (0: the rest) -> ok READ TOTAL TWICE
 *	map N LENGTH		poke N OFFSET TEXT	peek N LENGTH OFFSET
 *	copy N FROM LENGTH	(by copy_file_range, both from where they are)
 * N is a number below 16 that names the thing held.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define HELD 16

struct held {
	int fd;
	DIR *dir;
	char *map;
	char **names;
	size_t n_names, n_twice;
};
static struct held held[HELD];

static int compare(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static void answer(bool good)
{
	if (good)
		printf("ok\n");
	else
		printf("error %d %s\n", errno, strerror(errno));
}

static void open_file(struct held *h, const char *path, char mode)
{
	int flags = mode == 'r' ? O_RDONLY : mode == 'a' ? O_RDWR | O_APPEND : mode == 'c' ? O_RDWR | O_CREAT : O_RDWR;

	h->fd = open(path, flags, 0644);
	answer(h->fd >= 0);
}

static void print_bytes(const char *buf, ssize_t length)
{
	printf("ok ");
	for (ssize_t i = 0; i < length; i++)
		putchar(buf[i] > ' ' && buf[i] < 0x7f ? buf[i] : '.');
	putchar('\n');
}

static void read_file(struct held *h, size_t length, off_t offset)
{
	char buf[4096];
	ssize_t got = pread(h->fd, buf, length < sizeof(buf) ? length : sizeof(buf), offset);

	if (got < 0)
		answer(false);
	else
		print_bytes(buf, got);
}

static void stat_file(struct held *h)
{
	struct stat st;

	if (fstat(h->dir ? dirfd(h->dir) : h->fd, &st) < 0)
		answer(false);
	else
		printf("ok %llu %lld %lu\n", (unsigned long long)st.st_ino, (long long)st.st_size,
		       (unsigned long)st.st_nlink);
}

static void read_directory(struct held *h, size_t count)
{
	struct dirent *entry;
	size_t n = 0;

	errno = 0;
	while ((!count || n < count) && (entry = readdir(h->dir))) {
		h->names = realloc(h->names, (h->n_names + 1) * sizeof(*h->names));
		if (!h->names)
			abort();
		h->names[h->n_names++] = strdup(entry->d_name);
		n++;
	}
	if (errno) {
		answer(false);
		return;
	}
	if (h->n_names)
		qsort(h->names, h->n_names, sizeof(*h->names), compare);
	h->n_twice = 0;
	for (size_t i = 1; i < h->n_names; i++)
		h->n_twice += !strcmp(h->names[i - 1], h->names[i]);
	printf("ok %zu %zu %zu\n", n, h->n_names, h->n_twice);
}

static bool obey(struct held *h, const char *verb, char *rest)
{
	char *second = strchr(rest, ' ');
	long long first_number = strtoll(rest, NULL, 10), second_number = second ? strtoll(second + 1, NULL, 10) : 0;

	if (!strcmp(verb, "open") && second) {
		*second = 0;
		open_file(h, rest, second[1]);
	} else if (!strcmp(verb, "pread")) {
		read_file(h, (size_t)first_number, second_number);
	} else if (!strcmp(verb, "pwrite") && second) {
		answer(pwrite(h->fd, second + 1, strlen(second + 1), first_number) == (ssize_t)strlen(second + 1));
	} else if (!strcmp(verb, "truncate")) {
		answer(ftruncate(h->fd, first_number) == 0);
	} else if (!strcmp(verb, "stat")) {
		stat_file(h);
	} else if (!strcmp(verb, "fsync")) {
		answer(fsync(h->fd) == 0);
	} else if (!strcmp(verb, "close")) {
		answer(h->dir ? closedir(h->dir) == 0 : close(h->fd) == 0);
		h->dir = NULL;
	} else if (!strcmp(verb, "opendir")) {
		answer((h->dir = opendir(rest)) != NULL);
	} else if (!strcmp(verb, "fsyncdir")) {
		answer(fsync(dirfd(h->dir)) == 0);
	} else if (!strcmp(verb, "readdir")) {
		read_directory(h, (size_t)first_number);
	} else if (!strcmp(verb, "map")) {
		h->map = mmap(NULL, (size_t)first_number, PROT_READ | PROT_WRITE, MAP_SHARED, h->fd, 0);
		answer(h->map != MAP_FAILED);
	} else if (!strcmp(verb, "poke") && second) {
		memcpy(h->map + first_number, second + 1, strlen(second + 1));
		answer(true);
	} else if (!strcmp(verb, "copy") && first_number >= 0 && first_number < HELD) {
		answer(copy_file_range(held[first_number].fd, NULL, h->fd, NULL, (size_t)second_number, 0) ==
		       second_number);
	} else if (!strcmp(verb, "peek")) {
		print_bytes(h->map + second_number, first_number);
	} else {
		return false;
	}
	return true;
}

int main(void)
{
	char line[8192], verb[32];
	int n, used;

	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = 0;
		used = 0;
		if (sscanf(line, "%31s %d %n", verb, &n, &used) < 2 || n < 0 || n >= HELD ||
		    !obey(&held[n], verb, line + used))
			printf("error 0 what?\n");
		fflush(stdout);
	}
	return 0;
}
