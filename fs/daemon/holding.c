/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/daemon/holding.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

#include "burner/base/own.h"
#include "fs/control/names.h"

static int name_of(const char *path, struct sockaddr_un *ret, socklen_t *ret_length)
{
	struct stat st;
	int n;

	if (stat(path, &st) < 0)
		return -errno;
	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	n = snprintf(ret->sun_path + 1, sizeof(ret->sun_path) - 1, "cdappendfs/drive/%u:%u", major(st.st_rdev),
		     minor(st.st_rdev));
	*ret_length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
	return 0;
}

int holding_take(const char *path)
{
	struct sockaddr_un name;
	_close_ int fd = -1;
	socklen_t length;
	int r = name_of(path, &name, &length), high;

	if (r == 0)
		r = names_listen(&name, length, true, &fd);
	if (r < 0)
		return r;
	high = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return high < 0 ? -errno : high;
}

int holding_find(const char *path, struct ucred *ret)
{
	const uid_t users[2] = {geteuid(), 0};
	struct sockaddr_un name;
	_close_ int fd = -1;
	socklen_t length;
	int r = name_of(path, &name, &length);

	return r < 0 ? r : names_connect(&name, length, users, &fd, ret);
}
