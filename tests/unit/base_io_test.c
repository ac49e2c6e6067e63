/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whole reads and writes, of a system that interrupts them, cuts them short, and fails. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "burner/base/io.h"

#define PIECE_BYTES 3u

static struct {
	bool on;
	unsigned calls, fail_at; /* fail_at: this call (1…) fails with error; 0: none */
	int error;
} system_is;

/* Every other call is interrupted, and no call does more than a piece. */
static ssize_t hinder(size_t *length)
{
	if (!system_is.on)
		return 1;
	if (++system_is.calls % 2) {
		errno = EINTR;
		return -1;
	}
	if (system_is.fail_at && system_is.calls / 2 >= system_is.fail_at) {
		errno = system_is.error;
		return system_is.error ? -1 : 0;
	}
	if (*length > PIECE_BYTES)
		*length = PIECE_BYTES;
	return 1;
}

ssize_t pread(int fd, void *buf, size_t length, off_t pos)
{
	ssize_t (*real)(int, void *, size_t, off_t) = (ssize_t(*)(int, void *, size_t, off_t))dlsym(RTLD_NEXT, "pread");
	ssize_t n = hinder(&length);

	return n > 0 ? real(fd, buf, length, pos) : n;
}

ssize_t pwrite(int fd, const void *buf, size_t length, off_t pos)
{
	ssize_t (*real)(int, const void *, size_t, off_t) =
		(ssize_t(*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT, "pwrite");
	ssize_t n = hinder(&length);

	return n > 0 ? real(fd, buf, length, pos) : n;
}

static void hindered(unsigned fail_at, int error)
{
	system_is.on = true;
	system_is.calls = 0;
	system_is.fail_at = fail_at;
	system_is.error = error;
}

static int file_of(const char *text)
{
	char path[] = "/tmp/base_io_test.XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	unlink(path);
	system_is.on = false;
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	return fd;
}

static void reads_all(void **state)
{
	int fd = file_of("0123456789");
	size_t done = 77;
	char buf[16];

	(void)state;
	hindered(0, 0);
	assert_int_equal(pread_full(fd, buf, 8, 1, NULL), 0);
	assert_memory_equal(buf, "12345678", 8);
	assert_int_equal(pread_full(fd, buf, 8, 2, &done), 0);
	assert_int_equal(done, 8);
	assert_int_equal(pread_full(fd, buf, 0, 100, NULL), 0);
	close(fd);
}

static void the_end_of_the_file(void **state)
{
	int fd = file_of("0123456789");
	size_t done = 77;
	char buf[16];

	(void)state;
	hindered(0, 0);
	memset(buf, '-', sizeof(buf));
	assert_int_equal(pread_full(fd, buf, 8, 5, &done), 0);
	assert_int_equal(done, 5);
	assert_memory_equal(buf, "56789---", 8);
	assert_int_equal(pread_full(fd, buf, 8, 5, NULL), -EIO);
	assert_int_equal(pread_full(fd, buf, 8, 10, &done), 0);
	assert_int_equal(done, 0);
	close(fd);
}

static void writes_all(void **state)
{
	int fd = file_of("0123456789");
	size_t done = 77;
	char buf[16];

	(void)state;
	hindered(0, 0);
	assert_int_equal(pwrite_full(fd, "abcdefg", 7, 2, NULL), 0);
	assert_int_equal(pwrite_full(fd, "xyz+", 4, 9, &done), 0);
	assert_int_equal(done, 4);
	assert_int_equal(pread_full(fd, buf, 13, 0, NULL), 0);
	assert_memory_equal(buf, "01abcdefgxyz+", 13);
	close(fd);
}

static void errors_say_how_far(void **state)
{
	int fd = file_of("0123456789");
	size_t done = 77;
	char buf[16];

	(void)state;
	hindered(2, ENOSPC);
	assert_int_equal(pwrite_full(fd, "abcdefg", 7, 0, &done), -ENOSPC);
	assert_int_equal(done, PIECE_BYTES);
	hindered(3, 0); /* written: nothing */
	assert_int_equal(pwrite_full(fd, "abcdefgh", 8, 0, &done), -EIO);
	assert_int_equal(done, 2 * PIECE_BYTES);
	hindered(2, EIO);
	assert_int_equal(pread_full(fd, buf, 7, 0, &done), -EIO);
	assert_int_equal(done, PIECE_BYTES);
	hindered(1, EDQUOT);
	assert_int_equal(quota_as_space(pwrite_full(fd, "a", 1, 0, NULL)), -ENOSPC);
	close(fd);
	assert_int_equal(quota_as_space(-EIO), -EIO);
	assert_int_equal(quota_as_space(0), 0);
}

static void directories(void **state)
{
	char dir[] = "/tmp/base_io_test.XXXXXX", path[64];

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/new", dir);
	assert_int_equal(fsync_parent(path), 0); /* whether it is there or not */
	assert_int_equal(fsync_parent("a-name-here"), 0);
	snprintf(path, sizeof(path), "%s/none/new", dir);
	assert_int_equal(fsync_parent(path), -ENOENT);
	assert_int_equal(fsync_directory(-1), -EBADF);
	assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_all),   cmocka_unit_test(the_end_of_the_file),
		cmocka_unit_test(writes_all),  cmocka_unit_test(errors_say_how_far),
		cmocka_unit_test(directories),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
