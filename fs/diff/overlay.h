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

/* Its content there, all that was asked for; its extended attributes, as a set (burner/base/xattrs.h), as far as
 * whoever asks may see them. */
typedef int diff_read(void *context, const char *path, uint64_t offset, void *buf, size_t length);
typedef int diff_xattrs(void *context, const char *path, uint8_t **ret, size_t *ret_bytes);
/* Of a file that the session has: is its content another one, though no byte of it is new?  1, 0 or -errno. */
typedef int diff_changed(void *context, const char *path);

/* base NULL: a blank disc.  Both are borrowed. */
int diff_overlay_new(struct iso *base, diff_look *look, void *context, struct diff_overlay **ret);
void diff_overlay_free(struct diff_overlay *o);
DEFINE_FREEP(struct diff_overlay, diff_overlay_free)
/* As fs/tree tells it: 'A', 'M', 'D', 'R' with from. -EINVAL: it is none such. */
int diff_overlay_add(struct diff_overlay *o, char kind, const char *path, const char *from, uint64_t bytes);
/* What is staged may be what an older session had: with these it is compared, without it counts as changed. */
void diff_overlay_compare(struct diff_overlay *o, diff_changed *changed, diff_read *read, diff_xattrs *xattrs);
/* When all are there. */
int diff_overlay_seal(struct diff_overlay *o);

#endif
