/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * medium_fixture.h - a directory of its own for each test, images made by genisoimage and xorriso
 */
#ifndef TESTS_UNIT_MEDIUM_FIXTURE_H
#define TESTS_UNIT_MEDIUM_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cdappendfs/burn.h"
#include "burner/base/bytes.h"
#include "burner/base/own.h"

/* Every test runs inside a new directory that holds a/ b/ c/ with a few files. */
static inline int fixture_enter(void **state)
{
	char template[] = "/tmp/cdappendfs-medium-XXXXXX";

	if (!mkdtemp(template) || chdir(template) < 0)
		return -1;
	*state = strdup(template);
	return system("mkdir a b c && echo hello >a/one && head -c 300000 /dev/urandom >a/two && echo b >b/bee && echo "
		      "c >c/cee");
}

static inline int fixture_leave(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "cd / && rm -rf '%s'", (char *)*state);
	free(*state);
	return chdir("/") < 0 ? -1 : system(command);
}

#define FIXTURE_TEST(f) cmocka_unit_test_setup_teardown(f, fixture_enter, fixture_leave)

static inline void run(const char *command)
{
	char line[1024];

	snprintf(line, sizeof(line), "{ %s ; } >log 2>&1 || { cat log >&2; false; }", command);
	if (system(line) != 0)
		fail_msg("%s", command);
}

static inline struct disc *open_image(const char *path, bool writable)
{
	struct disc_open_options options = {.writable = writable};
	const char *why = NULL;
	struct disc *d = NULL;
	int r = disc_open_path(path, &options, &d, &why);

	if (r < 0)
		fail_msg("%s: %s (%s)", path, strerror(-r), why ? why : "-");
	return d;
}

static inline struct disc_session *list_sessions(struct disc *d, size_t n_expected)
{
	struct disc_session *list;
	size_t n;

	assert_int_equal(disc_sessions(d, &list, &n), 0);
	if (n != n_expected)
		for (size_t i = 0; i < n; i++)
			print_message("session %u start %u sectors %u descriptor %u ours %d %s\n", list[i].number,
				      list[i].start_lba, list[i].sectors, list[i].descriptor_lba, list[i].ours,
				      list[i].volume_id);
	assert_int_equal(n, n_expected);
	for (size_t i = 0; i < n; i++) {
		assert_false(list[i].broken);
		assert_true(i == 0 ||
			    (list[i].number > list[i - 1].number && list[i].start_lba > list[i - 1].start_lba));
	}
	return list;
}

/* Reads the whole file; the caller frees it. */
static inline uint8_t *slurp(const char *path, size_t *ret_n)
{
	int fd = open(path, O_RDONLY);
	struct stat st;
	uint8_t *bytes;

	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	bytes = malloc((size_t)st.st_size + 1);
	assert_non_null(bytes);
	assert_int_equal(pread(fd, bytes, (size_t)st.st_size, 0), st.st_size);
	close(fd);
	*ret_n = (size_t)st.st_size;
	return bytes;
}

static inline void patch(const char *path, uint64_t pos, const void *bytes, size_t n)
{
	int fd = open(path, O_WRONLY);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, n, (off_t)pos), n);
	close(fd);
}

#endif
