/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * control_names_test - names of the abstract namespace that others have taken, filled or imitated
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "burner/base/own.h"
#include "fs/control/names.h"
#include "fs/control/protocol.h"

#define NOBODY 4000000001u

static struct sockaddr_un name;
static socklen_t length;

/* No device has this number: nobody else listens there. */
static int set_up(void **unused)
{
	(void)unused;
	length = control_address(0xcdafu, (unsigned)getpid(), &name);
	return 0;
}

static const uid_t *ours(void)
{
	static uid_t users[2];

	users[0] = users[1] = geteuid();
	return users;
}

static int bound(const char *end)
{
	struct sockaddr_un longer = name;
	size_t used = length - offsetof(struct sockaddr_un, sun_path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	memcpy(longer.sun_path + used, end, strlen(end));
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&longer, length + (socklen_t)strlen(end)), 0);
	return fd;
}

static int connect_ours(int *ret_fd)
{
	struct ucred peer = {.pid = 0};
	int r = names_connect(&name, length, ours(), ret_fd, &peer);

	if (r == 0) {
		assert_int_equal(peer.uid, geteuid());
		assert_int_equal(peer.pid, getpid());
	}
	return r;
}

static void nobody_has_it(void **unused)
{
	_close_ int listener = -1, fd = -1, taken = -1;

	(void)unused;
	assert_int_equal(connect_ours(&fd), -ECONNREFUSED);
	assert_int_equal(names_listen(&name, length, false, &listener), 0);
	assert_int_equal(connect_ours(&fd), 0);
	taken = accept(listener, NULL, NULL);
	assert_true(taken >= 0);
	assert_int_equal(write(fd, "x", 1), 1);
}

/* One of our own that listens there may be about to leave. */
static void ours_has_it(void **unused)
{
	_close_ int first = -1, second = -1;

	(void)unused;
	assert_int_equal(names_listen(&name, length, false, &first), 0);
	assert_int_equal(names_listen(&name, length, false, &second), -EADDRINUSE);
	assert_int_equal(second, -1);
	assert_int_equal(names_listen(&name, length, true, &second), 0);
	close_fd(&first);
	close_fd(&second);
	assert_int_equal(names_listen(&name, length, false, &second), 0);
}

/* Whoever only holds it is not one of ours: it is listened beside at once, and found. */
static void it_is_squatted(void **unused)
{
	_close_ int squatter = bound(""), listener = -1, fd = -1, taken = -1;

	(void)unused;
	assert_true(squatter >= 0);
	assert_int_equal(connect_ours(&fd), -ECONNREFUSED);
	assert_int_equal(names_listen(&name, length, false, &listener), 0);
	assert_int_equal(connect_ours(&fd), 0);
	taken = accept(listener, NULL, NULL);
	assert_true(taken >= 0);
}

/* A listener that takes nobody does not hold up whom others are looking for. */
static void it_is_full(void **unused)
{
	_close_ int squatter = bound(""), imitation = bound("/0123456789abcdef"), listener = -1, fd = -1, taken = -1;
	int fill[2][64], n[2] = {0};

	(void)unused;
	assert_int_equal(listen(squatter, 0), 0);
	assert_int_equal(listen(imitation, 0), 0);
	for (int i = 0; i < 2; i++) {
		struct sockaddr_un at;
		socklen_t size = sizeof(at);

		assert_int_equal(getsockname(i ? imitation : squatter, (struct sockaddr *)&at, &size), 0);
		do
			fill[i][n[i]] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		while (connect(fill[i][n[i]++], (struct sockaddr *)&at, size) == 0 && n[i] < 64);
	}
	assert_int_equal(connect_ours(&fd), -EAGAIN);
	assert_int_equal(names_listen(&name, length, false, &listener), 0);
	assert_int_equal(connect_ours(&fd), 0);
	taken = accept(listener, NULL, NULL);
	assert_true(taken >= 0);
	for (int i = 0; i < 2; i++)
		while (n[i])
			close(fill[i][--n[i]]);
}

static void others_have_it(void **unused)
{
	static const uid_t users[2] = {NOBODY, NOBODY};
	_close_ int listener = -1, beside = -1, fd = -1;
	struct ucred peer;

	(void)unused;
	assert_int_equal(names_listen(&name, length, true, &listener), 0);
	assert_int_equal(names_listen(&name, length, true, &beside), 0);
	assert_int_equal(names_connect(&name, length, users, &fd, &peer), -EPERM);
	assert_int_equal(fd, -1);
}

/* What is no end of ours is not tried: another disc's name may begin with this one. */
static void other_ends(void **unused)
{
	static const char *const ends[] = {"1",
					   "/",
					   "/0123456789abcde",
					   "/0123456789abcdef0",
					   "/0123456789ABCDEF",
					   "/0123456789abcdef/",
					   "/0123456789abcdef\n/x",
					   "x/0123456789abcdef"};
	int fds[ARRAY_LENGTH(ends)], fd = -1;

	(void)unused;
	for (size_t i = 0; i < ARRAY_LENGTH(ends); i++) {
		fds[i] = bound(ends[i]);
		assert_int_equal(listen(fds[i], 4), 0);
	}
	int r = connect_ours(&fd);
	for (size_t i = 0; i < ARRAY_LENGTH(ends); i++)
		close(fds[i]);
	/* A line break in a name makes a line that is none of ours: what it tells of does not listen. */
	assert_int_equal(r, -ECONNREFUSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(nobody_has_it, set_up),	cmocka_unit_test_setup(ours_has_it, set_up),
		cmocka_unit_test_setup(it_is_squatted, set_up), cmocka_unit_test_setup(it_is_full, set_up),
		cmocka_unit_test_setup(others_have_it, set_up), cmocka_unit_test_setup(other_ends, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
