/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * same.c - is it there as it was?
 *
 * Whatever has another type, length, time or mode is not.  What has the same ones is compared byte by byte, when it is
 * looked at for the first time: a file that was changed and given its old time again is not taken for the old one.
 */
#include "fs/restore/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "burner/base/bytes.h"
#include "burner/base/io.h"
#include "burner/base/time.h"

static int same_target(int at, const char *name, const struct iso_entry *e)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(at, name, target, sizeof(target) - 1);

	if (n < 0)
		return -errno;
	target[n] = '\0';
	return strcmp(target, e->target ? e->target : "") == 0;
}

static int same_content(struct restore *x, int at, const char *name, const struct iso_entry *e)
{
	_close_ int fd = openat(at, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	_free_ uint8_t *theirs = malloc(PIECE_BYTES);
	size_t n;
	int r = fd < 0 ? -errno : theirs ? 0 : -ENOMEM;

	for (uint64_t offset = 0; !r && offset < e->size; offset += n) {
		n = (size_t)min_u64(PIECE_BYTES, e->size - offset);
		r = restore_pace(x);
		if (!r)
			r = pread_full(fd, theirs, n, offset, NULL);
		if (!r)
			r = iso_content_read(iso_disc(x->iso), &e->zisofs, e->extents, e->n_extents, e->size, offset,
					     x->buffer, n);
		if (!r && memcmp(theirs, x->buffer, n) != 0)
			return 0;
	}
	return r ? r : 1;
}

/* As far as whoever restores could set it: one's own files anybody may give to one's own groups. */
static bool same_owner(const struct restore *x, const struct stat *st, const struct iso_entry *e)
{
	if (st->st_uid == e->uid && st->st_gid == e->gid)
		return true;
	if (geteuid() == 0)
		return false;
	return !x->o.force || st->st_uid != e->uid || (e->gid != getegid() && !group_member(e->gid));
}

int same_as(struct restore *x, int at, const char *name, const struct stat *st, const struct iso_entry *e)
{
	bool thorough = x->checking || x->o.force;
	int r;

	if (st->st_mode != e->mode || !same_owner(x, st, e) || !same_time(st->st_mtim, e->mtime) ||
	    (S_ISREG(e->mode) && (uint64_t)st->st_size != e->size))
		return 0;
	/* Which names are one file is not known here: those are made again. */
	if (x->o.force && (e->nlink > 1 || st->st_nlink > 1 || !attributes_are_there(x, at, name, e)))
		return 0;
	if (S_ISLNK(e->mode))
		return same_target(at, name, e);
	if (S_ISCHR(e->mode) || S_ISBLK(e->mode))
		return st->st_rdev == e->rdev;
	r = S_ISREG(e->mode) && thorough ? same_content(x, at, name, e) : 1;
	/* What cannot be compared is not the same: it is left alone all the same, and named. */
	return r == -EIO || r == -EBADMSG || r == -EACCES ? 0 : r;
}
