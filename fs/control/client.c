/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * client.c - a conversation with the daemon of a mount
 *
 * Anybody can listen on a name of the abstract namespace, so the other side is believed only when it runs as the
 * mount's owner or as root (names.h).  Its process is held by a pidfd from the beginning: cdappendfs-umount waits for
 * that process, not for one that got its number later.
 */
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "burner/base/child.h"
#include "burner/base/time.h"
#include "burner/base/json.h"
#include "fs/control/client.h"
#include "fs/control/mounts.h"
#include "fs/control/names.h"

#define DEAD_MS 3000
#define STARTING_MS 3000 /* from the mount's first answer until its daemon listens */
#define LEAVING_MS 10000 /* a daemon whose mount has gone closes what it is not to answer, and gives its name free */
#define PAUSE_MS 20
#define LOCATE_MS 5000

struct client {
	int fd, pidfd; /* pidfd -1: not known */
	uid_t peer;
	int64_t until_ms; /* all is to be received by then; 0: whenever it comes */
	char *buf;	  /* bytes received, from begin to end */
	size_t begin, end, size;
	const volatile sig_atomic_t *stop; /* NULL: nothing stops it */
	/* So that it is asked anew; the number of the mount is 0 when it was found by its disc. */
	struct control_mount mount;
	char *request;
	bool heard;
};

static int await(int fd, int timeout_ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int n;

	do
		n = poll(&p, 1, timeout_ms);
	while (n < 0 && errno == EINTR);
	return n > 0 ? 0 : n == 0 ? -ETIME : -errno;
}

/* statfs(2) always asks the daemon; of a user's mount it does so only for that user. */
static int ask_statfs(const struct control_mount *mount)
{
	struct statfs fs;

	if (mount->owner == (uid_t)-1)
		return 0;
	if (geteuid() == 0 && mount->owner != 0 &&
	    (setgroups(0, NULL) < 0 || setresgid(mount->group, mount->group, mount->group) < 0 ||
	     setresuid(mount->owner, mount->owner, mount->owner) < 0))
		return 0;
	return statfs(mount->mountpoint, &fs) < 0 ? errno : 0;
}

/* The kernel knows that nobody serves the mount any more. In a process of its own, since a daemon that was stopped
 * does not answer. */
static bool is_dead(const struct control_mount *mount, int timeout_ms)
{
	pid_t child = child_fork();
	int status = 0;

	if (child == 0)
		_exit(ask_statfs(mount) == ENOTCONN ? 1 : 0);
	if (child < 0)
		return false;
	_close_ int pidfd = (int)syscall(SYS_pidfd_open, child, 0);
	if (pidfd >= 0 && await(pidfd, timeout_ms) < 0)
		kill(child, SIGKILL);
	return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 1;
}

static int connect_to(const struct sockaddr_un *address, socklen_t length, const uid_t users[2], struct client **ret)
{
	_cleanup_(client_freep) struct client *c = calloc(1, sizeof(*c));
	struct ucred peer;

	if (!c)
		return -ENOMEM;
	c->pidfd = c->fd = -1;
	c->buf = malloc(c->size = 4 * CONTROL_LINE_MAX);
	if (!c->buf)
		return -ENOMEM;
	int r = names_connect(address, length, users, &c->fd, &peer);
	if (r < 0)
		return r;
	c->peer = peer.uid;
	if (peer.pid > 0 && peer.pid != getpid())
		c->pidfd = (int)syscall(SYS_pidfd_open, peer.pid, 0);
	*ret = TAKE_PTR(c);
	return 0;
}

static int left_of(int64_t until_ms)
{
	int64_t left = until_ms - now_ms();

	return left > 0 ? (int)left : 0;
}

static int64_t earlier(int64_t a, int64_t b) { return a < b ? a : b; }

/* -ETIME: then it did not yet listen. */
static int open_until(const struct control_mount *mount, int64_t limit_ms, struct client **ret)
{
	const uid_t users[2] = {mount->owner == (uid_t)-1 ? 0 : mount->owner, 0};
	struct sockaddr_un address;
	socklen_t length = control_address(mount->major, mount->minor, &address);
	int64_t until = 0;

	for (;;) {
		int r = connect_to(&address, length, users, ret);

		if (r == 0)
			(*ret)->mount = *mount;
		if (r != -ECONNREFUSED && r != -EPERM)
			return r;
		if (!until && is_dead(mount, (int)earlier(DEAD_MS, left_of(limit_ms))))
			return -ENOTCONN;
		/* A daemon that has only just mounted listens when its mount has answered, as now. */
		until = until ? until : now_ms() + STARTING_MS;
		if (r == -EPERM || now_ms() >= until)
			return r;
		if (now_ms() >= limit_ms)
			return -ETIME;
		sleep_ms(PAUSE_MS);
	}
}

