/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fs/tree with many threads: makers, writers, renamers, listers and removers in shared directories, while another
 * thread freezes and thaws.  What each thread keeps to itself must be right at the end; the rest is for the thread
 * sanitizer.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "burner/base/log.h"
#include "fs/tree/file.h"
#include "tests/unit/tree_check.h"

#define THREADS 6
#define ROUNDS 150

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
static const struct tree_caller caller = {.uid = 1, .gid = 2};

struct worker {
	struct tree *tree;
	unsigned number, failures;
	uint64_t shared;
	pthread_t thread;
};

#define CHECK(w, condition) \
	do { \
		if (!(condition)) { \
			(w)->failures++; \
			fprintf(stderr, "thread %u: line %d: %s\n", (w)->number, __LINE__, #condition); \
		} \
	} while (0)

static void list(struct worker *w, uint64_t ino)
{
	struct tree_dir *d;
	struct tree_dir_entry e;
	struct stat st;

	CHECK(w, tree_opendir(w->tree, ino, &d) == 0);
	for (uint64_t cookie = 0; tree_readdir(w->tree, d, cookie, &e) == 1; cookie = e.next) {
		if (cookie > 1 && tree_readdir_lookup(w->tree, d, cookie, &st) == 0)
			tree_forget(w->tree, st.st_ino, 1);
	}
	tree_closedir(w->tree, d);
}

static void write_and_read(struct worker *w, struct tree_file *f, unsigned round)
{
	char out[5000], in[5000];
	size_t n = 0;

	memset(out, 'a' + (int)(round % 26), sizeof(out));
	CHECK(w, tree_write(w->tree, f, round * 700, out, sizeof(out)) == 0);
	CHECK(w, tree_read(w->tree, f, round * 700, in, sizeof(in), &n) == 0 && n == sizeof(in) && !memcmp(in, out, n));
}

static void *work(void *argument)
{
	struct worker *w = argument;
	struct tree_file *own, *f;
	struct stat st, made;
	char name[32], other[32];

	snprintf(name, sizeof(name), "own-%u", w->number);
	CHECK(w, tree_create(w->tree, &caller, w->shared, name, 0644, O_RDWR, &made, &own) == 0);
	for (unsigned round = 0; round < ROUNDS; round++) {
		write_and_read(w, own, round);
		snprintf(name, sizeof(name), "f-%u-%u", w->number, round % 7);
		snprintf(other, sizeof(other), "g-%u", round % 5);
		if (tree_create(w->tree, &caller, w->shared, name, 0600, O_RDWR, &st, &f) == 0) {
			CHECK(w, tree_write(w->tree, f, 0, name, strlen(name)) == 0);
			tree_close(w->tree, f);
			tree_forget(w->tree, st.st_ino, 1);
		}
		tree_rename(w->tree, w->shared, name, w->shared, other, round % 3 ? 0 : RENAME_NOREPLACE);
		if (tree_lookup(w->tree, w->shared, other, &st) == 0) {
			struct stat set = {.st_mode = 0640};

			tree_setattr(w->tree, st.st_ino, &set, TREE_SET_MODE, &st);
			tree_forget(w->tree, st.st_ino, 1);
		}
		if (round % 4 == 0)
			tree_unlink(w->tree, w->shared, other);
		if (round % 10 == 0)
			list(w, w->shared);
		if (round % 50 == 0)
			CHECK(w, tree_sync(w->tree) == 0);
	}
	CHECK(w, tree_getattr(w->tree, made.st_ino, &st) == 0 && st.st_size == (ROUNDS - 1) * 700 + 5000);
	tree_close(w->tree, own);
	tree_forget(w->tree, made.st_ino, 1);
	return NULL;
}

static void *freeze(void *argument)
{
	struct tree *t = argument;

	for (int i = 0; i < 20; i++) {
		struct tree_frozen f;
		struct statvfs fs;

		if (tree_freeze(t, 0, &f) == 0) {
			usleep(2000);
			tree_statfs(t, &fs);
			tree_frozen_release(&f);
			tree_thaw(t);
		}
		usleep(3000);
	}
	return NULL;
}

/* Each look-up was forgotten. */
static void check_forgotten(struct tree *t, uint64_t shared)
{
	assert_int_equal(t->known.count, 0);
	assert_int_equal(t->once.count, 0);
	assert_null(t->burned);
	for (uint64_t i = 0; i < t->n_buckets; i++)
		for (const struct node *n = t->buckets[i]; n; n = n->hash_next)
			assert_int_equal(n->n_lookups, n->ino == shared);
}

struct rig {
	char directory[32];
	struct stage *stage;
	struct tree *tree;
};

static void begin(struct rig *g, uint32_t idle_nodes)
{
	struct stage_options stage = {.disc_path = "disc", .mountpoint = "mount", .next_ino = 2};
	struct tree_options options = {.owner = 1, .idle_nodes = idle_nodes};
	struct disc_state medium = {.appendable = true, .capacity_sectors = 1u << 20};
	struct stage_holder holder;
	char *why = NULL;

	snprintf(g->directory, sizeof(g->directory), "/tmp/tree-threads-XXXXXX");
	assert_non_null(mkdtemp(g->directory));
	stage.directory = g->directory;
	assert_int_equal(stage_open(&stage, &g->stage, &holder, &why), 0);
	assert_int_equal(tree_new(&options, &no_disc, NULL, g->stage, &g->tree), 0);
	tree_set_medium(g->tree, &medium);
	assert_int_equal(stage_start_thread(g->stage), 0);
}

static void end(struct rig *g)
{
	char command[64];

	tree_free(g->tree);
	stage_close(g->stage);
	snprintf(command, sizeof(command), "rm -rf %s", g->directory);
	assert_int_equal(system(command), 0);
}

static void with_threads(uint32_t idle_nodes)
{
	struct worker workers[THREADS];
	struct rig g;
	struct tree *t;
	struct stat st;
	pthread_t freezer;

	begin(&g, idle_nodes);
	t = g.tree;
	assert_int_equal(tree_mknod(t, &caller, TREE_ROOT, "shared", S_IFDIR | 0755, 0, &st), 0);
	for (unsigned i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){.tree = t, .number = i, .shared = st.st_ino};
		assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
	}
	assert_int_equal(pthread_create(&freezer, NULL, freeze, t), 0);
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(workers[i].thread, NULL);
		assert_int_equal(workers[i].failures, 0);
	}
	pthread_join(freezer, NULL);
	check_forgotten(t, st.st_ino);
	tree_is_sound(t);
	tree_is_counted(t);
	end(&g);
}

