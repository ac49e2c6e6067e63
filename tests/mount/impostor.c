/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * impostor.c - what another user does to the commands: a mount with somebody else's name, names that are taken
 * before, connections that say nothing
 *
 *	impostor mount SOURCE MOUNTPOINT  a FUSE file system by that name, whose names answer what is not so
 *	impostor take NAME…		  the names of the abstract namespace answer what is not so; N-M at the end
 *					  stands for the numbers from N to M
 *	impostor block NAME…		  the same names take no connections, and have all that there is room for
 *	impostor silent N NAME		  so many connections say nothing
 *	impostor flood NAME		  connects again and again
 *	impostor drip NAME		  a request of a byte each half second, until the other side ends
 *	impostor sip NAME REQUEST	  an answer is read by a byte each half second, until the other side ends
 *
 * Prints "ready" and goes on until it is ended.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#define MAX_NAMES 4096

static struct pollfd listeners[MAX_NAMES + 1];
static nfds_t n_listeners = 1; /* the first one: the file system */

static int fail(const char *what)
{
	fprintf(stderr, "impostor: %s: %s\n", what, strerror(errno));
	return 1;
}

static socklen_t address_of(const char *name, struct sockaddr_un *ret)
{
	size_t n = strnlen(name, sizeof(ret->sun_path) - 1);

	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(ret->sun_path + 1, name, n);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + n);
}

/* ---- names ---- */

static void take(const char *name, int backlog)
{
	struct sockaddr_un address;
	socklen_t length = address_of(name, &address);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || n_listeners == MAX_NAMES || bind(fd, (struct sockaddr *)&address, length) < 0 ||
	    listen(fd, backlog) < 0) {
		close(fd); /* somebody else has it */
		return;
	}
	listeners[n_listeners++] = (struct pollfd){.fd = fd, .events = POLLIN};
}

static void take_range(const char *name, int backlog)
{
	char prefix[128], one[160];
	unsigned from, to;
	const char *dash = strrchr(name, '-'), *at = dash;

	while (at && at > name && at[-1] >= '0' && at[-1] <= '9')
		at--;
	if (!dash || sscanf(at, "%u-%u", &from, &to) != 2) {
		take(name, backlog);
		return;
	}
	snprintf(prefix, sizeof(prefix), "%.*s", (int)(at - name), name);
	for (unsigned i = from; i <= to; i++) {
		snprintf(one, sizeof(one), "%s%u", prefix, i);
		take(one, backlog);
	}
}

static void lie(int listener)
{
	static const char answer[] =
		"{\"type\":\"progress\",\"phase\":\"idle\",\"done_bytes\":0,\"all_bytes\":0}\n"
		"{\"type\":\"info\",\"disc\":\"/forged\",\"medium\":\"forged\",\"mountpoint\":\"/"
		"forged\",\"device\":\"0:1\","
		"\"sessions\":[]}\n"
		"{\"type\":\"result\",\"error\":0,\"message\":\"forged\",\"burned\":true,\"append_bytes\":131072,"
		"\"data_bytes\":4096,\"shared_bytes\":0,\"tree_bytes\":4096,\"fits\":true,\"session\":7}\n";
	char request[4096];
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd >= 0 && recv(fd, request, sizeof(request), 0) >= 0)
		(void)!send(fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL);
	close(fd);
}

/* All that there is room for, by connections of our own. */
static void fill_up(void)
{
	for (nfds_t i = 1; i < n_listeners; i++) {
		struct sockaddr_un address;
		socklen_t length = sizeof(address);
		int fd;

		if (getsockname(listeners[i].fd, (struct sockaddr *)&address, &length) < 0)
			continue;
		do
			fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		while (fd >= 0 && connect(fd, (struct sockaddr *)&address, length) == 0);
		listeners[i].events = 0;
	}
}

/* ---- a file system that answers nothing but that it is there ---- */

static void serve(int fuse)
{
	static union {
		char bytes[1 << 17];
		struct {
			struct fuse_in_header header;
			struct fuse_init_in init;
		} in;
	} u;
	ssize_t n = read(fuse, &u, sizeof(u));
	struct {
		struct fuse_out_header header;
		struct fuse_init_out init;
	} out = {.init = {.major = FUSE_KERNEL_VERSION, .minor = FUSE_KERNEL_MINOR_VERSION, .max_write = 4096}};

	if (n < (ssize_t)sizeof(u.in.header) || u.in.header.opcode == FUSE_FORGET)
		return;
	out.header.unique = u.in.header.unique;
	out.header.len = u.in.header.opcode == FUSE_INIT ? sizeof(out) : sizeof(out.header);
	out.header.error = u.in.header.opcode == FUSE_INIT ? 0 : -EIO;
	(void)!write(fuse, &out, out.header.len);
}