int client_open(const struct control_mount *mount, struct client **ret)
{
	return open_until(mount, now_ms() + DEAD_MS + 2 * STARTING_MS, ret);
}

static int open_disc_of(const struct stat *disc, const uid_t users[2], struct client **ret)
{
	struct sockaddr_un address;
	socklen_t length = control_disc_address(disc, &address);

	return length ? connect_to(&address, length, users, ret) : -ECONNREFUSED;
}

int client_open_own_disc(const char *path, struct client **ret)
{
	const uid_t users[2] = {geteuid(), 0};
	struct stat st;

	return stat(path, &st) < 0 ? -errno : open_disc_of(&st, users, ret);
}

int client_open_disc(const char *path, struct client **ret)
{
	int r = client_open_own_disc(path, ret);
	struct stat st;

	if (r == 0 || geteuid() != 0 || stat(path, &st) < 0)
		return r;
	const uid_t owner[2] = {st.st_uid, st.st_uid};
	return open_disc_of(&st, owner, ret);
}

void client_stop_by(struct client *c, const volatile sig_atomic_t *stop) { c->stop = stop; }

void client_free(struct client *c)
{
	if (!c)
		return;
	close_fd(&c->fd);
	close_fd(&c->pidfd);
	free(c->request);
	free(c->buf);
	free(c);
}

/* Shorter than any socket buffer: it goes as a whole. */
static int send_request(struct client *c)
{
	ssize_t n = (ssize_t)strlen(c->request);

	return send(c->fd, c->request, (size_t)n, MSG_NOSIGNAL) == n ? 0 : -EPIPE;
}

static void take_connection(struct client *c, struct client *from)
{
	close_fd(&c->fd);
	close_fd(&c->pidfd);
	c->fd = TAKE_FD(from->fd);
	c->pidfd = TAKE_FD(from->pidfd);
	c->peer = from->peer;
}

/* It closed without a word.  Numbers of mounts are given again at once: it was that of a mount that has gone, whose
 * daemon had not yet given the name free.  The one that is meant listens as soon as it does. */
static int ask_anew(struct client *c)
{
	int64_t leaving = now_ms() + LEAVING_MS, until = c->until_ms ? earlier(leaving, c->until_ms) : leaving;
	int r = -EPIPE;

	while (r == -EPIPE && !c->heard && c->mount.number && now_ms() < leaving) {
		_cleanup_(client_freep) struct client *next = NULL;

		if (c->stop && *c->stop)
			return -EINTR;
		if (now_ms() >= until)
			return -ETIME;
		sleep_ms(PAUSE_MS);
		r = open_until(&c->mount, until, &next);
		if (r < 0)
			return r == -ECONNREFUSED ? -EPIPE : r; /* it has ended, or does not speak */
		take_connection(c, next);
		r = send_request(c);
	}
	return r;
}

int client_send(struct client *c, const char *request)
{
	int n = asprintf(&c->request, "%s\n", request);

	if (n < 0) {
		c->request = NULL;
		return -ENOMEM;
	}
	if ((size_t)n >= CONTROL_LINE_MAX)
		return -E2BIG;
	return send_request(c) < 0 ? ask_anew(c) : 0;
}

/* More bytes into the buffer; -EPIPE at the end. */
static int fill(struct client *c)
{
	if (c->begin > 0) {
		memmove(c->buf, c->buf + c->begin, c->end - c->begin);
		c->end -= c->begin;
		c->begin = 0;
	}
	if (c->size - c->end < CONTROL_LINE_MAX) {
		size_t size = c->size + 4 * CONTROL_LINE_MAX;
		char *more = size <= 64u << 20 ? realloc(c->buf, size) : NULL;
		if (!more)
			return -ENOMEM;
		c->buf = more;
		c->size = size;
	}
	ssize_t n;
	do {
		if (c->stop && *c->stop)
			return -EINTR;
		if (c->until_ms && await(c->fd, left_of(c->until_ms)) < 0)
			return -ETIME;
		n = recv(c->fd, c->buf + c->end, c->size - c->end, 0);
		if (n == 0 || (n < 0 && errno != EINTR)) {
			int r = ask_anew(c);
			if (r < 0)
				return r;
		}
	} while (n <= 0);
	c->heard = true;
	c->end += (size_t)n;
	return 0;
}

