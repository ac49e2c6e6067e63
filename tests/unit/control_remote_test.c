/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * control_remote_test - a disc through the daemon of its mount: what that refuses is told with its words, one that
 * closes without a word is asked anew, in the time that there is, and one that ends in the middle has ended
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "burner/base/bytes.h"
#include "burner/base/own.h"
#include "fs/control/client.h"
#include "fs/control/remote.h"

/* What the daemon does with each connection, after it has read the request. */
struct script {
	const char *line;  /* NULL: it greets */
	unsigned silent;   /* so many connections before are closed without a word */
	unsigned sectors;  /* then so many requests are answered, and it ends */
	unsigned n_served; /* connections, in all */
	char request[32];  /* of the last connection */
};
static struct script script;
static int listener;
static pthread_t daemon_thread;
static const struct remote_options as_read;
static struct control_mount mount;

static void read_line(int fd)
{
	size_t n = 0;
	char byte;

	while (read(fd, &byte, 1) == 1 && byte != '\n')
		if (n < sizeof(script.request) - 1)
			script.request[n++] = byte;
	script.request[n] = '\0';
}

static void greet(int fd)
{
	struct remote_greeting g = {.bytes = sizeof(g), .session_bytes = sizeof(struct disc_session), .n_sessions = 1};
	const struct disc_session session = {.number = 7};

	memcpy(g.magic, REMOTE_MAGIC, sizeof(g.magic));
	assert_int_equal(write(fd, &g, sizeof(g)), sizeof(g));
	assert_int_equal(write(fd, &session, sizeof(session)), sizeof(session));
	for (unsigned i = 0; i < script.sectors; i++) {
		const struct remote_answer answer = {0};
		struct remote_request request;
		uint8_t sector[SECTOR_BYTES];

		if (read(fd, &request, sizeof(request)) != sizeof(request))
			return;
		memset(sector, (int)request.lba, sizeof(sector));
		assert_int_equal(write(fd, &answer, sizeof(answer)), sizeof(answer));
		assert_int_equal(write(fd, sector, sizeof(sector)), sizeof(sector));
	}
}

static void *serve(void *unused)
{
	int fd;

	for (; (fd = accept(listener, NULL, NULL)) >= 0; close(fd)) {
		read_line(fd);
		if (script.n_served++ < script.silent)
			continue;
		if (script.line)
			assert_int_equal(write(fd, script.line, strlen(script.line)), (ssize_t)strlen(script.line));
		else
			greet(fd);
	}
	return unused;
}

static void start(struct script s)
{
	struct sockaddr_un name;
	socklen_t length;

	script = s;
	/* No device has this number: nobody else listens there. */
	mount = (struct control_mount){
		.number = 1, .major = 0xcdaeu, .minor = (unsigned)getpid(), .owner = geteuid(), .mountpoint = "/none"};
	length = control_address(mount.major, mount.minor, &name);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&name, length), 0);
	assert_int_equal(listen(listener, 8), 0);
	assert_int_equal(pthread_create(&daemon_thread, NULL, serve, NULL), 0);
}

static void stop(void)
{
	shutdown(listener, SHUT_RDWR);
	pthread_join(daemon_thread, NULL);
	close(listener);
}

static void test_refused(void **unused)
{
	static const struct {
		const char *line, *why;
		int error;
	} cases[] = {
		{"{\"type\":\"result\",\"error\":11,\"message\":\"too many ask at once; try again\"}\n",
		 "too many ask at once; try again", -EAGAIN},
		{"{\"type\":\"result\",\"error\":1,\"message\":\"only its owner\"}\n", "only its owner", -EPERM},
		{"{\"type\":\"result\",\"error\":12,\"message\":\"\"}\n", NULL, -ENOMEM},
		{"{\"type\":\"result\",\"error\":22,\"message\":\"unknown request\"}\n", NULL, -EPROTO},
		{"another language altogether\n", NULL, -EPROTO},
	};

	(void)unused;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct disc *disc = NULL;
		_free_ char *why = NULL;

		start((struct script){.line = cases[i].line});
		assert_int_equal(remote_disc_open(&mount, &as_read, &disc, &why), cases[i].error);
		assert_null(disc);
		if (cases[i].why)
			assert_string_equal(why, cases[i].why);
		else
			assert_null(why);
		stop();
	}
}

/* Its first daemon was that of a mount that has gone. */
static void test_asked_anew(void **unused)
{
	_cleanup_(disc_closep) struct disc *disc = NULL;
	_free_ struct disc_session *sessions = NULL;
	_free_ char *why = NULL;
	uint8_t sector[SECTOR_BYTES];
	size_t n = 0;

	(void)unused;
	start((struct script){.silent = 2, .sectors = 1});
	assert_int_equal(remote_disc_open(&mount, &as_read, &disc, &why), 0);
	assert_int_equal(script.n_served, 3);
	assert_int_equal(disc_sessions(disc, &sessions, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(sessions[0].number, 7);
	assert_int_equal(disc_read(disc, 0x5a, sector, 1), 0);
	assert_int_equal(sector[2047], 0x5a);
	assert_int_equal(disc_read(disc, 0x5b, sector, 1), -ENOTCONN); /* it has ended, and is not asked anew */
	stop();
	assert_int_equal(script.n_served, 3);
}

/* Who wants what the medium gives says so; a daemon that does not know that is of another version. */
static void test_from_medium(void **unused)
{
	static const struct remote_options from_medium = {.from_medium = true};
	_cleanup_(disc_closep) struct disc *disc = NULL;
	_free_ char *why = NULL;

	(void)unused;
	start((struct script){.sectors = 0});
	assert_int_equal(remote_disc_open(&mount, &from_medium, &disc, &why), 0);
	assert_string_equal(script.request, "disc medium");
	disc_close(TAKE_PTR(disc));
	assert_int_equal(remote_disc_open(&mount, &as_read, &disc, &why), 0);
	assert_string_equal(script.request, "disc");
	disc_close(TAKE_PTR(disc));
	stop();
	start((struct script){.line = "{\"type\":\"result\",\"error\":22,\"message\":\"unknown request\"}\n"});
	assert_int_equal(remote_disc_open(&mount, &from_medium, &disc, &why), -EPROTO);
	stop();
}

/* It never says a word: whoever does not wait long is told that no time is left, not that it has closed. */
static void test_in_time(void **unused)
{
	_cleanup_(client_freep) struct client *c = NULL;

	(void)unused;
	start((struct script){.silent = UINT32_MAX});
	assert_int_equal(client_open(&mount, &c), 0);
	assert_int_equal(client_send(c, "info"), 0);
	assert_int_equal(client_await_first(c, 100), -ETIME);
	client_free(TAKE_PTR(c));
	stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_asked_anew),
		cmocka_unit_test(test_from_medium),
		cmocka_unit_test(test_in_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
