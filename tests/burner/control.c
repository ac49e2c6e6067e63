/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * control.c - sequential packets, one a request, one an answer
 *
 * A power cut takes the device from the host by its "delete" file in sysfs.  The kernel waits there for commands that
 * are on their way, so a child writes it while the drive goes on refusing them.
 */
#include "tests/burner/control.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "burner/base/own.h"
#include "tests/burner/drive.h"
#include "tests/burner/timing.h"

/* A machine that has other things to do leaves either side waiting for the other's turn. */
enum { REQUEST_MS = 60000, ANSWER_S = 120 };

struct control {
	int fd;
	char path[108];
	char device[200];
	bool unplugged;
};

static int address_of(const char *path, struct sockaddr_un *ret_address)
{
	*ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(ret_address->sun_path))
		return -ENAMETOOLONG;
	memcpy(ret_address->sun_path, path, strlen(path));
	return 0;
}

int control_new(const char *path, struct control **ret_control)
{
	struct control *c = calloc(1, sizeof(*c));
	struct sockaddr_un address;
	int r = address_of(path, &address);

	if (!c)
		return -ENOMEM;
	if (!r) {
		snprintf(c->path, sizeof(c->path), "%s", path);
		unlink(path);
		c->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
		if (c->fd < 0 || bind(c->fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(c->fd, 16) < 0)
			r = -errno;
	}
	if (r) {
		free(c);
		return r;
	}
	*ret_control = c;
	return 0;
}

void control_free(struct control *c)
{
	if (!c)
		return;
	close(c->fd);
	unlink(c->path);
	free(c);
}

int control_fd(const struct control *c) { return c ? c->fd : -1; }

static void insert(struct drive *drive, const char *arguments, char *text, size_t size)
{
	char image[1024], name[32] = "";
	const struct medium *medium = NULL;
	struct disc *disc;
	int capacity = 0, r;

	if (sscanf(arguments, "%1023s %31s %d", image, name, &capacity) < 1 ||
	    (*name && !(medium = medium_find(name)))) {
		snprintf(text, size, "error: insert IMAGE [MEDIUM [BLOCKS]]");
		return;
	}
	drive_save(drive);
	r = disc_open(image, medium, capacity, &disc);
	if (r)
		snprintf(text, size, "error: %s: %s", image, strerror(-r));
	else
		drive_insert(drive, disc);
}

static void add_fault(struct drive *drive, const char *arguments, char *text, size_t size)
{
	int r = fault_add(drive_faults(drive), arguments);

	if (r)
		snprintf(text, size, "error: fault %s: %s", arguments, strerror(-r));
}

static void add_twist(struct drive *drive, const char *arguments, char *text, size_t size)
{
	int r = twist_add(drive_twists(drive), arguments);

	if (r)
		snprintf(text, size, "error: twist %s: %s", arguments, strerror(-r));
}

void control_obey(struct control *c, struct drive *drive, char *line, char *text, unsigned long size)
{
	char *arguments = line + strcspn(line, " \n");

	if (*arguments)
		*arguments++ = 0;
	snprintf(text, size, "ok");
	if (!strcmp(line, "insert"))
		insert(drive, arguments, text, size);
	else if (!strcmp(line, "take"))
		drive_insert(drive, NULL);
	else if (!strcmp(line, "open"))
		drive_open_tray(drive);
	else if (!strcmp(line, "close"))
		drive_close_tray(drive);
	else if (!strcmp(line, "reload"))
		drive_open_tray(drive), drive_close_tray(drive);
	else if (!strcmp(line, "button"))
		drive_press_button(drive);
	else if (!strcmp(line, "fault"))
		add_fault(drive, arguments, text, size);
	else if (!strcmp(line, "clear"))
		fault_clear(drive_faults(drive));
	else if (!strcmp(line, "twist"))
		add_twist(drive, arguments, text, size);
	else if (!strcmp(line, "lie"))
		twist_lie(drive_twists(drive), strtoull(arguments, NULL, 10));
	else if (!strcmp(line, "finalizes"))
		drive_set_finalizing(drive);
	else if (!strcmp(line, "straight"))
		twist_clear(drive_twists(drive));
	else if (!strcmp(line, "timing"))
		drive_set_timing(drive, strtod(arguments, NULL));
	else if (!strcmp(line, "long"))
		drive_set_long_operations(drive, (unsigned)(strtod(arguments, NULL) * 1000));
	else if (!strcmp(line, "save"))
		drive_save(drive);
	else if (!strcmp(line, "device") && c)
		snprintf(c->device, sizeof(c->device), "%s", arguments);
	else if (!strcmp(line, "state"))
		snprintf(text, size, "ok "), drive_describe(drive, text + 3, size - 3);
	else
		snprintf(text, size, "error: no request %s", line);
}

void control_serve(struct control *c, struct drive *drive)
{
	struct pollfd wait = {.events = POLLIN};
	char line[2048], text[1024];
	_close_ int peer = accept4(c->fd, NULL, NULL, SOCK_CLOEXEC);
	ssize_t n;

	wait.fd = peer;
	if (peer < 0)
		return;
	if (poll(&wait, 1, REQUEST_MS) <= 0) {
		fprintf(stderr, "recorder: somebody connected and asked nothing for %d s\n", REQUEST_MS / 1000);
		return;
	}
	n = recv(peer, line, sizeof(line) - 1, 0);
	if (n <= 0)
		return;
	line[n] = 0;
	control_obey(c, drive, line, text, sizeof(text));
	send(peer, text, strlen(text), MSG_NOSIGNAL);
}

void control_let_pass(struct control *c, struct drive *drive, int64_t delay_ns, const volatile int *stop,
		      const sigset_t *unblocked)
{
	int64_t end = timing_now() + delay_ns;

	for (int64_t left; !*stop && (left = end - timing_now()) > 0;) {
		struct pollfd wait = {.fd = control_fd(c), .events = POLLIN};
		struct timespec time = {.tv_sec = left / 1000000000, .tv_nsec = left % 1000000000};

		if (ppoll(&wait, 1, &time, unblocked) > 0)
			control_serve(c, drive);
	}
}

void control_unplug(struct control *c)
{
	char path[256];

	if (!c || c->unplugged || !*c->device)
		return;
	c->unplugged = true;
	snprintf(path, sizeof(path), "%s/delete", c->device);
	if (fork() == 0) {
		int fd = open(path, O_WRONLY | O_CLOEXEC);

		_exit(fd < 0 || write(fd, "1", 1) != 1);
	}
}

int control_ask(const char *path, const char *line)
{
	const struct timeval limit = {.tv_sec = ANSWER_S};
	struct sockaddr_un address;
	_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	int r = address_of(path, &address);
	char text[1024];
	ssize_t n;

	if (r)
		return r;
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 ||
	    connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    send(fd, line, strlen(line), MSG_NOSIGNAL) < 0)
		return -errno;
	n = recv(fd, text, sizeof(text) - 1, 0);
	if (n <= 0)
		return n == 0 ? -EPIPE : errno == EAGAIN ? -ETIMEDOUT : -errno;
	text[n] = 0;
	puts(text);
	return strncmp(text, "ok", 2) != 0;
}
