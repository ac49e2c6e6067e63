/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/control/mounted.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "burner/base/io.h"
#include "burner/base/own.h"
#include "fs/control/mounts.h"

#define ATTEMPTS 8
#define LINK_MAX_BYTES 64

/* ---- which mount is it ---- */

/* fdinfo(5); -errno when it cannot be read. */
static int number_by_fdinfo(int fd, unsigned *ret)
{
	char path[LINK_MAX_BYTES], line[128];
	int r = -ENOENT;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	_close_file_ FILE *f = fopen(path, "re");
	if (!f)
		return -errno;
	while (r < 0 && fgets(line, sizeof(line), f))
		if (sscanf(line, "mnt_id: %u", ret) == 1)
			r = 0;
	return r;
}

/* Kernels before 5.14 let a process that is not dumpable read fdinfo as root only.  The number is told although there
 * is no room for a handle. */
static int number_by_handle(int fd, unsigned *ret)
{
	struct file_handle none = {.handle_bytes = 0};
	int number = -1;

	if ((name_to_handle_at(fd, "", &none, &number, AT_EMPTY_PATH) < 0 && errno != EOVERFLOW) || number < 0)
		return -errno;
	*ret = (unsigned)number;
	return 0;
}

static int number_of(int fd, unsigned *ret)
{
	int r = number_by_fdinfo(fd, ret);

	return r < 0 ? number_by_handle(fd, ret) : 0;
}

static int look_up(unsigned number, struct control_mount *ret)
{
	_close_file_ FILE *f = mounts_open();

	return f ? mounts_find_number(f, number, ret) : -errno;
}

/* ---- where is it ---- */

void mounted_release(struct mounted *m)
{
	close_fd(&m->root);
	close_fd(&m->parent);
}

static int open_last(struct mounted *m)
{
	m->root = openat(m->parent, m->last, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	return m->root < 0 ? -errno : 0;
}

/* What is at that path now. */
static int open_at(const char *path, struct mounted *ret)
{
	char above[PATH_MAX];
	const char *last = strrchr(path, '/');

	if (!last || !last[1] || strlen(last + 1) >= sizeof(ret->last) || strlen(path) >= sizeof(above))
		return -EINVAL;
	snprintf(ret->last, sizeof(ret->last), "%s", last + 1);
	snprintf(above, sizeof(above), "%.*s/", (int)(last - path), path);
	ret->parent = open(above, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return ret->parent < 0 ? -errno : open_last(ret);
}

int mounted_on(int directory, struct control_mount *ret)
{
	char link[FD_PATH_BYTES], path[PATH_MAX];
	struct mounted m = {.parent = -1, .root = -1};
	unsigned number;
	ssize_t n;
	int r;

	fd_path(directory, link);
	n = readlink(link, path, sizeof(path) - 1);
	if (n < 0)
		return errno == ENOENT ? -ENOTSUP : -errno; /* as mounts_open() has it */
	path[n] = '\0';
	const char *last = strrchr(path, '/');
	if (!last || !last[1] || strlen(last + 1) >= sizeof(m.last))
		return -EINVAL;
	snprintf(m.last, sizeof(m.last), "%s", last + 1);
	m.parent = openat(directory, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	r = m.parent < 0 ? -errno : open_last(&m);
	if (r == 0)
		r = number_of(m.root, &number);
	mounted_release(&m);
	return r < 0 ? r : look_up(number, ret);
}

static int find_once(const struct control_mount *mount, struct mounted *ret)
{
	struct control_mount now;
	unsigned number;
	int r = look_up(mount->number, &now);

	if (r < 0)
		return r;
	if (now.major != mount->major || now.minor != mount->minor)
		return -ENOENT; /* the number is another's by now */
	r = open_at(now.mountpoint, ret);
	if (r == 0)
		r = number_of(ret->root, &number);
	if (r == 0 && number == mount->number)
		return 0;
	mounted_release(ret);
	return r == 0 || r == -ENOENT || r == -ENOTDIR || r == -ELOOP ? -ESTALE : r;
}

int mounted_find(const struct control_mount *mount, struct mounted *ret)
{
	int r = -ESTALE;

	*ret = (struct mounted){.parent = -1, .root = -1};
	for (int i = 0; r == -ESTALE && i < ATTEMPTS; i++)
		r = find_once(mount, ret);
	return r;
}

/* ---- unmounting ---- */

int mounted_unmount(struct mounted *m, int flags)
{
	char path[FD_PATH_BYTES + 1 + NAME_MAX + 1];
	int r;

	if (flags & MNT_DETACH) {
		/* The very mount that is open, wherever it is. */
		fd_path(m->root, path);
		r = umount2(path, flags) < 0 ? -errno : 0;
		close_fd(&m->root);
		return r;
	}
	close_fd(&m->root);
	/* A mount point cannot be renamed or replaced where it is seen, so this is it; no link is followed. */
	fd_path(m->parent, path);
	snprintf(path + strlen(path), sizeof(path) - strlen(path), "/%s", m->last);
	return umount2(path, flags | UMOUNT_NOFOLLOW) < 0 ? -errno : 0;
}

const char *mounted_why(int error)
{
	if (error == -ENOENT)
		return "it is not mounted any more";
	if (error == -ESTALE)
		return "something else is mounted over it, or its path is changing; see 'findmnt -t fuse.cdappendfs'";
	if (error == -ENOTSUP)
		return "what is mounted cannot be seen: /proc is missing here, or hidden";
	return strerror(-error);
}
