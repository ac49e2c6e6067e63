/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/daemon/inhibit.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include <systemd/sd-bus.h>

#include "burner/base/own.h"

struct inhibit {
	const char *why;
	pthread_mutex_t lock;
	unsigned holders; /* who burns, and the thread that asks */
	int fd;		  /* logind's lock lasts while it is open; -1 not got */
};

static void drop(struct inhibit *i)
{
	bool last;

	pthread_mutex_lock(&i->lock);
	last = --i->holders == 0;
	pthread_mutex_unlock(&i->lock);
	if (!last)
		return;
	close_fd(&i->fd);
	pthread_mutex_destroy(&i->lock);
	free(i);
}

static int ask(const char *why)
{
	_cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	sd_bus_error error = SD_BUS_ERROR_NULL;
	int fd = -1, r;

	if (sd_bus_open_system(&bus) < 0)
		return -1;
	r = sd_bus_call_method(bus, "org.freedesktop.login1", "/org/freedesktop/login1",
			       "org.freedesktop.login1.Manager", "Inhibit", &error, &reply, "ssss", "shutdown:sleep",
			       "cdappendfs", why, "block");
	sd_bus_error_free(&error);
	if (r < 0 || sd_bus_message_read(reply, "h", &fd) < 0)
		return -1;
	return fcntl(fd, F_DUPFD_CLOEXEC, 3); /* the message's own goes with it */
}

static void *take(void *arg)
{
	struct inhibit *i = arg;
	int fd = ask(i->why);

	pthread_mutex_lock(&i->lock);
	i->fd = fd;
	pthread_mutex_unlock(&i->lock);
	drop(i);
	return NULL;
}

struct inhibit *inhibit_take(const char *why)
{
	struct inhibit *i = calloc(1, sizeof(*i));
	pthread_t thread;

	if (!i)
		return NULL;
	*i = (struct inhibit){.why = why, .holders = 2, .fd = -1};
	pthread_mutex_init(&i->lock, NULL);
	if (pthread_create(&thread, NULL, take, i) == 0)
		pthread_detach(thread);
	else
		drop(i);
	return i;
}

void inhibit_release(struct inhibit *i)
{
	if (i)
		drop(i);
}
