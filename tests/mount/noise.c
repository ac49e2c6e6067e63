/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * noise.c - bytes that do not compress and are the same each time, into several files at once
 *
 *	noise BYTES SEED [FILE]...	(without one: standard output)
 *
 * For guests of run-in-uml: one process, where openssl would be three.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* splitmix64, of Steele, Lea and Flood. */
static uint64_t next(uint64_t *state)
{
	uint64_t x = *state += 0x9e3779b97f4a7c15u;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

static int put(int fd, size_t bytes, uint64_t seed)
{
	static uint64_t block[8192];
	uint64_t state = seed;

	while (bytes > 0) {
		const size_t n = bytes < sizeof(block) ? bytes : sizeof(block);

		for (size_t i = 0; i < sizeof(block) / sizeof(*block); i++)
			block[i] = next(&state);
		for (size_t done = 0; done < n;) {
			const ssize_t r = write(fd, (const char *)block + done, n - done);

			if (r < 0)
				return -1;
			done += (size_t)r;
		}
		bytes -= n;
	}
	return 0;
}

static int fail(const char *what)
{
	perror(what);
	return 1;
}

int main(int argc, char **argv)
{
	if (argc < 3) {
		fprintf(stderr, "usage: noise BYTES SEED [FILE]...\n");
		return 2;
	}
	const size_t bytes = strtoul(argv[1], NULL, 10);
	const uint64_t seed = strtoull(argv[2], NULL, 10);

	if (argc == 3 && put(STDOUT_FILENO, bytes, seed) < 0)
		return fail("standard output");
	for (char **file = argv + 3; *file; file++) {
		const int fd = open(*file, O_WRONLY | O_CREAT | O_TRUNC, 0666);

		if (fd < 0 || put(fd, bytes, seed) < 0 || close(fd) < 0)
			return fail(*file);
	}
	return 0;
}
