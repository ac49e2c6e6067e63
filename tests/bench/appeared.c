/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * appeared.c - waits until a server answers at its mount point, for the bench
 *
 *	appeared PID START MOUNTPOINT [PATH]	-> seconds from START (of the clock of the day, as $EPOCHREALTIME)
 *						until PATH in it was stat-ed
 *
 * Fails when the server PID ends before, or after 120 seconds.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LOOK_AGAIN_NS 200000
#define LOOKS 600000

static bool mounted(const char *point)
{
	struct stat here, above;
	char parent[4096];

	snprintf(parent, sizeof(parent), "%s/..", point);
	return !stat(point, &here) && !stat(parent, &above) && here.st_dev != above.st_dev;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	const struct timespec pause = {.tv_nsec = LOOK_AGAIN_NS};
	struct stat st;

	if (argc < 4)
		errx(2, "usage: appeared PID START MOUNTPOINT [PATH]");
	for (long i = 0; !mounted(argv[3]); i++) {
		if (i == LOOKS || kill((pid_t)strtol(argv[1], NULL, 10), 0) < 0)
			return 1;
		nanosleep(&pause, NULL);
	}
	if (argc > 4) {
		int dir = open(argv[3], O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (dir < 0 || fstatat(dir, argv[4], &st, AT_SYMLINK_NOFOLLOW) < 0)
			err(1, "%s/%s", argv[3], argv[4]);
	}
	printf("%.6f\n", now() - strtod(argv[2], NULL));
	return 0;
}
