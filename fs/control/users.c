/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * users.c - who uses a file system that is mounted nowhere any more
 *
 * Its paths mean nothing then, so the links of /proc/PID are followed, for the device number alone: statx(2) that asks
 * for no attribute and for no synchronisation sends nothing to the daemon, which may not answer.
 */
#include "fs/control/users.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "burner/base/io.h"
#include "burner/base/own.h"

struct device {
	unsigned major, minor;
};

static bool is_on(int dir, const char *name, const struct device *device)
{
	struct statx st;

	return statx(dir, name, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, 0, &st) == 0 &&
	       st.stx_dev_major == device->major && st.stx_dev_minor == device->minor;
}

static bool has_open(int process, const struct device *device)
{
	_close_directory_ DIR *d = directory_open(process, "fd");
	const struct dirent *e;

	if (!d)
		return false;
	while ((e = readdir(d)))
		if (e->d_name[0] != '.' && is_on(dirfd(d), e->d_name, device))
			return true;
	return false;
}

/* Lines of maps: address, permissions, offset, device in hexadecimal digits, … */
static bool has_mapped(int process, const struct device *device)
{
	_close_ int fd = openat(process, "maps", O_RDONLY | O_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	_free_ char *line = NULL;
	struct device found;
	size_t size = 0;
	bool mapped = false;

	if (!f)
		return false;
	fd = -1;
	while (!mapped && getline(&line, &size, f) >= 0)
		mapped = sscanf(line, "%*s %*s %*s %x:%x", &found.major, &found.minor) == 2 &&
			 found.major == device->major && found.minor == device->minor;
	fclose(f);
	return mapped;
}

static bool uses(int process, const struct device *device)
{
	static const char *const links[] = {"cwd", "root", "exe"};

	for (size_t i = 0; i < ARRAY_LENGTH(links); i++)
		if (is_on(process, links[i], device))
			return true;
	return has_open(process, device) || has_mapped(process, device);
}

static void name_of(int process, char *name, size_t size)
{
	_close_ int fd = openat(process, "comm", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, name, size - 1);

	name[n > 0 ? n : 0] = '\0';
	name[strcspn(name, "\n")] = '\0';
}

int users_of(unsigned major, unsigned minor, void (*emit)(void *context, int pid, const char *name), void *context)
{
	const struct device device = {major, minor};
	_close_directory_ DIR *d = opendir("/proc");
	const struct dirent *e;
	char name[64];
	int n = 0;

	if (!d)
		return -errno;
	while ((e = readdir(d))) {
		long pid = strtol(e->d_name, NULL, 10);

		if (e->d_name[strspn(e->d_name, "0123456789")] || pid == getpid())
			continue;
		_close_ int process = openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (process < 0 || !uses(process, &device))
			continue;
		name_of(process, name, sizeof(name));
		emit(context, (int)pid, name);
		n++;
	}
	return n;
}
