/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * path.h - paths as texts: nothing is looked at
 */
#ifndef BURNER_BASE_PATH_H
#define BURNER_BASE_PATH_H

#include <stdbool.h>

/* Is it that path, or below it?  Both are absolute, or both are not; without "//", "." and "..". */
bool path_is_inside(const char *path, const char *above);
/* Behind its last slash; all of it, when it has none. */
const char *path_last(const char *path);
/* Absolute (a relative one is of the working directory), without "//", "." and "..", as if there were no symbolic
 * links; to be freed.  NULL with errno. */
char *path_plain(const char *path);
/* One from some root, with or without a slash before it: plain, and without; "" the root; to be freed.  NULL with
 * errno. */
char *path_from_root(const char *path);

#endif
