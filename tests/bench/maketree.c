/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * maketree.c - many files in many directories, fast, and the same each time, for the bench
 *
 *	maketree DIR FILES FILES_PER_DIRECTORY LEAST_BYTES MOST_BYTES SEED	-> the path of the last file below DIR
 *
 * A directory has up to 16 others in it.  Sizes are spread evenly over the powers of two between the two bounds: most are small, as in
 * sources.  No two files share a block of content (unless they are shorter than a few bytes), nor do those of two seeds.
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

static uint64_t random_bits(void)	/* xorshift64* */
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

int main(int argc, char **argv)
{
	char path[PATH] = "", name[32] = "";

	if (argc != 7)
		errx(2, "usage: maketree DIR FILES FILES_PER_DIRECTORY LEAST_BYTES MOST_BYTES SEED");
	long files = strtol(argv[2], NULL, 10), per = strtol(argv[3], NULL, 10), least = strtol(argv[4], NULL, 10), most = strtol(argv[5], NULL, 10);
	state = (strtoull(argv[6], NULL, 10) + 1) * 0x9e3779b97f4a7c15ull;
	if (per < 1 || least < 0 || most > MOST)
		errx(2, "no such tree");
	mkdir(argv[1], 0755);
	int top = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC), dir = -1;
	if (top < 0)
		err(1, "%s", argv[1]);
	for (long i = 0; i < files; i++) {
		if (i % per == 0) {
			directory_path(path, i / per);
			if (dir >= 0)
				close(dir);
			if ((*path && mkdirat(top, path, 0755) < 0) || (dir = openat(top, *path ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
				err(1, "%s/%s", argv[1], path);
		}
		snprintf(name, sizeof(name), "file %07ld.dat", i);
		make_file(dir, name, draw_size(least, most));
	}
	printf("%s%s\n", path, name);
	return 0;
}
