/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fs/tree: content of files against plain memory.  Random writes, cuts, extensions, holes, zeroed ranges, copies,
 * through freezes and thaws and through closing and opening the stage again.
 */
#include <fcntl.h>
#include <linux/falloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "burner/base/log.h"
#include "fs/tree/tree.h"
#include "tests/unit/tree_check.h"

#define FILES 3u
#define SIZE (1200u << 10)
#define CHANGE (40u << 10)

struct world {
	char directory[64];
	struct stage *stage;
	struct tree *tree;
	unsigned seed;
	uint64_t ino[FILES], size[FILES];
	uint8_t *content[FILES];
};

static int no_read(struct disc *d, uint32_t lba, void *buf, uint32_t n)
{
	(void)d;
	(void)lba;
	(void)buf;
	(void)n;
	return -EIO;
}
static const struct disc_ops no_ops = {.read = no_read};
static struct disc no_disc = {.ops = &no_ops};

static uint64_t roll(struct world *w, uint64_t n) { return (uint64_t)rand_r(&w->seed) % n; }

static void world_open(struct world *w)
{
	struct stage_options stage = {.directory = w->directory,
				      .disc_path = "/dev/null", /* there, and the same at each opening */
				      .mountpoint = "mount",
				      .next_ino = 2};
	struct tree_options tree = {.owner = 1, .group = 2};
	struct stage_holder holder;
	char *why = NULL;
	struct disc_state state = {.appendable = true, .capacity_sectors = 1u << 20};

	assert_int_equal(stage_open(&stage, &w->stage, &holder, &why), 0);
	assert_int_equal(tree_new(&tree, &no_disc, NULL, w->stage, &w->tree), 0);
	tree_set_medium(w->tree, &state);
}

static void world_close(struct world *w)
{
	tree_free(w->tree);
	stage_close(w->stage);
}

static struct tree_file *file_open(struct world *w, unsigned i)
{
	struct tree_file *f;

	assert_int_equal(tree_open(w->tree, w->ino[i], O_RDWR, &f), 0);
	return f;
}

static void check_content(struct world *w, unsigned i)
{
	struct tree_file *f = file_open(w, i);
	uint8_t *buf = malloc(SIZE + 100);
	size_t n = 0;
	struct stat st;

	assert_int_equal(tree_getattr(w->tree, w->ino[i], &st), 0);
	assert_int_equal(st.st_size, w->size[i]);
	assert_int_equal(tree_read(w->tree, f, 0, buf, SIZE + 100, &n), 0);
	assert_int_equal(n, w->size[i]);
	for (size_t at = 0; at < n; at++) {
		if (buf[at] != w->content[i][at])
			fail_msg("file %u differs at %zu of %zu", i, at, n);
	}
	free(buf);
	tree_close(w->tree, f);
}

static void grow(struct world *w, unsigned i, uint64_t size)
{
	if (size <= w->size[i])
		return;
	memset(w->content[i] + w->size[i], 0, size - w->size[i]);
	w->size[i] = size;
}

static void do_write(struct world *w, unsigned i, uint64_t from, uint64_t length)
{
	static uint8_t buf[CHANGE * 8];
	struct tree_file *f = file_open(w, i);

	for (uint64_t k = 0; k < length; k++)
		buf[k] = (uint8_t)(rand_r(&w->seed) >> 3 | 1);
	assert_int_equal(tree_write(w->tree, f, from, buf, length), 0);
	grow(w, i, from + length);
	memcpy(w->content[i] + from, buf, length);
	tree_close(w->tree, f);
}

static void do_resize(struct world *w, unsigned i, uint64_t size)
{
	struct stat set = {.st_size = (off_t)size}, st;

	assert_int_equal(tree_setattr(w->tree, w->ino[i], &set, TREE_SET_SIZE, &st), 0);
	assert_int_equal(st.st_size, size);
	if (size < w->size[i])
		w->size[i] = size;
	grow(w, i, size);
}

static void do_zero(struct world *w, unsigned i, uint64_t from, uint64_t length, int mode)
{
	struct tree_file *f = file_open(w, i);

	assert_int_equal(tree_fallocate(w->tree, f, mode, from, length), 0);
	if (!(mode & FALLOC_FL_KEEP_SIZE))
		grow(w, i, from + length);
	if (from < w->size[i])
		memset(w->content[i] + from, 0, from + length < w->size[i] ? length : w->size[i] - from);
	tree_close(w->tree, f);
}

