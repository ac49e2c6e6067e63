/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/control/names.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "burner/base/own.h"
#include "burner/base/time.h"

#define BACKLOG 256 /* others may connect, too: they are taken from it one by one, and sent away */
#define END_DIGITS 16
#define PATIENCE_MS 1000 /* one of ours takes hundreds a second */
#define PAUSE_MS 20

/* ---- listening ---- */

static int listen_on(const struct sockaddr_un *name, socklen_t length, int *ret_fd)
{
	_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || bind(fd, (const struct sockaddr *)name, length) < 0 || listen(fd, BACKLOG) < 0)
		return -errno;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

static int listen_beside(const struct sockaddr_un *name, socklen_t length, int *ret_fd)
{
	struct sockaddr_un longer = *name;
	size_t used = length - offsetof(struct sockaddr_un, sun_path);
	uint64_t end;

	if (used + 1 + END_DIGITS >= sizeof(longer.sun_path))
		return -ENAMETOOLONG;
	if (getrandom(&end, sizeof(end), 0) != (ssize_t)sizeof(end))
		return -EAGAIN;
	snprintf(longer.sun_path + used, sizeof(longer.sun_path) - used, "/%016" PRIx64, end);
	return listen_on(&longer, length + 1 + END_DIGITS, ret_fd);
}

/* ---- connecting ---- */

static int try(const struct sockaddr_un *name, socklen_t length, const uid_t users[2], int *ret_fd,
	       struct ucred *ret_peer)
{
	_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct ucred peer;
	socklen_t n = sizeof(peer);

	if (fd < 0 || connect(fd, (const struct sockaddr *)name, length) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) < 0)
		return -errno;
	if (peer.uid != users[0] && peer.uid != users[1])
		return -EPERM;
	if (fcntl(fd, F_SETFL, 0) < 0)
		return -errno;
	*ret_fd = TAKE_FD(fd);
	*ret_peer = peer;
	return 0;
}

/* Lines "Num: RefCount Protocol Flags Type St Inode Path"; of a name the first byte is shown as '@'. */
static bool has_end(const char *line, const char *name, size_t n, char ret_end[END_DIGITS + 2])
{
	const char *at = strstr(line, " @");
	size_t digits;

	if (!at || strncmp(at + 2, name, n) != 0 || at[2 + n] != '/')
		return false;
	at += 2 + n;
	digits = strspn(at + 1, "0123456789abcdef");
	if (digits != END_DIGITS || (at[1 + digits] && at[1 + digits] != '\n'))
		return false;
	memcpy(ret_end, at, 1 + END_DIGITS);
	ret_end[1 + END_DIGITS] = '\0';
	return true;
}

/* What is known after one more has failed, too: one that takes nobody just now may be the one that is looked for. */
static int worse(int known, int further)
{
	static const int order[] = {-ECONNREFUSED, -EPERM, -EAGAIN};

	for (size_t i = 0; i < ARRAY_LENGTH(order); i++) {
		if (known == order[i])
			return further;
		if (further == order[i])
			return known;
	}
	return known;
}

static int try_ends(const struct sockaddr_un *name, socklen_t length, const uid_t users[2], int *ret_fd,
		    struct ucred *ret_peer)
{
	_close_file_ FILE *f = fopen("/proc/self/net/unix", "re");
	size_t n = length - offsetof(struct sockaddr_un, sun_path), size = 0;
	struct sockaddr_un longer = *name;
	_free_ char *line = NULL;
	int r = -ECONNREFUSED;

	if (n + 1 + END_DIGITS >= sizeof(longer.sun_path))
		return -ENAMETOOLONG;
	while (f && r != 0 && getline(&line, &size, f) >= 0)
		if (has_end(line, name->sun_path + 1, n - 1, longer.sun_path + n)) {
			int next = try(&longer, length + 1 + END_DIGITS, users, ret_fd, ret_peer);
			r = next ? worse(r, next) : 0;
		}
	return r;
}

int names_connect(const struct sockaddr_un *name, socklen_t length, const uid_t users[2], int *ret_fd,
		  struct ucred *ret_peer)
{
	int64_t until = now_ms() + PATIENCE_MS;

	for (;;) {
		int r = try(name, length, users, ret_fd, ret_peer);
		int further = r ? try_ends(name, length, users, ret_fd, ret_peer) : 0;

		r = further ? worse(r, further) : 0;
		if (r != -EAGAIN || now_ms() >= until)
			return r;
		sleep_ms(PAUSE_MS);
	}
}

/* Of our own, or of root: one that leaves, and gives the name free. */
static bool is_held_by_ours(const struct sockaddr_un *name, socklen_t length)
{
	const uid_t users[2] = {geteuid(), 0};
	struct ucred peer;
	_close_ int fd = -1;

	return try(name, length, users, &fd, &peer) == 0;
}

int names_listen(const struct sockaddr_un *name, socklen_t length, bool beside, int *ret_fd)
{
	int r = listen_on(name, length, ret_fd);

	if (r != -EADDRINUSE || (!beside && is_held_by_ours(name, length)))
		return r;
	return listen_beside(name, length, ret_fd);
}
