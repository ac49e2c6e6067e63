/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * maketree.c - many files in many directories, fast, and the same each time, for the bench
 *
 *	maketree DIR FILES FILES_PER_DIRECTORY LEAST_BYTES MOST_BYTES SEED	-> the path of the last file below DIR
 *
 * A directory has up to 16 others in it.  Sizes are spread evenly over the powers of two between the two bounds: most
 * are small, as in sources.  No two files share a block of content, nor do those of two seeds.
 */
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ARITY 16
#define PATH 1024
#define MOST (1 << 20)

static uint64_t state;

static uint64_t random_bits(void) /* xorshift64* */
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 0x2545f4914f6cdd1dull;
}

/* Directory 0 is the top; the others hang below it as a tree of arity ARITY. */
static void directory_path(char *buf, long number)
{
	char above[PATH] = "", here[64];

	if (number > 0) {
		directory_path(above, (number - 1) / ARITY);
		snprintf(here, sizeof(here), "directory %05ld/", number);
		snprintf(buf, PATH, "%.*s%s", PATH - (int)sizeof(here) - 1, above, here);
	} else {
		buf[0] = '\0';
	}
}

/* First the power of two, then the place below it */
static size_t draw_size(long least, long most)
{
	unsigned halvings = 0;

	if (least >= most)
		return (size_t)least;
	while (most >> (halvings + 1) > least)
		halvings++;
	long size = most >> random_bits() % (halvings + 1);
	size -= (long)(random_bits() % (uint64_t)(size / 2 + 1));
	return (size_t)(size < least ? least : size);
}

static void make_file(int dir, const char *name, size_t length)
{
	static uint64_t buf[MOST / sizeof(uint64_t)];
	int fd;

	if (!length && !mknodat(dir, name, S_IFREG | 0644, 0))
		return;
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	for (size_t i = 0; i * sizeof(*buf) < length; i++)
		buf[i] = random_bits();
	if (fd < 0 || (length && write(fd, buf, length) != (ssize_t)length) || close(fd) < 0)
		err(1, "%s", name);
}

/* Makes directory NUMBER below top; its path goes to PATH_OF_IT, and the descriptor is the caller's. */
static int make_directory(int top, long number, char *path_of_it)
{
	directory_path(path_of_it, number);
	if (*path_of_it && mkdirat(top, path_of_it, 0755) < 0)
		err(1, "%s", path_of_it);
	int dir = openat(top, *path_of_it ? path_of_it : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		err(1, "%s", path_of_it);
	return dir;
}

int main(int argc, char **argv)
{
	char path[PATH] = "", name[32] = "";
	long number[5];
	int dir = -1;

	if (argc != 7)
		errx(2, "usage: maketree DIR FILES FILES_PER_DIRECTORY LEAST_BYTES MOST_BYTES SEED");
	for (int i = 0; i < 5; i++)
		number[i] = strtol(argv[i + 2], NULL, 10);
	long files = number[0], per = number[1], least = number[2], most = number[3];
	if (per < 1 || least < 0 || most > MOST)
		errx(2, "no such tree");
	state = ((uint64_t)number[4] + 1) * 0x9e3779b97f4a7c15ull;
	mkdir(argv[1], 0755);
	int top = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (top < 0)
		err(1, "%s", argv[1]);
	for (long i = 0; i < files; i++) {
		if (i % per == 0) {
			close(dir);
			dir = make_directory(top, i / per, path);
		}
		snprintf(name, sizeof(name), "file %07ld.dat", i);
		make_file(dir, name, draw_size(least, most));
	}
	printf("%s%s\n", path, name);
	return 0;
}