/* The next line as a string, valid until the next call. */
static int take_line(struct client *c, const char **ret)
{
	for (size_t searched = 0;;) {
		char *begin = c->buf + c->begin;
		char *newline = c->end > c->begin + searched ?
					memchr(begin + searched, '\n', c->end - c->begin - searched) :
					NULL;
		if (newline) {
			*newline = '\0';
			c->begin = (size_t)(newline + 1 - c->buf);
			*ret = begin;
			return 0;
		}
		searched = c->end - c->begin;
		int r = fill(c);
		if (r < 0)
			return r;
	}
}

int client_take(struct client *c, void *buf, size_t bytes)
{
	uint8_t *to = buf;

	while (bytes) {
		size_t n = c->end - c->begin;
		int r = n ? 0 : fill(c);

		if (r < 0)
			return r;
		n = c->end - c->begin;
		n = n < bytes ? n : bytes;
		memcpy(to, c->buf + c->begin, n);
		c->begin += n;
		to += n;
		bytes -= n;
	}
	return 0;
}

int client_put(struct client *c, const void *buf, size_t bytes)
{
	return send(c->fd, buf, bytes, MSG_NOSIGNAL) == (ssize_t)bytes ? 0 : -EPIPE;
}

int client_peek(struct client *c, char *ret)
{
	int r = c->end > c->begin ? 0 : fill(c);

	if (!r)
		*ret = c->buf[c->begin];
	return r;
}

int client_await_line(struct client *c, int timeout_ms)
{
	int r = await(c->fd, timeout_ms);

	return c->stop && *c->stop ? -EINTR : r;
}

int client_await_first(struct client *c, int timeout_ms)
{
	int64_t until = c->until_ms;

	if (c->end > c->begin)
		return 0;
	c->until_ms = now_ms() + timeout_ms;
	int r = fill(c);
	c->until_ms = until;
	return r;
}

static int parse_result(const char *line, struct client_result *ret)
{
	uint64_t error, session = 0;

	*ret = (struct client_result){.fits = true, .files_in_pieces = PIECES_UNKNOWN};
	if (json_get_u64(line, "error", &error) < 0 || error > 4095)
		return -EPROTO;
	ret->error = (int)error;
	/* What a request has no use for may be missing. A message too long is cut. */
	json_get_string(line, "message", ret->message, sizeof(ret->message));
	json_get_bool(line, "burned", &ret->burned);
	json_get_bool(line, "fits", &ret->fits);
	json_get_u64(line, "append_bytes", &ret->append_bytes);
	json_get_u64(line, "data_bytes", &ret->data_bytes);
	json_get_u64(line, "parity_bytes", &ret->parity_bytes);
	json_get_u64(line, "shared_bytes", &ret->shared_bytes);
	json_get_u64(line, "found_bytes", &ret->found_bytes);
	json_get_u64(line, "tree_bytes", &ret->tree_bytes);
	json_get_u64(line, "files_in_pieces", &ret->files_in_pieces);
	json_get_u64(line, "names_changed", &ret->names_changed);
	json_get_u64(line, "names_closed", &ret->names_closed);
	json_get_u64(line, "made", &ret->made);
	json_get_u64(line, "changed", &ret->changed);
	json_get_u64(line, "renamed", &ret->renamed);
	json_get_u64(line, "removed", &ret->removed);
	json_get_u64(line, "attributes_lost", &ret->attributes_lost);
	json_get_u64(line, "older_bytes", &ret->older_bytes);
	json_get_u64(line, "older_sessions", &ret->older_sessions);
	json_get_u64(line, "unproven_bytes", &ret->unproven_bytes);
	json_get_u64(line, "left_out_bytes", &ret->left_out_bytes);
	json_get_bool(line, "older_more", &ret->older_more);
	json_get_u64(line, "adopted_bytes", &ret->adopted_bytes);
	json_get_u64(line, "adopted_sessions", &ret->adopted_sessions);
	json_get_u64(line, "unread_bytes", &ret->unread_bytes);
	json_get_bool(line, "adopted_more", &ret->adopted_more);
	json_get_u64(line, "held_bytes", &ret->held_bytes);
	json_get_u64(line, "overhead_bytes", &ret->overhead_bytes);
	ret->more_sessions = SESSIONS_NO_BOUND;
	json_get_u64(line, "more_sessions", &ret->more_sessions);
	json_get_u64(line, "set", &ret->set);
	json_get_u64(line, "disc", &ret->disc);
	json_get_u64(line, "discs", &ret->discs);
	json_get_u64(line, "session", &session);
	ret->session = session > UINT32_MAX ? 0 : (uint32_t)session;
	return 0;
}

