/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * flip.c - somebody who changes a file while others look at it
 *
 *	flip exchange A B	the two change names, again and again
 *	flip link NAME TARGET	NAME is a symbolic link to TARGET, and nothing, in turn
 *	flip bytes FILE OTHER	the last bytes of FILE are those of OTHER, and what they were, in turn
 *
 * It goes on until it is ended; then things are in either state.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int fail(const char *what)
{
	perror(what);
	return 1;
}

static int exchange(const char *a, const char *b)
{
	while (renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE) == 0)
		;
	return fail("renameat2");
}

static int come_and_go(const char *name, const char *target)
{
	while ((symlink(target, name) == 0 || errno == EEXIST) && (unlink(name) == 0 || errno == ENOENT))
		;
	return fail("symlink");
}

static int bytes(const char *file, const char *other)
{
	static char is[65536], was[sizeof(is)];
	int to = open(file, O_RDWR), from = open(other, O_RDONLY);
	ssize_t n = from < 0 ? -1 : read(from, is, sizeof(is));
	struct stat st;

	if (to < 0 || n <= 0 || fstat(to, &st) < 0 || st.st_size < n || pread(to, was, (size_t)n, st.st_size - n) != n)
		return fail(file);
	while (pwrite(to, is, (size_t)n, st.st_size - n) == n && pwrite(to, was, (size_t)n, st.st_size - n) == n)
		;
	return fail("pwrite");
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "exchange") == 0)
		return exchange(argv[2], argv[3]);
	if (argc == 4 && strcmp(argv[1], "link") == 0)
		return come_and_go(argv[2], argv[3]);
	if (argc == 4 && strcmp(argv[1], "bytes") == 0)
		return bytes(argv[2], argv[3]);
	fprintf(stderr, "usage: flip exchange A B | flip link NAME TARGET | flip bytes FILE OTHER\n");
	return 2;
}
