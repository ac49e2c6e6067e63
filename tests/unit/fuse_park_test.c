/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Parked requests, against a kernel played by this test: FUSE messages over a socket pair, through libfuse's own
 * session.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/fuse.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cmocka.h>

#include "fs/fuse/park.h"

struct server { /* the park does not look into it */
	struct park *park;
	struct fuse_session *session;
	pthread_t thread;
	int kernel;	  /* our end */
	_Atomic int busy; /* so many runs more find the drive burning */
	_Atomic int runs;
};

static int run_lookup(struct server *s, fuse_req_t req, const struct request *c)
{
	struct fuse_entry_param e = {.ino = strlen(c->name)};

	atomic_fetch_add(&s->runs, 1);
	if (strcmp(c->name, "now") != 0 && atomic_fetch_sub(&s->busy, 1) > 0)
		return -EAGAIN;
	e.attr.st_size = c->data ? (off_t)((const char *)c->data)[0] : 0;
	fuse_reply_entry(req, &e);
	return 0;
}

static void lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct server *s = fuse_req_userdata(req);
	char data = 'd', copy[300];

	snprintf(copy, sizeof(copy), "%s", name);
	park_run(s->park, req,
		 &(struct request){.run = run_lookup, .ino = parent, .name = copy, .data = &data, .size = 1});
	memset(copy, '!', sizeof(copy)); /* a parked one must have its own */
	data = '!';
}

static ssize_t io_writev(int fd, struct iovec *iov, int count, void *data)
{
	(void)data;
	return writev(fd, iov, count);
}

static ssize_t io_read(int fd, void *buf, size_t length, void *data)
{
	(void)data;
	ssize_t n = recv(fd, buf, length, 0);
	if (n > 0)
		return n;
	errno = ENODEV; /* the end of the conversation: as if unmounted */
	return -1;
}

static void *loop(void *arg)
{
	struct server *s = arg;

	fuse_session_loop(s->session);
	return NULL;
}

static void say(struct server *s, uint32_t opcode, uint64_t unique, const void *body, size_t length)
{
	struct fuse_in_header header = {.len = (uint32_t)(sizeof(header) + length),
					.opcode = opcode,
					.unique = unique,
					.nodeid = 1};
	struct iovec iov[2] = {{&header, sizeof(header)}, {(void *)(uintptr_t)body, length}};

	assert_int_equal(writev(s->kernel, iov, 2), sizeof(header) + length);
}

static void say_lookup(struct server *s, uint64_t unique, const char *name)
{
	say(s, FUSE_LOOKUP, unique, name, strlen(name) + 1);
}

struct answer {
	struct fuse_out_header header;
	struct fuse_entry_out entry;
	char rest[256];
};

/* False: nothing came in that time. */
static bool hear(struct server *s, struct answer *ret, int timeout_ms)
{
	struct pollfd p = {.fd = s->kernel, .events = POLLIN};

	if (poll(&p, 1, timeout_ms) <= 0)
		return false;
	assert_true(recv(s->kernel, ret, sizeof(*ret), 0) >= (ssize_t)sizeof(ret->header));
	return true;
}

static int setup(void **state)
{
	static const struct fuse_lowlevel_ops operations = {.lookup = lookup};
	static const struct fuse_custom_io io = {.writev = io_writev, .read = io_read};
	char *argv[] = {(char[]){"test"}, NULL};
	struct fuse_args args = FUSE_ARGS_INIT(1, argv);
	struct fuse_init_in init = {.major = 7, .minor = 31, .max_readahead = 131072};
	struct server *s = calloc(1, sizeof(*s));
	struct answer a;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	s->kernel = fds[0];
	s->session = fuse_session_new(&args, &operations, sizeof(operations), s);
	fuse_opt_free_args(&args);
	assert_non_null(s->session);
	assert_int_equal(fuse_session_custom_io(s->session, &io, fds[1]), 0);
	assert_int_equal(park_new(s, &s->park), 0);
	assert_int_equal(park_start(s->park), 0);
	assert_int_equal(pthread_create(&s->thread, NULL, loop, s), 0);
	say(s, FUSE_INIT, 1, &init, sizeof(init));
	assert_true(hear(s, &a, 5000));
	assert_int_equal(a.header.error, 0);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct server *s = *state;

	park_stop(s->park);
	shutdown(s->kernel, SHUT_RDWR);
	close(s->kernel);
	pthread_join(s->thread, NULL);
	park_free(s->park);
	fuse_session_destroy(s->session);
	free(s);
	return 0;
}

