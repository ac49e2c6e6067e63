/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * listener.c - the control socket: listening, and the life of a connection
 *
 * What is answered is in requests.c.  A connection's thread is detached; the control counts them and goes when all
 * are gone.
 */
#include <errno.h>
#include <stdio.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fs/control/protocol.h"
#include "burner/base/bytes.h"
#include "burner/base/lock.h"
#include "burner/base/own.h"
#include "burner/base/time.h"
#include "fs/control/internal.h"
#include "fs/control/names.h"

#define MAX_CONNECTIONS 64u /* of a user */
#define LEAVING_MS 5000	    /* a daemon that ends gives its name free until then */
#define LEAVING_PAUSE_MS 25
#define REFUSED_MS 1000
#define SHORT_PAUSE_MS 50 /* when descriptors are short */

int control_await(int fd, short events, int64_t until_ms)
{
	struct pollfd p = {.fd = fd, .events = events};
	int n;

	do {
		int64_t left = until_ms - now_ms();
		n = poll(&p, 1, left > 0 ? (int)left : 0);
	} while (n < 0 && errno == EINTR);
	return n > 0 ? 0 : n == 0 ? -ETIME : -errno;
}

/* ---- a connection ---- */

/* The request line without its newline; false when there is none. */
static bool read_line(int fd, char line[CONTROL_REQUEST_MAX])
{
	int64_t until = now_ms() + CONTROL_IO_MS;
	size_t used = 0;

	while (used < CONTROL_REQUEST_MAX - 1) {
		if (control_await(fd, POLLIN, until) < 0)
			return false;
		ssize_t n = recv(fd, line + used, CONTROL_REQUEST_MAX - 1 - used, 0);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0)
			return false;
		used += (size_t)n;
		line[used] = '\0';
		char *end = strpbrk(line, "\r\n");
		if (end) {
			*end = '\0';
			return true;
		}
	}
	return false;
}

static void leave_locked(struct connection *n)
{
	struct connection **at = &n->control->connections;

	while (*at != n)
		at = &(*at)->next;
	*at = n->next;
	close(n->fd); /* under the lock: control_free() may be about to cut it off */
	pthread_cond_broadcast(&n->control->changed);
}

static void leave(struct connection *n)
{
	struct control *c = n->control;

	pthread_mutex_lock(&c->lock);
	leave_locked(n);
	free(n); /* before anybody can see that it is gone */
	pthread_mutex_unlock(&c->lock);
}

static void *converse(void *arg)
{
	struct connection *n = arg;
	char line[CONTROL_REQUEST_MAX];

	if (read_line(n->fd, line))
		control_reply(n, line);
	leave(n);
	return NULL;
}

/* False: that user has all that are his. */
static bool join(struct connection *n)
{
	struct control *c = n->control;
	unsigned his = 0;

	pthread_mutex_lock(&c->lock);
	for (const struct connection *o = c->connections; o; o = o->next)
		his += o->user == n->user;
	if (his < MAX_CONNECTIONS) {
		n->next = c->connections;
		c->connections = n;
	}
	pthread_mutex_unlock(&c->lock);
	return his < MAX_CONNECTIONS;
}

/* The connection is taken over by its thread, or nothing has happened. */
static int start_connection(struct control *c, int fd, uid_t user)
{
	struct connection *n = calloc(1, sizeof(*n));
	pthread_attr_t attributes;
	pthread_t thread;
	int r;

	if (!n)
		return -ENOMEM;
	*n = (struct connection){.control = c, .fd = fd, .user = user};
	if (!join(n)) {
		free(n);
		return -EAGAIN;
	}
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	r = pthread_create(&thread, &attributes, converse, n);
	pthread_attr_destroy(&attributes);
	if (r) {
		pthread_mutex_lock(&c->lock);
		n->fd = -1;
		leave_locked(n);
		pthread_mutex_unlock(&c->lock);
		free(n);
	}
	return -r;
}

/* ---- who is sent away ---- */

static void forget_refused(struct control *c)
{
	while (c->n_refused)
		close(c->refused[--c->n_refused]);
}

/* In the room of a socket that is new nobody has to be waited for.  It is closed later: a client that still writes its
 * request reads why first. */
static void send_away(struct control *c, int fd, int error, const char *message)
{
	struct connection n = {.control = c, .fd = fd};

	control_refuse(&n, error, message);
	shutdown(fd, SHUT_WR);
	if (c->n_refused == CONTROL_REFUSED_MAX)
		forget_refused(c);
	c->refused[c->n_refused++] = fd;
}

/* ---- listening ---- */

static void become_deaf(struct control *c)
{
	close_fd(&c->listener);
	pthread_mutex_lock(&c->lock);
	c->deaf = true;
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
}

static bool is_anothers(const struct control *c, int listener)
{
	return listener == c->listener && c->options.unmounted && c->options.unmounted(c->options.context);
}

