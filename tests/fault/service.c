/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * service.c - many clients and long use of a directory, compressed; for service.t
 *
 *	service look DIR N SEED			stat of N names drawn from what "make" made, one in four is
 *						missing; opens and reads one in eight
 *	service make DIR DIRECTORIES FILES	FILES in each of DIRECTORIES
 *	service hold DIR N			holds N open files, half of them its own and written; prints
 *						"held", waits for a line, uses and closes them
 *	service clients DIR N OPERATIONS SEED	N processes at once, each with OPERATIONS of all kinds in a
 *						directory of its own
 * Anything that does not turn out as it must ends the program with a message and status 1.
 */
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define FILES_AT_ONCE 40u /* of each client */
#define MOST_BYTES 30000u

static uint64_t state;
static uint32_t draw(uint32_t below)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(state >> 33) % below;
}

static void fill(char *buf, size_t length, uint32_t seed)
{
	for (size_t i = 0; i < length; i++)
		buf[i] = (char)((seed * 31 + i) * 2654435761u >> 16);
}

static void enter(const char *dir)
{
	if (chdir(dir) < 0)
		err(1, "%s", dir);
}

static void write_file(const char *name, size_t length, uint32_t seed)
{
	char buf[MOST_BYTES];
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	fill(buf, length, seed);
	if (fd < 0 || write(fd, buf, length) != (ssize_t)length || close(fd) < 0)
		err(1, "write %s", name);
}

static void check_file(const char *name, size_t length, uint32_t seed)
{
	char want[MOST_BYTES], got[MOST_BYTES + 1];
	int fd = open(name, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, got, sizeof(got));

	fill(want, length, seed);
	if (n < 0 || close(fd) < 0)
		err(1, "read %s", name);
	if ((size_t)n != length || memcmp(want, got, length) != 0)
		errx(1, "%s is not what was written", name);
}

/* ---- make and look ---- */

static void name_of(char *ret, size_t size, uint32_t dir, uint32_t file)
{
	snprintf(ret, size, "dir %u/file %u of it", dir, file);
}

static int make(uint32_t dirs, uint32_t files)
{
	char name[64];

	for (uint32_t d = 0; d < dirs; d++) {
		snprintf(name, sizeof(name), "dir %u", d);
		if (mkdir(name, 0755) < 0)
			err(1, "%s", name);
		for (uint32_t f = 0; f < files; f++) {
			name_of(name, sizeof(name), d, f);
			write_file(name, f % 50, d + f);
		}
	}
	return 0;
}

/* How many of them there are: from the tree itself. */
static void count(uint32_t *ret_dirs, uint32_t *ret_files)
{
	char name[64];
	struct stat st;

	for (*ret_dirs = 0; name_of(name, sizeof(name), *ret_dirs, 0), stat(name, &st) == 0; ++*ret_dirs)
		;
	for (*ret_files = 0; name_of(name, sizeof(name), 0, *ret_files), stat(name, &st) == 0; ++*ret_files)
		;
	if (!*ret_dirs)
		errx(1, "nothing was made here");
}

static int look(uint32_t n)
{
	uint32_t dirs, files;
	char name[64];
	struct stat st;

	count(&dirs, &files);
	for (uint32_t i = 0; i < n; i++) {
		bool missing = draw(4) == 0;
		uint32_t d = draw(dirs), f = draw(files) + (missing ? files + draw(1u << 30) : 0);

		name_of(name, sizeof(name), d, f);
		if ((stat(name, &st) < 0) != missing || (missing ? errno != ENOENT : st.st_size != f % 50))
			err(1, "%s", name);
		if (!missing && draw(8) == 0)
			check_file(name, f % 50, d + f);
	}
	return 0;
}

/* ---- hold ---- */

static void use_held(int fd, uint32_t i, uint32_t files)
{
	char want[50], got[50];
	size_t length = i % 2 ? 40 : i / 2 % files % 50;

	fill(want, length, i % 2 ? i : i / 2 / files + i / 2 % files);
	if (pread(fd, got, sizeof(got), 0) != (ssize_t)length || memcmp(want, got, length) != 0)
		err(1, "handle %u", i);
	if (i % 2 && pwrite(fd, "again", 5, 40) != 5)
		err(1, "handle %u", i);
}

