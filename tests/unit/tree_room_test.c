/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fs/tree on a stage whose disk is full: what a removed file had is there for the next write, also while the kernel's
 * word that it forgot the file is still on its way, and while another thread is giving the room back.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "fs/tree/tree.h"
#include "tests/unit/tree_check.h"

#define DISK_BYTES (3u << 20)
#define PIECE_BYTES (64u << 10)
#define LATER_NS 30000000 /* long enough for a write to find no room before; how long does not matter */

static char directory[64];
static struct stage *stage;
static struct tree *tree;

/* ---- a small disk ---- */

static void (*when_full)(void); /* once */

/* In place of libc's: what the bodies have is taken. */
int fstatvfs(int fd, struct statvfs *ret)
{
	uint64_t used = 0;

	for (unsigned number = 1; number < 64; number++) {
		char name[32];
		struct stat st;

		snprintf(name, sizeof(name), "bodies/%08x", number);
		if (!fstatat(fd, name, &st, 0))
			used += (uint64_t)st.st_blocks * 512;
	}
	*ret = (struct statvfs){.f_frsize = 512, .f_blocks = DISK_BYTES / 512};
	ret->f_bavail = used < DISK_BYTES ? (DISK_BYTES - used) / 512 : 0;
	if (when_full && used > DISK_BYTES / 2) {
		void (*what)(void) = when_full;

		when_full = NULL;
		what();
	}
	return 0;
}

/* The same: what gives room back waits at the gate. */
static atomic_bool gate_closed, at_gate;
static void pass_gate(void)
{
	while (gate_closed) {
		at_gate = true;
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
}
int unlinkat(int fd, const char *name, int flags)
{
	pass_gate();
	return (int)syscall(SYS_unlinkat, fd, name, flags);
}
int fallocate(int fd, int mode, off_t offset, off_t length)
{
	pass_gate();
	return (int)syscall(SYS_fallocate, fd, mode, offset, length);
}

/* ---- files ---- */

static int no_read(struct disc *d, uint32_t lba, void *buf, uint32_t n)
{
	(void)d, (void)lba, (void)buf, (void)n;
	return -EIO;
}
static const struct disc_ops no_ops = {.read = no_read};
static struct disc no_disc = {.ops = &no_ops};

static struct tree_file *make(const char *name, uint64_t *ret_ino)
{
	const struct tree_caller caller = {0};
	struct tree_file *f;
	struct stat st;

	assert_int_equal(tree_mknod(tree, &caller, TREE_ROOT, name, S_IFREG | 0644, 0, &st), 0);
	assert_int_equal(tree_open(tree, st.st_ino, O_RDWR, &f), 0);
	*ret_ino = st.st_ino;
	return f;
}

static int write_piece(struct tree_file *f, uint64_t offset)
{
	static const uint8_t piece[PIECE_BYTES] = {1};

	return tree_write(tree, f, offset, piece, sizeof(piece));
}

/* Gives back a file that has all there is; it has a name, and nobody has it open. */
static uint64_t fill(void)
{
	uint64_t ino, offset = 0;
	struct tree_file *f = make("large", &ino);
	int r;

	while ((r = write_piece(f, offset)) == 0)
		offset += PIECE_BYTES;
	assert_int_equal(r, -ENOSPC);
	assert_true(offset > 4 * PIECE_BYTES);
	tree_close(tree, f);
	assert_int_equal(stage_sync(stage), 0);
	return ino;
}

static uint64_t large;

static void expect_room(void)
{
	uint64_t ino;
	struct tree_file *f = make("again", &ino);

	assert_int_equal(write_piece(f, 0), 0);
	tree_close(tree, f);
}

static int open_all(void **state)
{
	struct stage_options of_stage = {.directory = directory,
					 .disc_path = "/dev/null",
					 .mountpoint = "mount",
					 .next_ino = 2};
	struct tree_options of_tree = {.owner = 1, .group = 2};
	struct disc_state medium = {.appendable = true, .capacity_sectors = 1u << 20};
	struct stage_holder holder;
	char *why = NULL;

	(void)state;
	snprintf(directory, sizeof(directory), "/tmp/tree-room-XXXXXX");
	if (!mkdtemp(directory) || stage_open(&of_stage, &stage, &holder, &why) ||
	    tree_new(&of_tree, &no_disc, NULL, stage, &tree))
		return -1;
	tree_set_medium(tree, &medium);
	large = fill();
	return tree_unlink(tree, TREE_ROOT, "large");
}

static int close_all(void **state)
{
	char command[128];

	(void)state;
	tree_free(tree);
	stage_close(stage);
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	return system(command);
}

/* ---- what may come in between ---- */

static void *forget_later(void *unused)
{
	nanosleep(&(struct timespec){.tv_nsec = LATER_NS}, NULL);
	tree_forget(tree, large, 1);
	return unused;
}

static void test_forgotten_later(void **state)
{
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, forget_later, NULL), 0);
	expect_room();
	pthread_join(thread, NULL);
}

static void test_never_forgotten(void **state)
{
	uint64_t ino;
	struct tree_file *f = make("too early", &ino);

	(void)state;
	assert_int_equal(write_piece(f, 0), -ENOSPC);
	tree_close(tree, f);
	tree_forget(tree, large, 1);
	expect_room();
}

static void *open_gate_later(void *unused)
{
	nanosleep(&(struct timespec){.tv_nsec = LATER_NS}, NULL);
	gate_closed = false;
	return unused;
}

static void test_being_given_back(void **state)
{
	pthread_t thread;

	(void)state;
	gate_closed = true;
	assert_int_equal(stage_start_thread(stage), 0);
	tree_forget(tree, large, 1);
	assert_int_equal(stage_sync(stage), 0); /* then the thread gives back */
	while (!at_gate)
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	assert_int_equal(pthread_create(&thread, NULL, open_gate_later, NULL), 0);
	expect_room();
	pthread_join(thread, NULL);
}

static void give_back(void) { assert_int_equal(stage_sync(stage), 0); }

static void test_given_back_meanwhile(void **state)
{
	(void)state;
	tree_forget(tree, large, 1);
	when_full = give_back;
	expect_room();
	assert_null(when_full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_forgotten_later, open_all, close_all),
		cmocka_unit_test_setup_teardown(test_never_forgotten, open_all, close_all),
		cmocka_unit_test_setup_teardown(test_being_given_back, open_all, close_all),
		cmocka_unit_test_setup_teardown(test_given_back_meanwhile, open_all, close_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
