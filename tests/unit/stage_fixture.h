/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * stage_fixture.h - for tests: a directory of one's own, and a stage in it
 *
 * fixture_setup/fixture_teardown make and remove it (cmocka's signatures; *state is the struct fixture).
 */
#ifndef TESTS_UNIT_STAGE_FIXTURE_H
#define TESTS_UNIT_STAGE_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "burner/base/bytes.h"
#include "burner/base/own.h"
#include "fs/stage/stage.h"

struct fixture {
	char root[256], directory[300];
	struct stage_options options;
};

static inline void fill_identity(struct disc_identity *identity, uint8_t id, uint8_t provisional)
{
	memset(identity->id, id, 32);
	memset(identity->provisional, provisional, 32);
	identity->is_provisional = id == provisional;
}

static inline int fixture_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	const char *tmp = getenv("TMPDIR");

	if (!f)
		return -1;
	snprintf(f->root, sizeof(f->root), "%s/stage-test-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(f->root))
		return -1;
	snprintf(f->directory, sizeof(f->directory), "%s/stage", f->root);
	f->options = (struct stage_options){.directory = f->directory,
					    .disc_path = "/images/disc.iso",
					    .mountpoint = "/mnt/disc",
					    .next_ino = 1u << 30}; /* the tests' rows: of the disc */
	fill_identity(&f->options.identity, 1, 2);
	f->options.fingerprint = (struct disc_fingerprint){32, 64, 131072, {7}};
	*state = f;
	return 0;
}

static inline int remove_entry(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

static inline int fixture_teardown(void **state)
{
	struct fixture *f = *state;

	nftw(f->root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

static inline struct stage *open_stage(const struct fixture *f)
{
	struct stage *s = NULL;
	_free_ char *why = NULL;
	int r = stage_open(&f->options, &s, NULL, &why);

	if (r)
		fail_msg("stage_open: %s (%s)", strerror(-r), why ? why : "");
	return s;
}

static inline void put_file(struct stage *s, uint64_t ino, uint64_t size)
{
	struct stage_node n = {.ino = ino, .mode = S_IFREG | 0644, .nlink = 1, .size = size};

	assert_int_equal(stage_node_put(s, &n), 0);
}

static inline void put_file_in(struct stage *s, uint64_t ino, uint32_t body, uint64_t pos, uint64_t length)
{
	struct extent e = {0, length, pos, body, EXTENT_STAGE};
	struct stage_node n = {
		.ino = ino, .mode = S_IFREG | 0644, .nlink = 1, .size = length, .n_extents = 1, .extents = &e};

	assert_int_equal(stage_node_put(s, &n), 0);
}

/* Runs what in a child and gives back its wait status. */
static inline int run_child(void (*what)(struct fixture *f), struct fixture *f)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		what(f);
		_exit(0);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

#endif
