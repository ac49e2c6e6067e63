/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * spawn.c - time and memory of a command, for the bench
 *
 *	spawn COMMAND [ARGUMENT]…	-> "SECONDS KIB" on standard error's last line ("0.123456 5120"), exit
 *					status of the command
 *
 * The clock runs from fork to wait; the shell's own start is not in it.  The memory is what was resident at most.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct timespec from, to;
	struct rusage usage;
	int status;
	pid_t pid;

	if (argc < 2)
		errx(2, "usage: spawn COMMAND [ARGUMENT]...");
	clock_gettime(CLOCK_MONOTONIC, &from);
	pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (!pid) {
		execvp(argv[1], argv + 1);
		err(127, "%s", argv[1]);
	}
	if (wait4(pid, &status, 0, &usage) < 0)
		err(1, "wait");
	clock_gettime(CLOCK_MONOTONIC, &to);
	fprintf(stderr, "%.6f %ld\n", (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9,
		usage.ru_maxrss);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
