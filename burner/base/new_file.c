/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/base/new_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "burner/base/io.h"
#include "burner/base/own.h"
#include "burner/base/why.h"

int new_file_begin(const char *path, struct new_file *ret, char **ret_why)
{
	struct new_file f = NEW_FILE_NONE;
	struct stat st;

	*ret = NEW_FILE_NONE;
	if (lstat(path, &st) == 0)
		return why_set(ret_why, -EEXIST, "%s: there is such a file already: give another name, or remove it",
			       path);
	if (errno != ENOENT)
		return why_set(ret_why, -errno, "%s: it cannot be made: %s", path, strerror(errno));
	f.path = strdup(path);
	if (!f.path || asprintf(&f.temporary, "%s.unfinished", path) < 0) {
		free(f.path);
		return -ENOMEM;
	}
	f.fd = open(f.temporary, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (f.fd >= 0) {
		*ret = f;
		return 0;
	}
	int r = errno == EEXIST ? why_set(ret_why, -EEXIST,
					  "%s: what was ended has left it, or it is being made now: remove it if "
					  "nothing makes it",
					  f.temporary) :
				  why_set(ret_why, -errno, "%s: it cannot be made: %s", f.temporary, strerror(errno));

	free(TAKE_PTR(f.temporary)); /* not ours */
	new_file_release(&f);
	return r;
}

int new_file_publish(struct new_file *f, char **ret_why)
{
	int r = fsync(f->fd) ? -errno : 0;

	if (!r)
		r = renameat2(AT_FDCWD, f->temporary, AT_FDCWD, f->path, RENAME_NOREPLACE) ? -errno : 0;
	if (r == -EINVAL || r == -ENOSYS) /* a file system that does not know it */
		r = link(f->temporary, f->path) ? -errno : unlink(f->temporary) ? -errno : 0;
	if (r)
		return why_set(ret_why, r, "%s: %s", f->path,
			       r == -EEXIST ? "somebody has made one meanwhile; it was not overwritten" : strerror(-r));
	free(TAKE_PTR(f->temporary));
	r = fsync_parent(f->path);
	return r ? why_set(ret_why, r, "%s: it is there, but whether it stays is not known: %s", f->path,
			   strerror(-r)) :
		   0;
}

void new_file_release(struct new_file *f)
{
	if (f->temporary)
		(void)unlink(f->temporary);
	free(f->temporary);
	free(f->path);
	close_fd(&f->fd);
	*f = NEW_FILE_NONE;
}
