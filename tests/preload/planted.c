/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * planted.c - to be preloaded: right before the file $PLANT is made, user 1001 has made one of that name
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_planted(int directory, const char *name, int flags, mode_t mode)
{
	int (*next)(int, const char *, int, ...) = (int (*)(int, const char *, int, ...))dlsym(RTLD_NEXT, "openat64");
	const char *planted = getenv("PLANT");

	if (flags & O_EXCL && planted && strcmp(name, planted) == 0 &&
	    mknodat(directory, name, S_IFREG | 0666, 0) == 0 && fchownat(directory, name, 1001, 1001, 0) < 0)
		return -1;
	return next(directory, name, flags, mode);
}

int openat(int directory, const char *name, int flags, ...)
{
	va_list arguments;
	mode_t mode;

	va_start(arguments, flags);
	mode = flags & O_CREAT ? va_arg(arguments, mode_t) : 0;
	va_end(arguments);
	return open_planted(directory, name, flags, mode);
}

int openat64(int directory, const char *name, int flags, ...) __attribute__((alias("openat")));