static void accept_one(struct control *c, int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct ucred peer;
	socklen_t length = sizeof(peer);

	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
			sleep_ms(SHORT_PAUSE_MS);
		return;
	}
	if (is_anothers(c, listener)) {
		/* The client begins anew when the name is another's: so that first. */
		become_deaf(c);
		close(fd);
	} else if (listener == c->options.holding || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0) {
		close(fd);
	} else if (peer.uid != c->options.owner && peer.uid != 0) {
		send_away(c, fd, -EPERM, "only the owner of the mount and root may ask");
	} else if (start_connection(c, fd, peer.uid) < 0) {
		send_away(c, fd, -EAGAIN, "too many ask at once; try again");
	}
}

static void *listen_on(void *arg)
{
	struct control *c = arg;
	char byte;

	for (;;) {
		struct pollfd fds[] = {{.fd = c->stop[0], .events = POLLIN},
				       {.fd = c->listener, .events = POLLIN},
				       {.fd = c->disc_listener, .events = POLLIN},
				       {.fd = c->options.holding ? c->options.holding : -1, .events = POLLIN}};
		int n = poll(fds, ARRAY_LENGTH(fds), c->n_refused ? REFUSED_MS : -1);

		if (n == 0)
			forget_refused(c);
		if (n <= 0)
			continue;
		if (fds[0].revents) {
			if (read(c->stop[0], &byte, 1) != 1)
				return NULL;
			become_deaf(c);
			continue;
		}
		for (size_t i = 1; i < ARRAY_LENGTH(fds); i++)
			if (fds[i].revents)
				accept_one(c, fds[i].fd);
	}
}

int control_new(const struct control_options *options, struct control **ret)
{
	struct control *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->options = *options;
	c->listener = c->disc_listener = c->stop[0] = c->stop[1] = -1;
	pthread_mutex_init(&c->lock, NULL);
	lock_condition_init(&c->changed);
	*ret = c;
	return 0;
}

/* Without that name the burn after an unmount cannot be watched, and that is all. */
static void listen_by_disc(struct control *c)
{
	struct sockaddr_un address;
	struct stat st;
	socklen_t length;

	if (!c->options.commit || stat(c->options.disc_path, &st) < 0)
		return;
	length = control_disc_address(&st, &address);
	if (length)
		(void)names_listen(&address, length, true, &c->disc_listener);
}

/* The device number may have been that of a mount whose daemon is just leaving. */
static int listen_by_device(struct control *c, dev_t device)
{
	struct sockaddr_un address;
	socklen_t length = control_address(major(device), minor(device), &address);
	int64_t until = now_ms() + LEAVING_MS;
	int r;

	while ((r = names_listen(&address, length, now_ms() >= until, &c->listener)) == -EADDRINUSE)
		sleep_ms(LEAVING_PAUSE_MS);
	return r;
}

int control_listen(struct control *c, dev_t device)
{
	int r = listen_by_device(c, device);

	if (r < 0)
		return r;
	snprintf(c->device, sizeof(c->device), "%u:%u", major(device), minor(device));
	listen_by_disc(c);
	r = pipe2(c->stop, O_CLOEXEC) < 0 ? errno : pthread_create(&c->thread, NULL, listen_on, c);
	if (r == 0)
		return 0;
	close_fd(&c->listener);
	close_fd(&c->disc_listener);
	close_fd(&c->stop[0]);
	close_fd(&c->stop[1]);
	return -r;
}

void control_deafen(struct control *c)
{
	if (c->stop[1] < 0)
		return;
	while (write(c->stop[1], "", 1) < 0 && errno == EINTR)
		;
	pthread_mutex_lock(&c->lock);
	while (!c->deaf)
		pthread_cond_wait(&c->changed, &c->lock);
	pthread_mutex_unlock(&c->lock);
}

/* The thread ends, and with it the names. */
static void stop_listening(struct control *c)
{
	if (c->stop[1] < 0)
		return;
	close_fd(&c->stop[1]);
	pthread_join(c->thread, NULL);
	forget_refused(c);
	close_fd(&c->stop[0]);
	close_fd(&c->listener);
	close_fd(&c->disc_listener);
}

void control_finish(struct control *c, const struct commit_result *result)
{
	pthread_mutex_lock(&c->lock);
	c->result = *result;
	c->finished = true;
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
}

/* All has been said: who has not read it by then is cut off. */
static void await_leaving_locked(struct control *c)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += CONTROL_IO_MS / 1000;
	while (c->connections && pthread_cond_timedwait(&c->changed, &c->lock, &until) == 0)
		;
	for (struct connection *n = c->connections; n; n = n->next)
		shutdown(n->fd, SHUT_RDWR);
	while (c->connections)
		pthread_cond_wait(&c->changed, &c->lock);
}

void control_free(struct control *c)
{
	if (!c)
		return;
	stop_listening(c);
	pthread_mutex_lock(&c->lock);
	if (!c->finished) {
		c->finished = true;
		c->result.error = -ECANCELED;
		pthread_cond_broadcast(&c->changed);
	}
	await_leaving_locked(c);
	pthread_mutex_unlock(&c->lock);
	pthread_cond_destroy(&c->changed);
	pthread_mutex_destroy(&c->lock);
	free(c);
}