static int hold(uint32_t n)
{
	const struct rlimit more = {n + 64, n + 64};
	int *fds = calloc(n, sizeof(*fds));
	uint32_t dirs, files;
	char name[64], data[40];

	if (setrlimit(RLIMIT_NOFILE, &more) < 0)
		err(1, "%u open files", n);
	count(&dirs, &files);
	mkdir("held", 0755);
	for (uint32_t i = 0; i < n; i++) {
		if (i % 2)
			snprintf(name, sizeof(name), "held/%u", i);
		else
			name_of(name, sizeof(name), i / 2 / files % dirs, i / 2 % files);
		fds[i] = open(name, i % 2 ? O_RDWR | O_CREAT | O_TRUNC : O_RDONLY, 0644);
		fill(data, sizeof(data), i);
		if (fds[i] < 0 || (i % 2 && pwrite(fds[i], data, sizeof(data), 0) != sizeof(data)))
			err(1, "%s", name);
	}
	puts("held");
	fflush(stdout);
	if (getchar() == EOF)
		return 1;
	for (uint32_t i = 0; i < n; i++) {
		use_held(fds[i], i, files);
		close(fds[i]);
	}
	free(fds);
	return 0;
}

/* ---- clients ---- */

struct own {
	bool there;
	uint32_t seed, length;
};

static void list(uint32_t expected)
{
	DIR *d = opendir(".");
	uint32_t n = 0;

	for (struct dirent *e; d && (e = readdir(d));)
		n += e->d_name[0] != '.';
	if (!d || n != expected)
		errx(1, "%u names are listed, there are %u", n, expected);
	closedir(d);
}

static void rename_to(struct own *own, uint32_t from, uint32_t to)
{
	char a[16], b[16];

	snprintf(a, sizeof(a), "%u", from);
	snprintf(b, sizeof(b), "%u", to);
	if (rename(a, b) < 0)
		err(1, "rename %s %s", a, b);
	if (from != to) {
		own[to] = own[from];
		own[from].there = false;
	}
}

static void operate(struct own *own, uint32_t which)
{
	uint32_t there = 0, i = draw(FILES_AT_ONCE);
	char name[16];

	snprintf(name, sizeof(name), "%u", i);
	for (uint32_t k = 0; k < FILES_AT_ONCE; k++)
		there += own[k].there;
	if (which < 5 || !own[i].there) {
		own[i] = (struct own){true, draw(1u << 30), draw(draw(4) ? 500 : MOST_BYTES)};
		write_file(name, own[i].length, own[i].seed);
	} else if (which < 10) {
		check_file(name, own[i].length, own[i].seed);
	} else if (which < 12) {
		rename_to(own, i, draw(FILES_AT_ONCE));
	} else if (which < 14) {
		own[i].length /= 2;
		if (truncate(name, own[i].length) < 0)
			err(1, "truncate %s", name);
	} else if (which < 15) {
		list(there);
	} else {
		if (unlink(name) < 0)
			err(1, "unlink %s", name);
		own[i].there = false;
	}
}

static int client(uint32_t number, uint32_t operations, uint32_t seed)
{
	struct own own[FILES_AT_ONCE] = {{0}};
	char dir[32], name[16];

	snprintf(dir, sizeof(dir), "client %u.%u", number, seed);
	if (mkdir(dir, 0755) < 0)
		err(1, "%s", dir);
	enter(dir);
	state = number * 1000003u + seed;
	for (uint32_t i = 0; i < operations; i++)
		operate(own, draw(17));
	for (uint32_t i = 0; i < FILES_AT_ONCE; i++) {
		snprintf(name, sizeof(name), "%u", i);
		if (!own[i].there)
			continue;
		check_file(name, own[i].length, own[i].seed);
		if (unlink(name) < 0)
			err(1, "unlink %s", name);
	}
	enter("..");
	if (rmdir(dir) < 0)
		err(1, "rmdir %s", dir);
	return 0;
}

static int clients(uint32_t n, uint32_t operations, uint32_t seed)
{
	int status, r = 0;

	for (uint32_t i = 0; i < n; i++) {
		pid_t child = fork();
		if (child < 0)
			err(1, "fork");
		if (child == 0)
			_exit(client(i, operations, seed));
	}
	while (wait(&status) >= 0)
		r |= status != 0;
	return r;
}

int main(int argc, char **argv)
{
	uint32_t numbers[3] = {0};

	if (argc < 4)
		errx(2, "see service.c");
	enter(argv[2]);
	for (int i = 3; i < argc && i < 6; i++)
		numbers[i - 3] = (uint32_t)strtoul(argv[i], NULL, 10);
	state = numbers[1];
	if (strcmp(argv[1], "make") == 0)
		return make(numbers[0], numbers[1]);
	if (strcmp(argv[1], "look") == 0)
		return look(numbers[0]);
	if (strcmp(argv[1], "hold") == 0)
		return hold(numbers[0]);
	if (strcmp(argv[1], "clients") == 0)
		return clients(numbers[0], numbers[1], numbers[2]);
	errx(2, "see service.c");
}
