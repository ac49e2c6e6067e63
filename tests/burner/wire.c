/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/burner/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "burner/base/bytes.h"
#include "burner/base/own.h"
#include "tests/burner/control.h"
#include "tests/burner/drive.h"
#include "tests/burner/node.h"

enum { PROGRAMS = 64, OPENS = 32 };

/* A program, and how it has opened the device. */
struct program {
	int fd;
	uint32_t flags[OPENS];
	unsigned n_opens;
};

struct wire {
	const char *path;
	int listener;
	struct program programs[PROGRAMS];
	unsigned n_programs;
	uint8_t *data;
	struct drive *drive;
	struct node *node;
	struct control *control;
	const volatile int *stop;
	bool unplugged;	    /* another recorder may have the path */
	sigset_t unblocked; /* as in tcmu.c */
};

static bool take(int fd, void *to, size_t size)
{
	return size == 0 || recv(fd, to, size, MSG_WAITALL) == (ssize_t)size;
}

static bool give(int fd, const void *from, size_t size)
{
	for (ssize_t n; size > 0; from = (const uint8_t *)from + n, size -= (size_t)n)
		if ((n = send(fd, from, size, MSG_NOSIGNAL)) <= 0)
			return false;
	return true;
}

static void open_device(struct wire *w, struct program *p, uint32_t flags, struct wire_reply *reply)
{
	reply->result = p->n_opens == OPENS ? -EMFILE : node_open(w->node, flags);
	if (reply->result == 0)
		p->flags[p->n_opens++] = flags;
}

/* Which of the opens it was makes a difference only for what it was opened with. */
static void close_device(struct wire *w, struct program *p, uint32_t flags)
{
	for (unsigned i = 0; i < p->n_opens; i++)
		if (p->flags[i] == flags) {
			node_close(w->node, flags);
			p->flags[i] = p->flags[--p->n_opens];
			return;
		}
}

static void execute(struct wire *w, const struct wire_request *request, struct wire_reply *ret)
{
	struct reply reply = {0};
	bool takes_data = drive_takes_data(request->cdb);

	if (drive_is_dead(w->drive)) {
		ret->result = -ENODEV;
		return;
	}
	drive_execute(w->drive, request->cdb, w->data, takes_data ? request->sent : request->room, &reply);
	if (reply.delay_ns)
		control_let_pass(w->control, w->drive, reply.delay_ns, w->stop, &w->unblocked);
	ret->status = reply.status;
	memcpy(ret->sense, reply.sense, sizeof(ret->sense));
	ret->length = takes_data ? 0 : (uint32_t)min_u64(reply.length, request->room);
}

/* One request; false: the program has ended. */
static bool serve_program(struct wire *w, struct program *p)
{
	struct wire_reply reply = {0};
	struct wire_request request;

	if (!take(p->fd, &request, sizeof(request)) || request.sent > WIRE_DATA_MAX || request.room > WIRE_DATA_MAX ||
	    !take(p->fd, w->data, request.sent))
		return false;
	if (request.sent == 0)
		memset(w->data, 0, request.room);
	switch ((enum wire_what)request.what) {
	case WIRE_OPEN:
		open_device(w, p, request.argument, &reply);
		break;
	case WIRE_CLOSE:
		close_device(w, p, request.argument);
		break;
	case WIRE_IOCTL:
		reply.result = node_ioctl(w->node, request.argument, &reply.size);
		break;
	case WIRE_COMMAND:
		execute(w, &request, &reply);
		break;
	default:
		return false;
	}
	return give(p->fd, &reply, sizeof(reply)) && give(p->fd, w->data, reply.length);
}

static void end_program(struct wire *w, struct program *p)
{
	while (p->n_opens)
		close_device(w, p, p->flags[0]);
	close(p->fd);
	*p = w->programs[--w->n_programs];
}

static void new_program(struct wire *w)
{
	int fd = accept4(w->listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd >= 0)
		w->programs[w->n_programs++] = (struct program){.fd = fd};
}

static void unplug(struct wire *w)
{
	if (!w->unplugged)
		unlink(w->path);
	w->unplugged = true;
}

static int serve(struct wire *w)
{
	while (!*w->stop) {
		struct pollfd wait[PROGRAMS + 2] = {{.fd = w->n_programs < PROGRAMS ? w->listener : -1,
						     .events = POLLIN},
						    {.fd = control_fd(w->control), .events = POLLIN}};
		unsigned n = w->n_programs;

		for (unsigned i = 0; i < n; i++)
			wait[2 + i] = (struct pollfd){.fd = w->programs[i].fd, .events = POLLIN};
		if (drive_is_dead(w->drive))
			unplug(w);
		if (ppoll(wait, 2 + n, NULL, &w->unblocked) < 0) {
			if (errno != EINTR)
				return -errno;
			continue;
		}
		if (wait[1].revents)
			control_serve(w->control, w->drive);
		/* From the last: who ends changes places with it. */
		for (unsigned i = n; i-- > 0;)
			if (wait[2 + i].revents && !serve_program(w, &w->programs[i]))
				end_program(w, &w->programs[i]);
		if (wait[0].revents)
			new_program(w);
	}
	return 0;
}

static int listen_at(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || strlen(path) >= sizeof(address.sun_path))
		return fd < 0 ? -errno : -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path));
	unlink(path);
	return bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, PROGRAMS) < 0 ? -errno : fd;
}

int wire_serve(const char *path, struct drive *drive, struct control *control, const volatile int *stop)
{
	_free_ struct wire *w = calloc(1, sizeof(*w));
	sigset_t ends;
	int r;

	if (!w || !(w->data = malloc(WIRE_DATA_MAX)))
		return -ENOMEM;
	w->path = path;
	w->drive = drive;
	w->control = control;
	w->stop = stop;
	r = node_new(drive, &w->node);
	if (r == 0)
		r = w->listener = listen_at(path);
	if (r >= 0) {
		sigemptyset(&ends);
		sigaddset(&ends, SIGTERM);
		sigaddset(&ends, SIGINT);
		sigprocmask(SIG_BLOCK, &ends, &w->unblocked);
		r = serve(w);
		unplug(w);
	}
	while (w->n_programs)
		end_program(w, w->programs);
	node_free(w->node);
	free(w->data);
	return r;
}