static void answers_at_once(void **state)
{
	struct server *s = *state;
	struct answer a;

	say_lookup(s, 10, "free");
	assert_true(hear(s, &a, 5000));
	assert_int_equal(a.header.unique, 10);
	assert_int_equal(a.header.error, 0);
	assert_int_equal(a.entry.nodeid, 4);
	assert_int_equal(atomic_load(&s->runs), 1);
}

static void is_run_again_until_the_drive_is_free(void **state)
{
	struct server *s = *state;
	struct answer a;

	atomic_store(&s->busy, 3);
	say_lookup(s, 10, "a name of its own");
	assert_true(hear(s, &a, 5000));
	assert_int_equal(a.header.unique, 10);
	assert_int_equal(a.header.error, 0);
	assert_int_equal(a.entry.nodeid, strlen("a name of its own"));
	assert_int_equal(a.entry.attr.size, 'd');
	assert_int_equal(atomic_load(&s->runs), 4);
}

static void others_go_on_while_many_wait(void **state)
{
	struct server *s = *state;
	bool seen[64] = {false};
	struct answer a;

	atomic_store(&s->busy, 1000000);
	for (uint64_t i = 0; i < 64; i++)
		say_lookup(s, 100 + i, "parked");
	say_lookup(s, 10, "now");
	assert_true(hear(s, &a, 5000));
	assert_int_equal(a.header.unique, 10);
	atomic_store(&s->busy, 0);
	for (int i = 0; i < 64; i++) {
		assert_true(hear(s, &a, 5000));
		assert_int_equal(a.header.error, 0);
		assert_in_range(a.header.unique, 100, 163);
		assert_false(seen[a.header.unique - 100]);
		seen[a.header.unique - 100] = true;
	}
	assert_false(hear(s, &a, 3 * PARK_RETRY_MS));
}

static void an_interrupt_is_answered(void **state)
{
	struct server *s = *state;
	struct fuse_interrupt_in interrupt = {.unique = 10};
	struct answer a;

	atomic_store(&s->busy, 1000000);
	say_lookup(s, 10, "parked");
	say_lookup(s, 12, "parked too");
	assert_false(hear(s, &a, 2 * PARK_RETRY_MS));
	say(s, FUSE_INTERRUPT, 11, &interrupt, sizeof(interrupt));
	assert_true(hear(s, &a, 5000));
	assert_int_equal(a.header.unique, 10);
	assert_int_equal(a.header.error, -EINTR);
	atomic_store(&s->busy, 0);
	assert_true(hear(s, &a, 5000));
	assert_int_equal(a.header.unique, 12);
	assert_int_equal(a.header.error, 0);
}

static void the_end_answers_all(void **state)
{
	struct server *s = *state;
	struct answer a;

	atomic_store(&s->busy, 1000000);
	say_lookup(s, 10, "parked");
	say_lookup(s, 12, "parked");
	assert_false(hear(s, &a, PARK_RETRY_MS));
	park_stop(s->park);
	for (int i = 0; i < 2; i++) {
		assert_true(hear(s, &a, 5000));
		assert_int_equal(a.header.error, -EINTR);
	}
	say_lookup(s, 14, "too late");
	assert_true(hear(s, &a, 5000));
	assert_int_equal(a.header.unique, 14);
	assert_int_equal(a.header.error, -EINTR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(answers_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(is_run_again_until_the_drive_is_free, setup, teardown),
		cmocka_unit_test_setup_teardown(others_go_on_while_many_wait, setup, teardown),
		cmocka_unit_test_setup_teardown(an_interrupt_is_answered, setup, teardown),
		cmocka_unit_test_setup_teardown(the_end_answers_all, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
