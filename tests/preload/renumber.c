/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * renumber.c - to be preloaded: as soon as something is unmounted the shell command in $AFTER_UMOUNT is run, before
 * the program goes on; it may mount what gets the number of the file system that has ended
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/mount.h>

int umount2(const char *target, int flags)
{
	int (*next)(const char *, int) = (int (*)(const char *, int))dlsym(RTLD_NEXT, "umount2");
	int r = next(target, flags);
	const char *command = getenv("AFTER_UMOUNT");

	unsetenv("LD_PRELOAD");
	return r == 0 && command && system(command) != 0 ? -1 : r;
}
