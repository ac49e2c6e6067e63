/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * internal.h - what listener.c and requests.c share
 */
#ifndef FS_CONTROL_INTERNAL_H
#define FS_CONTROL_INTERNAL_H

#include <pthread.h>
#include <stdbool.h>

#include "fs/control/listener.h"
#include "fs/control/protocol.h"

#define CONTROL_REQUEST_MAX CONTROL_LINE_MAX

struct control {
	struct control_options options;
	int listener, disc_listener; /* on the mount's name, on the disc's; -1 none. The thread's, once it is there */
	int stop[2]; /* a pipe to the thread: a byte makes it deaf to the mount's name, its end ends it */
	pthread_t thread;

	char device[32]; /* of the mount: MAJOR:MINOR */

	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t changed;
	unsigned connections;
	bool deaf;     /* the mount's name is given back */
	bool finished; /* the mount has ended, with this result */
	struct commit_result result;
};

struct connection {
	struct control *control;
	int fd;
};

/* Answer the request line; returns when all is said. */
void control_reply(struct connection *n, const char *line);
/* A result line that only says no. */
void control_refuse(struct connection *n, int error, const char *message);

#endif