static int receive_fd(int from)
{
	char byte, control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = {&byte, 1};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	int fd = -1;

	if (recvmsg(from, &m, MSG_CMSG_CLOEXEC) > 0 && CMSG_FIRSTHDR(&m))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
	return fd;
}

static int mount_as(const char *source, const char *mountpoint)
{
	char options[8192], number[16];
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
		return -1;
	snprintf(options, sizeof(options), "subtype=cdappendfs,fsname=%s", source);
	snprintf(number, sizeof(number), "%d", pair[0]);
	if (fork() == 0) {
		signal(SIGCHLD, SIG_DFL); /* it may wait for a child of its own */
		setenv("_FUSE_COMMFD", number, 1);
		close(pair[1]);
		execlp("fusermount3", "fusermount3", "-o", options, "--", mountpoint, NULL);
		_exit(127);
	}
	close(pair[0]);
	return receive_fd(pair[1]);
}

/* The name of the mount itself: its device number, as mountinfo has it. */
static void take_mount_name(const char *mountpoint)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char line[16384], device[32], at[4096], name[64];

	*name = '\0';
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%*s %*s %31s %*s %4095s", device, at) == 2 && !strcmp(at, mountpoint))
			snprintf(name, sizeof(name), "cdappendfs/%s", device);
	if (f)
		fclose(f);
	take(name, 16);
}

static void take_disc_name(const char *disc)
{
	char name[96];
	struct stat st;

	if (stat(disc, &st) < 0)
		return;
	snprintf(name, sizeof(name), "cdappendfs/disc/f:%u:%u:%llu", major(st.st_dev), minor(st.st_dev),
		 (unsigned long long)st.st_ino);
	take(name, 16);
}

/* ---- clients ---- */

static int connect_to(const char *name)
{
	struct sockaddr_un address;
	socklen_t length = address_of(name, &address);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, length) == 0)
		return fd;
	close(fd);
	return -1;
}

static void say_ready(void)
{
	puts("ready");
	fflush(stdout);
}

static int be_silent(unsigned n, const char *name)
{
	unsigned open_ones = 0;

	while (n-- && connect_to(name) >= 0)
		open_ones++;
	if (!open_ones)
		return fail(name);
	say_ready();
	for (;;)
		pause();
}

static int flood(const char *name)
{
	int fd = connect_to(name);

	if (fd < 0)
		return fail(name);
	say_ready();
	for (;;) {
		close(fd);
		fd = connect_to(name);
	}
}

static bool other_side_ended(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLRDHUP};

	return poll(&p, 1, 500) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR));
}

static int drip(const char *name)
{
	int fd = connect_to(name);

	if (fd < 0)
		return fail(name);
	say_ready();
	while (send(fd, "s", 1, MSG_NOSIGNAL) == 1 && !other_side_ended(fd))
		;
	return 0;
}

static int sip(const char *name, const char *request)
{
	int fd = connect_to(name);
	char byte;

	if (fd < 0 || dprintf(fd, "%s\n", request) < 0)
		return fail(name);
	say_ready();
	while (!other_side_ended(fd) && recv(fd, &byte, 1, 0) == 1)
		;
	return 0;
}

static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int main(int argc, char **argv)
{
	bool block = argc > 2 && !strcmp(argv[1], "block");

	raise_limit();
	signal(SIGCHLD, SIG_IGN);
	listeners[0].fd = -1;
	if (argc == 4 && !strcmp(argv[1], "silent"))
		return be_silent((unsigned)strtoul(argv[2], NULL, 10), argv[3]);
	if (argc == 3 && !strcmp(argv[1], "flood"))
		return flood(argv[2]);
	if (argc == 3 && !strcmp(argv[1], "drip"))
		return drip(argv[2]);
	if (argc == 4 && !strcmp(argv[1], "sip"))
		return sip(argv[2], argv[3]);
	if (argc == 4 && !strcmp(argv[1], "mount")) {
		listeners[0] = (struct pollfd){.fd = mount_as(argv[2], argv[3]), .events = POLLIN};
		if (listeners[0].fd < 0)
			return fail(argv[3]);
		take_mount_name(argv[3]);
		take_disc_name(argv[2]);
	} else if (block || (argc > 2 && !strcmp(argv[1], "take"))) {
		for (int i = 2; i < argc; i++)
			take_range(argv[i], block ? 0 : 16);
		if (block)
			fill_up();
	} else {
		fputs("usage: see impostor.c\n", stderr);
		return 2;
	}
	say_ready();
	while (poll(listeners, n_listeners, -1) >= 0 || errno == EINTR) {
		if (listeners[0].revents & (POLLERR | POLLHUP))
			return 0; /* unmounted */
		if (listeners[0].revents)
			serve(listeners[0].fd);
		for (nfds_t i = 1; i < n_listeners; i++)
			if (listeners[i].revents & POLLIN)
				lie(listeners[i].fd);
	}
	return 0;
}
