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
#include <unistd.h>

#include "fs/control/protocol.h"
#include "burner/base/bytes.h"
#include "burner/base/lock.h"
#include "burner/base/own.h"
#include "fs/control/internal.h"

#define MAX_CONNECTIONS 64u
#define IO_SECONDS 10

static bool may_ask(const struct control *c, int fd)
{
	struct ucred peer;
	socklen_t length = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 &&
	       (peer.uid == c->options.owner || peer.uid == 0);
}

/* The request line without its newline; false when there is none. */
static bool read_line(int fd, char line[CONTROL_REQUEST_MAX])
{
	size_t used = 0;

	while (used < CONTROL_REQUEST_MAX - 1) {
		ssize_t n = recv(fd, line + used, CONTROL_REQUEST_MAX - 1 - used, 0);
		if (n < 0 && errno == EINTR)
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

static void *converse(void *arg)
{
	struct connection *n = arg;
	struct control *c = n->control;
	char line[CONTROL_REQUEST_MAX];

	if (read_line(n->fd, line)) {
		if (may_ask(c, n->fd))
			control_reply(n, line);
		else
			control_refuse(n, -EPERM, "only the owner of the mount and root may ask");
	}
	close(n->fd);
	free(n);
	pthread_mutex_lock(&c->lock);
	c->connections--;
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

static int start_connection(struct control *c, int fd)
{
	struct connection *n = calloc(1, sizeof(*n));
	pthread_attr_t attributes;
	pthread_t thread;
	int r;

	if (!n)
		return -ENOMEM;
	*n = (struct connection){.control = c, .fd = fd};
	pthread_mutex_lock(&c->lock);
	bool room = c->connections < MAX_CONNECTIONS;
	if (room)
		c->connections++;
	pthread_mutex_unlock(&c->lock);
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	r = room ? pthread_create(&thread, &attributes, converse, n) : EAGAIN;
	pthread_attr_destroy(&attributes);
	if (r == 0)
		return 0;
	free(n);
	if (room) {
		pthread_mutex_lock(&c->lock);
		c->connections--;
		pthread_mutex_unlock(&c->lock);
	}
	return -r;
}

static void accept_one(struct control *c, int listener)
{
	struct timeval patience = {.tv_sec = IO_SECONDS};
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (start_connection(c, fd) < 0)
		close(fd);
}

static void become_deaf(struct control *c)
{
	close_fd(&c->listener);
	pthread_mutex_lock(&c->lock);
	c->deaf = true;
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
}

static void *listen_on(void *arg)
{
	struct control *c = arg;
	char byte;

	for (;;) {
		struct pollfd fds[] = {{.fd = c->stop[0], .events = POLLIN},
				       {.fd = c->listener, .events = POLLIN},
				       {.fd = c->disc_listener, .events = POLLIN}};

		if (poll(fds, ARRAY_LENGTH(fds), -1) < 0)
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

static int listener_new(const struct sockaddr_un *address, socklen_t length)
{
	_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || bind(fd, (const struct sockaddr *)address, length) < 0 || listen(fd, 16) < 0)
		return -errno;
	return TAKE_FD(fd);
}

/* Without that name the burn after an unmount cannot be watched, and that is all: somebody else may have taken it. */
static void listen_by_disc(struct control *c)
{
	struct sockaddr_un address;
	struct stat st;
	socklen_t length;
	int fd;

	if (!c->options.commit || stat(c->options.disc_path, &st) < 0)
		return;
	length = control_disc_address(&st, &address);
	fd = length ? listener_new(&address, length) : -1;
	if (fd >= 0)
		c->disc_listener = fd;
}

int control_listen(struct control *c, dev_t device)
{
	struct sockaddr_un address;
	socklen_t length = control_address(major(device), minor(device), &address);
	int fd = listener_new(&address, length), r;

	if (fd < 0)
		return fd;
	snprintf(c->device, sizeof(c->device), "%u:%u", major(device), minor(device));
	c->listener = fd;
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
	while (c->connections)
		pthread_cond_wait(&c->changed, &c->lock);
	pthread_mutex_unlock(&c->lock);
	pthread_cond_destroy(&c->changed);
	pthread_mutex_destroy(&c->lock);
	free(c);
}
