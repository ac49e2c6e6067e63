/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/daemon/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "burner/base/child.h"
#include "burner/base/log.h"
#include "burner/base/own.h"

#define WAKE_MS 50
#define SOON_SECONDS 60

/* ---- leaving the terminal ---- */

/* The child's word, or its exit status. */
static _Noreturn void wait_for_child(pid_t child, int pipe)
{
	char word;
	int status;
	ssize_t n;

	do
		n = read(pipe, &word, 1);
	while (n < 0 && errno == EINTR);
	if (n == 1)
		_exit(0);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	_exit(WIFEXITED(status) && WEXITSTATUS(status) ? WEXITSTATUS(status) : 1);
}

int daemon_begin(bool foreground, int *ret_pipe)
{
	int fds[2];
	pid_t child;

	*ret_pipe = -1;
	if (foreground)
		return 0;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	child = child_fork();
	if (child < 0)
		return -errno;
	if (child > 0) {
		close(fds[1]);
		wait_for_child(child, fds[0]);
	}
	close(fds[0]);
	*ret_pipe = fds[1];
	return 0;
}

void daemon_ready(int pipe)
{
	int null;

	if (pipe < 0)
		return;
	openlog("cdappendfs", LOG_PID, LOG_DAEMON);
	log_state.syslog = true;
	setsid();
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = 0; fd <= 2 && null >= 0; fd++)
		dup2(null, fd);
	if (null > 2)
		close(null);
	while (write(pipe, "", 1) < 0 && errno == EINTR)
		;
	close(pipe);
}

/* ---- signals ---- */

static void wake(int signal) { (void)signal; }

static void signal_set(sigset_t *ret)
{
	sigemptyset(ret);
	sigaddset(ret, SIGTERM);
	sigaddset(ret, SIGINT);
	sigaddset(ret, SIGHUP);
	sigaddset(ret, SIGUSR1); /* ends the thread */
}

static void *take_signals(void *arg)
{
	struct daemon_signals *s = arg;
	const struct timespec interval = {.tv_nsec = WAKE_MS * 1000000L};
	sigset_t set;

	signal_set(&set);
	for (;;) {
		int got = atomic_load(&s->seen) && !atomic_load(&s->awake) ? sigtimedwait(&set, NULL, &interval) :
									     sigwaitinfo(&set, NULL);
		if (got == SIGUSR1)
			return NULL;
		if (got > 0)
			(atomic_exchange(&s->seen, true) ? s->again : s->first)(s->context);
		if (atomic_load(&s->seen) && !atomic_load(&s->awake))
			pthread_kill(s->main, SIGUSR2);
	}
}

void daemon_hold_signals(void)
{
	const struct sigaction ignore = {.sa_handler = SIG_IGN}, waking = {.sa_handler = wake};
	sigset_t set;

	sigaction(SIGPIPE, &ignore, NULL);
	sigaction(SIGUSR2, &waking, NULL); /* no SA_RESTART: a wait is to be interrupted */
	signal_set(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

int daemon_catch_signals(struct daemon_signals *s)
{
	s->main = pthread_self();
	s->started = pthread_create(&s->thread, NULL, take_signals, s) == 0;
	return s->started ? 0 : -EAGAIN;
}

void daemon_quit_signals(struct daemon_signals *s)
{
	if (!s->started)
		return;
	pthread_kill(s->thread, SIGUSR1);
	pthread_join(s->thread, NULL);
	s->started = false;
}

/* ---- a system that shuts down ---- */

/* systemd's file of `shutdown +5`: a line USEC=microseconds since the epoch.  What cannot be read announces nothing:
 * then the burn at the end is tried as ever. */
static bool scheduled_soon(void)
{
	FILE *f = fopen("/run/systemd/shutdown/scheduled", "re");
	char line[128];
	uint64_t usec = 0;

	if (!f)
		return false;
	while (fgets(line, sizeof(line), f))
		if (strncmp(line, "USEC=", 5) == 0)
			usec = strtoull(line + 5, NULL, 10);
	fclose(f);
	return usec && usec / 1000000 < (uint64_t)time(NULL) + SOON_SECONDS;
}

bool daemon_system_stops(void)
{
	/* nologin(5): made when the system goes down, and when a shutdown is minutes away. */
	return access("/run/nologin", F_OK) == 0 || scheduled_soon();
}

void daemon_tune_memory(void)
{
	mallopt(M_ARENA_MAX, 1);
	mallopt(M_MMAP_THRESHOLD, 256 << 10);
}