static void test_threads(void **state)
{
	(void)state;
	with_threads(0);
}
static void test_most_only_known(void **state)
{
	(void)state;
	with_threads(1);
}

/* Who comes to unpack a file when another request has done it finds nothing to do. */
static void test_unpacked_by_another(void **state)
{
	struct tree_file *f;
	struct stat st;
	struct rig g;
	char in[8];
	size_t n;

	(void)state;
	begin(&g, 0);
	assert_int_equal(tree_create(g.tree, &caller, TREE_ROOT, "unpacked", 0644, O_RDWR, &st, &f), 0);
	assert_int_equal(tree_write(g.tree, f, 0, "content", 7), 0);
	assert_int_equal(node_unpack(g.tree, f->node), 0);
	assert_int_equal(tree_read(g.tree, f, 0, in, sizeof(in), &n), 0);
	assert_int_equal(n, 7);
	assert_memory_equal(in, "content", 7);
	tree_close(g.tree, f);
	tree_forget(g.tree, st.st_ino, 1);
	end(&g);
}

static struct node *compressed;
static int read_too_late(struct disc *d, uint32_t lba, void *buf, uint32_t n)
{
	compressed->zisofs = (struct zisofs){0}; /* another request has unpacked it */
	return no_read(d, lba, buf, n);
}

/* Nor does it matter that it could not do it, when another one could. */
static void test_unpacked_by_another_meanwhile(void **state)
{
	static const struct disc_ops late_ops = {.read = read_too_late};
	static struct disc late = {.ops = &late_ops};
	struct tree_file *f;
	const char content[100] = "content, longer than the header of a stream";
	struct stat st;
	struct rig g;

	(void)state;
	begin(&g, 0);
	g.tree->disc = &late;
	assert_int_equal(tree_create(g.tree, &caller, TREE_ROOT, "unpacked", 0644, O_RDWR, &st, &f), 0);
	assert_int_equal(tree_write(g.tree, f, 0, content, sizeof(content)), 0);
	compressed = f->node;
	compressed->zisofs = (struct zisofs){{'p', 'z'}, 4, 15};
	assert_int_equal(tree_write(g.tree, f, 3, "cave", 4), 0);
	tree_close(g.tree, f);
	tree_forget(g.tree, st.st_ino, 1);
	end(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_threads), cmocka_unit_test(test_most_only_known),
					   cmocka_unit_test(test_unpacked_by_another),
					   cmocka_unit_test(test_unpacked_by_another_meanwhile)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
