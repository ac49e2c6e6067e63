/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "burner/base/own.h"

int pread_full(int fd, void *buf, size_t length, uint64_t pos, size_t *ret_done)
{
	size_t done = 0;
	int r = 0;

	while (done < length) {
		ssize_t n = pread(fd, (uint8_t *)buf + done, length - done, (off_t)(pos + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			r = -errno;
		else if (n == 0 && !ret_done)
			r = -EIO;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	if (ret_done)
		*ret_done = done;
	return r;
}

int pwrite_full(int fd, const void *buf, size_t length, uint64_t pos, size_t *ret_done)
{
	size_t done = 0;
	int r = 0;

	while (done < length && !r) {
		ssize_t n = pwrite(fd, (const uint8_t *)buf + done, length - done, (off_t)(pos + done));

		if (n > 0)
			done += (size_t)n;
		else if (n == 0 || errno != EINTR)
			r = n == 0 ? -EIO : -errno;
	}
	if (ret_done)
		*ret_done = done;
	return r;
}

int fsync_directory(int fd) { return fsync(fd) < 0 && errno != EINVAL && errno != EROFS ? -errno : 0; }

int fsync_parent(const char *path)
{
	_free_ char *copy = strdup(path);
	_close_ int fd = -1;

	if (!copy)
		return -ENOMEM;
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == EACCES ? 0 : -errno;
	return fsync_directory(fd);
}

int quota_as_space(int r) { return r == -EDQUOT ? -ENOSPC : r; }

/* Not every file system has files without names. */
const char *large_files_directory(void)
{
	const char *directory = getenv("TMPDIR");

	return directory && *directory ? directory : "/var/tmp";
}

int unnamed_file_open(const char *directory)
{
	_free_ char *path = NULL;
	int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT))
		return fd < 0 ? -errno : fd;
	if (asprintf(&path, "%s/spool.XXXXXX", directory) < 0)
		return -ENOMEM;
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	unlink(path);
	return fd;
}

DIR *directory_open(int at, const char *path)
{
	_close_ int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (d)
		TAKE_FD(fd);
	return d;
}

void fd_path(int fd, char ret[FD_PATH_BYTES]) { snprintf(ret, FD_PATH_BYTES, "/proc/self/fd/%d", fd); }