static void hand_on(const struct client_handlers *h, const char *type, const char *line)
{
	struct burning b;

	if (strcmp(type, "progress") != 0) {
		if (h->line)
			h->line(h->context, type, line);
		return;
	}
	if (burning_parse(line, &b) == 0 && h->progress)
		h->progress(h->context, &b);
}

static bool has_ended(const struct client *c) { return c->pidfd >= 0 && await(c->pidfd, DEAD_MS) == 0; }

int client_finish(struct client *c, const struct client_handlers *handlers, struct client_result *ret)
{
	static const struct client_handlers none;
	const char *line;
	char type[32];

	for (;;) {
		int r = take_line(c, &line);
		if (r < 0)
			return r == -EPIPE && has_ended(c) ? -ENOTCONN : r;
		if (json_get_string(line, "type", type, sizeof(type)) < 0)
			return -EPROTO;
		if (strcmp(type, "result") == 0)
			return parse_result(line, ret);
		hand_on(handlers ? handlers : &none, type, line);
	}
}

int client_await_end(struct client *c, int timeout_ms)
{
	int64_t until = now_ms() + timeout_ms;
	const char *line;

	for (;;) { /* the end of the connection */
		int r = c->end > c->begin ? 0 : await(c->fd, left_of(until));
		if (r < 0)
			return r;
		if (take_line(c, &line) < 0)
			break;
	}
	return c->pidfd < 0 ? 0 : await(c->pidfd, left_of(until));
}

int client_ask(const struct control_mount *mount, const char *request, const struct client_handlers *handlers,
	       struct client_result *ret)
{
	_cleanup_(client_freep) struct client *c = NULL;
	int r = client_open(mount, &c);

	if (r == 0)
		r = client_send(c, request);
	return r < 0 ? r : client_finish(c, handlers, ret);
}

static void note_device(void *context, const char *type, const char *line)
{
	struct control_mount *mount = context;
	char device[32], mountpoint[sizeof(mount->mountpoint)];

	/* Without a mount point it has ended. */
	if (strcmp(type, "info") == 0 && json_get_string(line, "mountpoint", mountpoint, sizeof(mountpoint)) == 0 &&
	    json_get_string(line, "device", device, sizeof(device)) == 0 &&
	    sscanf(device, "%u:%u", &mount->major, &mount->minor) != 2)
		mount->major = mount->minor = 0;
}

/* The number is the daemon's word; whose mount has it is the kernel's. */
static int check_device(const struct client *c, struct control_mount *mount)
{
	int r = mounts_of_device(mount->major, mount->minor, mount);

	if (r == 0)
		return mount->owner == c->peer ? 0 : -EPERM;
	return r == -EXDEV ? -EPERM : r == -ENOENT ? 0 : r; /* mounted elsewhere, or nowhere and still in use */
}

int client_locate(const char *disc, struct control_mount *ret)
{
	_cleanup_(client_freep) struct client *c = NULL;
	struct control_mount mount = {.owner = (uid_t)-1};
	const struct client_handlers handlers = {.line = note_device, .context = &mount};
	struct client_result result;
	int r = client_open_disc(disc, &c);

	if (r < 0)
		return r;
	c->until_ms = now_ms() + LOCATE_MS;
	r = client_send(c, "info");
	if (r == 0)
		r = client_finish(c, &handlers, &result);
	if (r < 0)
		return r;
	if (!mount.major && !mount.minor)
		return -ENOENT;
	r = check_device(c, &mount);
	if (r == 0)
		*ret = mount;
	return r;
}

const char *client_why(int error)
{
	switch (-error) {
	case ENOTCONN:
		return "its daemon has ended without unmounting (it was killed?): unmount it (fusermount3 -u, or "
		       "umount as root) and mount the disc again: what was staged is kept";
	case ECONNREFUSED:
		return "its daemon runs, but cannot be reached from here: it is in another network namespace (a "
		       "container, a unit with PrivateNetwork=); give the command there, or unmount it";
	case EPERM:
		return "a process of another user has taken its name, and its daemon cannot be reached from here: it "
		       "is in another network namespace (a container, a unit with PrivateNetwork=), or of an older "
		       "version; give the command there, or unmount it";
	case EAGAIN:
	case ETIME:
		return "its daemon does not answer; try again";
	case EPIPE:
		return "its daemon closed the connection without an answer and runs on: too many ask it at once; try "
		       "again";
	case EPROTO:
		return "its daemon speaks another protocol: the command and the daemon are of different versions";
	default:
		return strerror(-error);
	}
}
