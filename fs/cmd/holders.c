/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * holders.c - who keeps a mount busy
 *
 * The links of /proc/PID are read and compared as text, nothing is looked at through them: a look would go into the
 * mount, whose daemon may be the one that does not answer.  What cannot be read (processes of others, some that end)
 * names nobody: say_busy() tells the user that there may be more.
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "burner/base/printable.h"
#include "burner/base/io.h"
#include "burner/base/own.h"
#include "burner/base/path.h"
#include "fs/control/report.h"
#include "fs/cmd/holders.h"
#include "fs/control/mounts.h"

static bool link_inside(int dir, const char *name, const char *mountpoint, char target[PATH_MAX])
{
	ssize_t n = readlinkat(dir, name, target, PATH_MAX - 1);

	if (n <= 0)
		return false;
	target[n] = '\0';
	return path_is_inside(target, mountpoint);
}

static bool file_inside(int process, const char *mountpoint, char target[PATH_MAX])
{
	_close_directory_ DIR *d = directory_open(process, "fd");
	const struct dirent *e;

	if (!d)
		return false;
	while ((e = readdir(d)))
		if (link_inside(dirfd(d), e->d_name, mountpoint, target))
			return true;
	return false;
}

/* Lines of maps: address, permissions, offset, device, inode, then the path up to the end of the line. */
static bool mapping_inside(int process, const char *mountpoint, char target[PATH_MAX])
{
	_close_ int fd = openat(process, "maps", O_RDONLY | O_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	_free_ char *line = NULL;
	size_t size = 0;
	bool found = false;

	if (!f)
		return false;
	fd = -1;
	while (!found && getline(&line, &size, f) >= 0) {
		const char *path = strchr(line, '/');
		line[strcspn(line, "\n")] = '\0';
		found = path && path_is_inside(path, mountpoint);
		if (found)
			snprintf(target, PATH_MAX, "%s", path);
	}
	fclose(f);
	return found;
}

/* How the process holds the mount, or NULL. */
static const char *how(int process, const char *mountpoint, char target[PATH_MAX])
{
	static const struct {
		const char *link, *meaning;
	} links[] = {
		{"cwd", "its working directory is"},
		{"root", "its root is"},
		{"exe", "it runs"},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(links); i++)
		if (link_inside(process, links[i].link, mountpoint, target))
			return links[i].meaning;
	if (file_inside(process, mountpoint, target))
		return "it has open";
	if (mapping_inside(process, mountpoint, target))
		return "it maps";
	return NULL;
}

static void print_process(FILE *out, int process, const char *pid, const char *meaning, const char *target)
{
	char name[64] = "?";
	_close_ int fd = openat(process, "comm", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, name, sizeof(name) - 1);

	if (n > 0)
		name[n - (name[n - 1] == '\n')] = '\0';
	say(out, "  process %s (%s): %s %s", pid, name, meaning, target);
}

struct below {
	FILE *out;
	unsigned n;
};
static void print_mount(void *context, const char *mountpoint)
{
	struct below *b = context;

	say(b->out, "  a mount below: %s", mountpoint);
	b->n++;
}

unsigned holders_print(FILE *out, const char *mountpoint)
{
	_close_directory_ DIR *d = opendir("/proc");
	struct below below = {.out = out};
	char target[PATH_MAX];
	const struct dirent *e;
	unsigned n = 0;

	while (d && (e = readdir(d))) {
		if (e->d_name[strspn(e->d_name, "0123456789")])
			continue;
		if (strtol(e->d_name, NULL, 10) == getpid())
			continue; /* our own working directory keeps nobody else from it */
		_close_ int process = openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		const char *meaning = process < 0 ? NULL : how(process, mountpoint, target);
		if (!meaning)
			continue;
		print_process(out, process, e->d_name, meaning, target);
		n++;
	}
	mounts_below(mountpoint, print_mount, &below);
	return n + below.n;
}
