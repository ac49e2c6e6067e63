/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pick.c - reads of 4 KiB all over a file, for the bench
 *
 *	pick FILE COUNT		the same places each time
 */
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE 4096

int main(int argc, char **argv)
{
	static char buf[PIECE];
	uint64_t state = 88172645463325252ull;
	struct stat st;

	if (argc != 3)
		errx(2, "usage: pick FILE COUNT");
	int fd = open(argv[1], O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size < PIECE)
		err(1, "%s", argv[1]);
	for (long n = strtol(argv[2], NULL, 10); n > 0; n--) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		if (pread(fd, buf, PIECE, (off_t)(state % ((uint64_t)st.st_size / PIECE)) * PIECE) != PIECE)
			err(1, "%s", argv[1]);
	}
	return 0;
}
