/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/fuzz/common/scratch.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/fuzz/common/target.h"

static char directory[200];

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	(void)st, (void)kind;
	if (where->level > 0)
		remove(path);
	return 0;
}

void scratch_empty(void) { nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS); }

static void scratch_remove(void)
{
	scratch_empty();
	rmdir(directory);
}

const char *scratch_directory(void)
{
	const char *parent = getenv("TMPDIR");

	if (!directory[0]) {
		snprintf(directory, sizeof(directory), "%s/cdappendfs-fuzz-XXXXXX", parent ? parent : "/tmp");
		MUST(mkdtemp(directory));
		atexit(scratch_remove);
	}
	return directory;
}

void scratch_write(const char *name, const void *bytes, size_t n)
{
	char path[300];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", scratch_directory(), name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	MUST(fd >= 0 && write(fd, bytes, n) == (ssize_t)n);
	close(fd);
}
