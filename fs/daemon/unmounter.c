/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/daemon/unmounter.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "burner/base/child.h"
#include "burner/base/own.h"
#include "fs/control/mounted.h"
#include "fs/daemon/sandbox.h"

enum { DONE = 0, GONE = 3, STALE = 4, REFUSED = 5, FAILED = 127 };

/* What the daemon says first: which mount it is. */
struct known {
	unsigned number, major, minor;
};

/* Where fusermount3 is, by PATH as it is at the beginning. */
static void find_helper(char ret[PATH_MAX])
{
	const char *path = getenv("PATH");

	for (const char *p = path && *path ? path : "/usr/local/bin:/usr/bin:/bin"; p; p = strchr(p, ':')) {
		p += *p == ':';
		int n = snprintf(ret, PATH_MAX, "%.*s/fusermount3", (int)strcspn(p, ":"), p);
		if (ret[0] == '/' && n < PATH_MAX && access(ret, X_OK) == 0)
			return;
	}
	snprintf(ret, PATH_MAX, "/usr/bin/fusermount3");
}

/* It holds nothing that anybody waits for: no descriptor but the pipe, no terminal. */
static void leave(int pipe)
{
	const int ends[] = {SIGINT, SIGTERM, SIGHUP};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	setsid();
	for (size_t i = 0; i < ARRAY_LENGTH(ends); i++)
		signal(ends[i], SIG_IGN);
	dup2(pipe, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	close_range(STDERR_FILENO + 1, UINT_MAX, 0);
}

/* The next word; the end of the pipe is the end of the daemon. */
static void hear(void *buf, size_t size)
{
	ssize_t n;

	do
		n = read(STDIN_FILENO, buf, size);
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)size)
		_exit(n == 0 ? DONE : FAILED);
}

/* It looks by itself whose mount that is, and unmounts by its own working directory; so we stand in the one that the
 * mount point is in, and no path leads elsewhere. */
static int run_helper(const char *helper, const struct mounted *m)
{
	if (fchdir(m->parent) < 0)
		return -errno;
	execl(helper, "fusermount3", "-u", "-q", "-z", "--", m->last, (char *)NULL);
	return -errno;
}

/* helper NULL: with our own privilege */
static _Noreturn void wait_for_word(const char *helper)
{
	struct control_mount mount = {.number = 0};
	struct mounted m;
	struct known known;
	char word;

	hear(&known, sizeof(known));
	hear(&word, sizeof(word));
	mount.number = known.number;
	mount.major = known.major;
	mount.minor = known.minor;
	int r = mounted_find(&mount, &m);
	if (r == 0)
		r = helper ? run_helper(helper, &m) : mounted_unmount(&m, MNT_DETACH);
	_exit(r == 0 ? DONE : r == -ENOENT ? GONE : r == -ESTALE ? STALE : r == -EPERM ? REFUSED : FAILED);
}

int unmounter_start(struct unmounter *u)
{
	bool root = geteuid() == 0;
	char helper[PATH_MAX];
	int fds[2];
	pid_t child;

	find_helper(helper);
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	child = child_fork();
	if (child == 0) {
		close(fds[1]); /* else it would wait for itself */
		leave(fds[0]);
		if (root)
			sandbox_of_unmounter();
		wait_for_word(root ? NULL : helper);
	}
	close(fds[0]);
	if (child < 0) {
		int r = errno;
		close(fds[1]);
		return -r;
	}
	*u = (struct unmounter){.child = child, .pipe = fds[1]};
	return 0;
}

void unmounter_know(struct unmounter *u, const struct control_mount *mount)
{
	struct known known;

	memset(&known, 0, sizeof(known));
	known.number = mount->number;
	known.major = mount->major;
	known.minor = mount->minor;
	/* Where nobody reads, nobody unmounts. */
	if (u->child && write(u->pipe, &known, sizeof(known)) != (ssize_t)sizeof(known))
		unmounter_quit(u);
}

/* Its end; the status. */
static int await_child(struct unmounter *u)
{
	int status = 0;

	close(u->pipe);
	while (waitpid(u->child, &status, 0) < 0)
		if (errno != EINTR)
			return FAILED;
	*u = (struct unmounter){.child = 0};
	return WIFEXITED(status) ? WEXITSTATUS(status) : FAILED;
}

void unmounter_quit(struct unmounter *u)
{
	if (u->child)
		await_child(u);
}

int unmounter_run(struct unmounter *u)
{
	if (!u->child || write(u->pipe, "", 1) != 1)
		return -ESRCH;
	switch (await_child(u)) {
	case DONE:
		return 0;
	case GONE:
		return -ENOENT;
	case STALE:
		return -ESTALE;
	case REFUSED:
		return -EPERM;
	default:
		return -EIO;
	}
}
