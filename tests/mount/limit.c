/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * limit.c - a command that is ended by SIGALRM when it has run for too long
 *
 *	limit SECONDS COMMAND [ARGUMENT]...
 *
 * As timeout(1), but the command takes the place of this program, whose alarm it keeps: no second process, and none
 * that is linked at run time, which is much for a guest of run-in-uml.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	const int seconds = argc > 2 ? atoi(argv[1]) : 0;

	if (seconds <= 0) {
		fprintf(stderr, "usage: limit SECONDS COMMAND [ARGUMENT]...\n");
		return 125;
	}
	alarm((unsigned)seconds);
	execvp(argv[2], argv + 2);
	perror(argv[2]);
	return 127;
}
