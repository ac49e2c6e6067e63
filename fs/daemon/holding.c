/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/daemon/holding.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

#include "burner/base/own.h"

int holding_take(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_close_ int fd = -1;
	struct stat st;
	int n, high;

	if (stat(path, &st) < 0)
		return -errno;
	n = snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "cdappendfs/drive/%u:%u", major(st.st_rdev),
		     minor(st.st_rdev));
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (bind(fd, (const struct sockaddr *)&address,
		 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n)) < 0)
		return -errno;
	high = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return high < 0 ? -errno : high;
}