static void do_copy(struct world *w, unsigned from, unsigned to, uint64_t from_at, uint64_t to_at, uint64_t length)
{
	struct tree_file *f = file_open(w, from), *g = file_open(w, to);
	size_t copied;

	if (from != to && from_at < w->size[from]) {
		uint64_t expected = from_at + length < w->size[from] ? length : w->size[from] - from_at;

		assert_int_equal(tree_copy(w->tree, f, from_at, g, to_at, length, &copied), 0);
		assert_int_equal(copied, expected);
		grow(w, to, to_at + expected);
		memcpy(w->content[to] + to_at, w->content[from] + from_at, expected);
	}
	tree_close(w->tree, f);
	tree_close(w->tree, g);
}

static void do_freeze(struct world *w)
{
	struct tree_frozen f = {0};

	if (tree_freeze(w->tree, 0, &f) == 0)
		tree_frozen_release(&f);
}

static void step(struct world *w, bool *frozen)
{
	unsigned i = (unsigned)roll(w, FILES);
	uint64_t from = roll(w, roll(w, 4) ? w->size[i] + 5000 : SIZE - CHANGE * 8),
		 length = 1 + roll(w, roll(w, 3) ? 3000 : CHANGE);

	if (from + CHANGE * 8 > SIZE)
		from = SIZE - CHANGE * 8;
	if (roll(w, 4) == 0)
		from &= ~2047ull;
	if (roll(w, 4) == 0)
		length = (length + 2047) & ~2047ull;
	if (roll(w, 30) == 0)
		length = CHANGE * 8;
	switch (roll(w, 14)) {
	default:
		do_write(w, i, from, length);
		break;
	case 0:
		do_resize(w, i, from);
		break;
	case 1:
		do_resize(w, i, roll(w, 20) ? from + length : 0);
		break;
	case 2:
		do_zero(w, i, from, length, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE);
		break;
	case 3:
		do_zero(w, i, from, length, FALLOC_FL_ZERO_RANGE);
		break;
	case 4:
		do_copy(w, i, (i + 1) % FILES, from, roll(w, SIZE - CHANGE * 8), length);
		break;
	case 5:
		if (roll(w, 5))
			break;
		if (*frozen)
			tree_thaw(w->tree);
		else
			do_freeze(w);
		*frozen = !*frozen;
		break;
	case 6:
		if (roll(w, 10) || *frozen)
			break;
		for (unsigned k = 0; k < FILES; k++)
			tree_forget(w->tree, w->ino[k], 1);
		world_close(w);
		world_open(w);
		for (unsigned k = 0; k < FILES; k++) {
			struct stat st;
			char name[2] = {(char)('a' + k), 0};

			assert_int_equal(tree_lookup(w->tree, TREE_ROOT, name, &st), 0);
			assert_int_equal(st.st_ino, w->ino[k]);
		}
		break;
	}
}

static void run(unsigned seed, int steps)
{
	struct world w = {.seed = seed};
	struct tree_caller caller = {.uid = 1, .gid = 2};
	bool frozen = false;

	snprintf(w.directory, sizeof(w.directory), "/tmp/tree-content-XXXXXX");
	assert_non_null(mkdtemp(w.directory));
	world_open(&w);
	for (unsigned i = 0; i < FILES; i++) {
		char name[2] = {(char)('a' + i), 0};
		struct stat st;

		w.content[i] = calloc(1, SIZE + CHANGE * 16);
		assert_int_equal(tree_mknod(w.tree, &caller, TREE_ROOT, name, S_IFREG | 0644, 0, &st), 0);
		w.ino[i] = st.st_ino;
	}
	for (int i = 0; i < steps; i++) {
		step(&w, &frozen);
		tree_is_sound(w.tree);
		if (i % 16 == 0)
			tree_is_counted(w.tree);
		for (unsigned k = 0; i % 8 == 0 && k < FILES; k++)
			check_content(&w, k);
	}
	if (frozen)
		tree_thaw(w.tree);
	for (unsigned k = 0; k < FILES; k++)
		check_content(&w, k);
	world_close(&w);
	for (unsigned i = 0; i < FILES; i++)
		free(w.content[i]);
	char command[128];
	snprintf(command, sizeof(command), "rm -rf %s", w.directory);
	assert_int_equal(system(command), 0);
}

static void test_content(void **state)
{
	const char *given = getenv("SEED");

	(void)state;
	for (unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : 1, end = given ? seed + 1 : 13; seed < end;
	     seed++) {
		print_message("seed %u\n", seed);
		run(seed, 800);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_content)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
