/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * overlay.h - what is staged, laid over the newest session
 *
 *	diff_overlay_new -> diff_overlay_add of each change that the daemon tells -> diff_overlay_seal -> diff_tree
 *
 * The names come from the list of changes, what they are from whoever looks at them in the mount.  What is staged
 * meanwhile is not in it, and may make a look fail.
 */
#ifndef FS_DIFF_OVERLAY_H
#define FS_DIFF_OVERLAY_H

#include <sys/stat.h>

#include "fs/diff/diff.h"

struct diff_overlay;
/* How it is in the mount: the path, the target of a symbolic link (to be freed).  0 or -errno. */
typedef int diff_look(void *context, const char *path, struct stat *ret, char **ret_target);

/* base NULL: a blank disc.  Both are borrowed. */
int diff_overlay_new(struct iso *base, diff_look *look, void *context, struct diff_overlay **ret);
void diff_overlay_free(struct diff_overlay *o);
DEFINE_FREEP(struct diff_overlay, diff_overlay_free)
/* As fs/tree tells it: 'A', 'M', 'D', 'R' with from. -EINVAL: it is none such. */
int diff_overlay_add(struct diff_overlay *o, char kind, const char *path, const char *from, uint64_t bytes);
/* When all are there. */
int diff_overlay_seal(struct diff_overlay *o);

#endif
