/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * own.h - who owns what: scope-bound release
 *
 * `_cleanup_(foo_freep) struct foo *f = NULL;` frees f at the end of its scope; `return TAKE_PTR(f)` hands it on.
 */
#ifndef BURNER_BASE_OWN_H
#define BURNER_BASE_OWN_H

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(function) __attribute__((cleanup(function)))

#define DEFINE_FREEP(type, free_function) \
	static inline void free_function##p(type **p) \
	{ \
		if (*p) \
			free_function(*p); \
	}

#define TAKE_PTR(pointer) \
	({ \
		__typeof__(pointer) *taken_ = &(pointer); \
		__typeof__(pointer) value_ = *taken_; \
		*taken_ = NULL; \
		value_; \
	})
#define TAKE_FD(fd) \
	({ \
		int *taken_ = &(fd); \
		int value_ = *taken_; \
		*taken_ = -1; \
		value_; \
	})

static inline void free_ptr(void *p) { free(*(void **)p); }
void close_fd(int *fd);
#define _free_ _cleanup_(free_ptr)
#define _close_ _cleanup_(close_fd)
void close_file(FILE **file);
void close_directory(DIR **directory);
#define _close_file_ _cleanup_(close_file)
#define _close_directory_ _cleanup_(close_directory)

#define ARRAY_LENGTH(array) (sizeof(array) / sizeof((array)[0]))

#endif
