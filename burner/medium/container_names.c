/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * container_names.c - names by which libcdio opens files that are open already
 *
 * libcdio takes paths, looks at how they end, and reads NAME.bin for NAME.cue.  So there is a directory with symbolic
 * links, to what /proc says is open: what they lead to is the open file, whatever has become of its name.  The
 * directory itself is used by its descriptor only, and is empty but for those links: whoever may rename it, because
 * TMPDIR is everybody's, changes nothing, and nothing is removed from it but what was put there.
 */
#include "burner/medium/container.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "burner/base/bytes.h"
#include "burner/base/io.h"
#include "burner/base/own.h"

#define TRIES 16

static int make_directory(struct container_names *names)
{
	uint64_t number;

	for (int i = 0; i < TRIES; i++) {
		if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number))
			return -errno;
		snprintf(names->name, sizeof(names->name), "cdappendfs-%016llx", (unsigned long long)number);
		if (mkdirat(names->parent_fd, names->name, 0700) == 0)
			return 0;
		if (errno != EEXIST)
			break;
	}
	names->name[0] = 0;
	return -errno;
}

/* Is it the one that was made? */
static int open_directory(struct container_names *names)
{
	_close_ int fd = openat(names->parent_fd, names->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (st.st_uid != geteuid() || st.st_mode & (S_IWGRP | S_IWOTH))
		return -EACCES;
	names->fd = TAKE_FD(fd);
	return 0;
}

static int make_below(const char *parent, struct container_names *ret)
{
	int r;

	*ret = (struct container_names){.fd = -1};
	ret->parent_fd = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (ret->parent_fd < 0)
		return -errno;
	r = make_directory(ret);
	if (r == 0)
		r = open_directory(ret);
	if (r < 0) {
		container_names_remove(ret);
		return r;
	}
	fd_path(ret->fd, ret->path);
	return 0;
}

/* Where all may make one: a disc can be read wherever TMPDIR leads. */
int container_names_make(struct container_names *ret)
{
	const char *const parents[] = {getenv("TMPDIR"), "/tmp", "/var/tmp", "/dev/shm"};
	int r = 0;

	for (size_t i = 0; i < ARRAY_LENGTH(parents); i++) {
		if (!parents[i] || parents[i][0] != '/')
			continue;
		int next = make_below(parents[i], ret);
		if (next == 0)
			return 0;
		r = r ? r : next; /* the first is the one that was meant */
	}
	return r;
}

int container_names_add(struct container_names *names, const char *name, int fd)
{
	char path[FD_PATH_BYTES];

	fd_path(fd, path);
	if (symlinkat(path, names->fd, name) < 0)
		return -errno;
	names->links[names->n_links++] = name;
	return 0;
}

void container_names_remove(struct container_names *names)
{
	for (size_t i = 0; i < names->n_links; i++)
		unlinkat(names->fd, names->links[i], 0);
	if (names->name[0])
		unlinkat(names->parent_fd, names->name, AT_REMOVEDIR);
	close_fd(&names->fd);
	close_fd(&names->parent_fd);
}
