/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * beside.c - what is new lies beside its place until it is whole
 */
#include "fs/restore/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "burner/base/grow.h"
#include "burner/base/io.h"

int open_directory(int at, const char *name)
{
	int fd = openat(at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

void beside_name(char ret[BESIDE_BYTES])
{
	uint64_t number = 0;

	if (getrandom(&number, sizeof(number), 0) < 0)
		number = (uint64_t)getpid();
	snprintf(ret, BESIDE_BYTES, BESIDE "%016llx", (unsigned long long)number);
}

/* ---- its name ---- */

/* What it takes the place of goes with the temporary name. */
static int exchange(int parent, const char *temporary, const char *name)
{
	int r;

	if (renameat2(parent, temporary, parent, name, RENAME_EXCHANGE) < 0)
		return -errno;
	r = remove_tree(parent, temporary);
	return r == -ENOENT ? 0 : r;
}

static int replace(int parent, const char *temporary, const char *name)
{
	struct stat st;

	if (renameat(parent, temporary, parent, name) == 0) {
		/* Both were one file: then nothing was renamed. */
		if (fstatat(parent, temporary, &st, AT_SYMLINK_NOFOLLOW) == 0 && unlinkat(parent, temporary, 0) < 0)
			return -errno;
		return 0;
	}
	/* A directory in the place of a file. */
	return errno == ENOTDIR ? exchange(parent, temporary, name) : -errno;
}

/* File systems that do not know how not to replace. */
static int rename_plainly(int parent, const char *temporary, const char *name)
{
	struct stat st;

	if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return -EEXIST;
	return errno != ENOENT || renameat(parent, temporary, parent, name) < 0 ? -errno : 0;
}

int beside_publish(struct restore *x, int parent, const char *temporary, const char *name, bool taken)
{
	int r = 0;

	if (taken)
		r = replace(parent, temporary, name);
	else if (renameat2(parent, temporary, parent, name, RENAME_NOREPLACE) < 0)
		r = errno == EINVAL || errno == ENOSYS ? rename_plainly(parent, temporary, name) : -errno;
	if (r == -EEXIST) {
		x->clashes++;
		x->o.clash(x->o.context, x->path, "it has come there meanwhile", false);
		return r;
	}
	return r < 0 ? restore_fail(x, "its name", r) : 0;
}

/* ---- taken away ---- */

struct removing {
	struct {
		DIR *list;
		char name[256]; /* in the directory before */
	} * stack;
	size_t n, capacity;
};

static int enter(struct removing *g, int at, const char *name)
{
	_close_ int fd = -1;

	if (grow(&g->stack, &g->capacity, g->n, sizeof(*g->stack)) < 0)
		return -ENOMEM;
	(void)fchmodat(at, name, 0700, AT_SYMLINK_NOFOLLOW); /* it may have its own mode by now */
	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	g->stack[g->n].list = fdopendir(fd);
	if (!g->stack[g->n].list)
		return -errno;
	(void)TAKE_FD(fd);
	snprintf(g->stack[g->n].name, sizeof(g->stack[g->n].name), "%s", name);
	g->n++;
	return 0;
}

static int leave(struct removing *g, int top)
{
	int above = g->n > 1 ? dirfd(g->stack[g->n - 2].list) : top;

	g->n--;
	closedir(g->stack[g->n].list);
	return unlinkat(above, g->stack[g->n].name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

/* A symbolic link is no directory here: only what openat() says is one is entered. */
static int remove_or_enter(struct removing *g, int at, const char *name)
{
	if (unlinkat(at, name, 0) == 0)
		return 0;
	return errno == EISDIR || errno == EPERM ? enter(g, at, name) : -errno;
}

int remove_tree(int at, const char *name)
{
	struct removing g = {.n = 0};
	int r = remove_or_enter(&g, at, name);

	while (!r && g.n) {
		DIR *list = g.stack[g.n - 1].list;
		const struct dirent *e = readdir(list);

		if (!e)
			r = leave(&g, at);
		else if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			r = remove_or_enter(&g, dirfd(list), e->d_name);
	}
	while (g.n)
		closedir(g.stack[--g.n].list);
	free(g.stack);
	return r;
}
