/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/daemon/unmounter.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

/* It holds nothing that anybody waits for: no descriptor but the pipe, no terminal. */
static void leave(int pipe)
{
	const int ends[] = {SIGINT, SIGTERM, SIGHUP};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	setsid();
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		signal(ends[i], SIG_IGN);
	dup2(pipe, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	close_range(STDERR_FILENO + 1, UINT_MAX, 0);
}

static _Noreturn void wait_for_word(const char *mountpoint)
{
	char word;
	ssize_t n;

	do
		n = read(STDIN_FILENO, &word, 1);
	while (n < 0 && errno == EINTR);
	if (n == 1)
		execlp("fusermount3", "fusermount3", "-u", "-q", "-z", "--", mountpoint, NULL);
	_exit(n == 0 ? 0 : 127);
}

int unmounter_start(struct unmounter *u, const char *mountpoint)
{
	int fds[2];
	pid_t child;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	child = fork();
	if (child == 0) {
		close(fds[1]); /* else it would wait for itself */
		leave(fds[0]);
		wait_for_word(mountpoint);
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

void unmounter_quit(struct unmounter *u)
{
	if (!u->child)
		return;
	close(u->pipe);
	while (waitpid(u->child, NULL, 0) < 0 && errno == EINTR)
		;
	*u = (struct unmounter){.child = 0};
}

void unmounter_run(struct unmounter *u)
{
	if (u->child && write(u->pipe, "", 1) == 1)
		unmounter_quit(u);
}
