/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/daemon/notify.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "burner/base/own.h"
#include "burner/base/printable.h"
#include "burner/base/worker.h"
#include "fs/control/listener.h"

#define TELL_SECONDS 1
#define EXTEND "EXTEND_TIMEOUT_USEC=60000000\n" /* the next word comes long before */
#define WAIT_SECONDS 10
#define TEXT_MAX 1024u

struct notify {
	int fd;
	struct commit *commit;
	struct worker worker; /* its lock guards: */
	bool burning;
};

/* ---- messages ---- */

/* before: assignments with their newlines, for which is waited a little.  A status is one line. */
__attribute__((format(printf, 3, 4))) static void tell_status(struct notify *n, const char *before, const char *format,
							      ...)
{
	char text[TEXT_MAX], shown[TEXT_MAX], message[2 * TEXT_MAX];
	va_list arguments;

	const bool wait = before[0] && strcmp(before, EXTEND) != 0;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	snprintf(message, sizeof(message), "%sSTATUS=%s", before, printable(text, shown, sizeof(shown)));
	while (send(n->fd, message, strlen(message), MSG_NOSIGNAL | (wait ? 0 : MSG_DONTWAIT)) < 0 && errno == EINTR)
		;
}

/* ---- a burn ---- */

static void tell_result(struct notify *n, const struct commit_result *result)
{
	if (result->error)
		tell_status(n, "", "the last burn failed, and nothing staged is lost: %s",
			    result->message[0] ? result->message : strerror(-result->error));
	else if (result->burned)
		tell_status(n, "", "session %u was burned", result->session);
	else
		tell_status(n, "", "%s", result->message[0] ? result->message : "nothing was burned");
}

/* False: it is over. */
static bool tell_burn(struct notify *n)
{
	struct commit_result last;
	struct commit_status status;
	struct burning burning;
	char text[BURNING_TEXT];
	uint64_t ended;

	if (!commit_busy(n->commit, &ended, &last)) {
		if (ended)
			tell_result(n, &last);
		return false;
	}
	commit_status(n->commit, &status);
	control_burning(&status, &burning);
	tell_status(n, EXTEND, "%s", burning_idle(&burning) ? "preparing" : burning_text(&burning, text));
	return true;
}

static void wait_locked(struct worker *w)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += TELL_SECONDS;
	lock_wait_until(&w->lock, &w->wake, &until);
}

static void *main_of(void *arg)
{
	struct notify *n = arg;
	struct worker *w = &n->worker;

	lock_take(&w->lock);
	while (!w->stopping) {
		if (!n->burning) {
			lock_wait(&w->lock, &w->wake);
			continue;
		}
		n->burning = false;
		lock_give(&w->lock);
		bool goes_on = tell_burn(n);
		lock_take(&w->lock);
		n->burning |= goes_on;
		if (goes_on && !w->stopping)
			wait_locked(w);
	}
	lock_give(&w->lock);
	return NULL;
}

void notify_burn(struct notify *n)
{
	if (!n)
		return;
	lock_take(&n->worker.lock);
	n->burning = n->commit != NULL;
	worker_wake_locked(&n->worker);
	lock_give(&n->worker.lock);
}

/* ---- the rest ---- */

/* Of what else systemd may name, addresses of virtual machines, nothing is known. */
static int connect_to(const char *name, int fd)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t length = strlen(name);

	if ((name[0] != '/' && name[0] != '@') || length < 2)
		return -EAFNOSUPPORT;
	if (length >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, name, length);
	if (name[0] == '@')
		address.sun_path[0] = '\0';
	length += offsetof(struct sockaddr_un, sun_path) + (name[0] == '/');
	return connect(fd, (const struct sockaddr *)&address, (socklen_t)length) < 0 ? -errno : 0;
}

int notify_open(struct notify **ret)
{
	const char *variable = getenv("NOTIFY_SOCKET");
	_free_ char *name = variable ? strdup(variable) : NULL;
	_close_ int fd = -1;
	const struct timeval limit = {.tv_sec = WAIT_SECONDS};
	struct notify *n;
	int r;

	*ret = NULL;
	if (!variable)
		return 0;
	if (!name)
		return -ENOMEM;
	unsetenv("NOTIFY_SOCKET"); /* it is not meant for those whom we start */
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	r = fd < 0 ? -errno : connect_to(name, fd);
	if (r < 0)
		return r;
	n = calloc(1, sizeof(*n));
	if (!n)
		return -ENOMEM;
	n->fd = TAKE_FD(fd);
	worker_init(&n->worker);
	*ret = n;
	return 0;
}

int notify_start(struct notify *n, struct commit *commit)
{
	if (!n)
		return 0;
	n->commit = commit;
	return commit ? worker_start(&n->worker, main_of, n) : 0;
}

void notify_ready(struct notify *n, const char *disc, const char *mountpoint)
{
	if (n)
		tell_status(n, "READY=1\n", "%s is mounted on %s", disc, mountpoint);
}

void notify_stopping(struct notify *n)
{
	if (n)
		tell_status(n, "STOPPING=1\n", "unmounted");
}

void notify_stop(struct notify *n, const struct commit_result *result)
{
	if (!n)
		return;
	worker_stop(&n->worker);
	tell_result(n, result);
}

void notify_free(struct notify *n)
{
	if (!n)
		return;
	worker_stop(&n->worker);
	worker_release(&n->worker);
	close(n->fd);
	free(n);
}
