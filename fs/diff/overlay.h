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

struct diff_overlay_ops {
	diff_look *look;
	diff_read *read;
	diff_xattrs *xattrs;
};

/* base NULL: a blank disc.  All are borrowed. */
int diff_overlay_new(struct iso *base, const struct diff_overlay_ops *ops, void *context, struct diff_overlay **ret);
void diff_overlay_free(struct diff_overlay *o);
DEFINE_FREEP(struct diff_overlay, diff_overlay_free)
/* As fs/tree tells it: 'A', 'M', 'D', 'R' with from; M, R: is its content, are its attributes others than in the
 * session?  Only these are looked at.  The root is ".". -EINVAL: it is none such. */
struct diff_staged {
	char kind;
	bool content, attributes;
	const char *path, *from;
	uint64_t bytes; /* new ones */
};
int diff_overlay_add(struct diff_overlay *o, const struct diff_staged *change);
/* When all are there. */
int diff_overlay_seal(struct diff_overlay *o);

#endif
