/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * scope.h - a path in a mount, as it is called in each session
 */
#ifndef FS_CMD_SCOPE_H
#define FS_CMD_SCOPE_H

#include "fs/cmd/argument.h"
#include "fs/cmd/between.h"

struct scope {
	char **paths; /* by the place of the session in the history; NULL: all are "" */
	size_t n;
	const char *staged;
};

/* Through renames, as cdappendfs-log tells it.  0, or an error after a message: also when no session has it, and
 * nothing staged. */
int scope_find(const struct between *b, const struct argument *a, struct scope *ret);
/* Without a slash before it, "" all. */
static inline const char *scope_of(const struct scope *s, size_t i) { return s->paths ? s->paths[i] : ""; }
void scope_release(struct scope *s);

#endif
