/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fs/tree/known against an array; and what becomes of a known file through opening, changing, sessions and forgets. */
#include <errno.h>

#include "fs/tree/known.h"
#include "tests/unit/commit_fixture.h"

DEFINE_LOG_STATE;

#define INOS 2000u

static uint32_t shadow[INOS + 1];

static void compare(const struct known_table *t)
{
	size_t n = 0;

	for (uint64_t ino = 1; ino <= INOS; ino++) {
		const struct known *k = known_find(t, ino);

		assert_int_equal(k ? k->n_lookups : 0, shadow[ino]);
		if (!k)
			continue;
		assert_int_equal(k->ino, ino);
		assert_int_equal(k->locator, ino * 7);
		n++;
	}
	assert_int_equal(n, t->count);
	assert_null(known_find(t, INOS + 1));
}

/* Grows to nearly all, shrinks to nearly none, and again. */
static void test_table(void **state)
{
	struct known_table t = {0};
	unsigned seed = 4;

	(void)state;
	compare(&t);
	for (unsigned step = 0; step < 60000; step++) {
		uint64_t ino = 1 + (unsigned)rand_r(&seed) % INOS;
		bool add = (unsigned)rand_r(&seed) % 100 < (step / 10000 % 2 ? 5 : 95);
		struct known *k = known_find(&t, ino);

		if (add && !k) {
			shadow[ino] = 1 + step;
			assert_int_equal(known_add(&t, &(struct known){.ino = ino, .locator = ino * 7, .n_lookups = 1 + step}), 0);
		} else if (!add && k) {
			shadow[ino] = 0;
			known_remove(&t, k);
		}
		if (step % 500 == 0)
			compare(&t);
	}
	compare(&t);
	known_release(&t);
}

static void same_stat(const struct stat *a, const struct stat *b)
{
	assert_int_equal(a->st_ino, b->st_ino);
	assert_int_equal(a->st_mode, b->st_mode);
	assert_int_equal(a->st_nlink, b->st_nlink);
	assert_int_equal(a->st_size, b->st_size);
	assert_int_equal(a->st_blocks, b->st_blocks);
	assert_int_equal(a->st_mtim.tv_sec, b->st_mtim.tv_sec);
}

static bool reads(struct world *w, uint64_t ino, const char *text)
{
	struct tree_file *f;
	char got[64] = "";
	size_t n = 0;

	assert_int_equal(tree_open(w->tree, ino, O_RDONLY, &f), 0);
	assert_int_equal(tree_read(w->tree, f, 0, got, sizeof(got), &n), 0);
	tree_close(w->tree, f);
	return n == strlen(text) && !memcmp(got, text, n);
}

static void append(struct world *w, uint64_t ino, const char *text)
{
	struct tree_file *f;
	struct stat st;

	assert_int_equal(tree_getattr(w->tree, ino, &st), 0);
	assert_int_equal(tree_open(w->tree, ino, O_WRONLY, &f), 0);
	assert_int_equal(tree_write(w->tree, f, (uint64_t)st.st_size, text, strlen(text)), 0);
	tree_close(w->tree, f);
}

static struct stat look_up(struct world *w, uint64_t parent, const char *name)
{
	struct stat st;

	assert_int_equal(tree_lookup(w->tree, parent, name, &st), 0);
	return st;
}

/* Numbers that the kernel holds stay true, over foreign sessions and ours. */
static void through_sessions(const char *make)
{
	struct stat file, link, grown, now;
	struct world w;
	char *target;

	world_new(&w);
	world_run(&w, "mkdir -p in/d && echo quiet >in/d/quiet && echo grows >in/d/grows && ln -s somewhere in/d/link");
	world_run(&w, make);
	assert_int_equal(world_open(&w), 0);
	uint64_t dir = world_lookup(&w, "d");
	file = look_up(&w, dir, "quiet");
	grown = look_up(&w, dir, "grows");
	link = look_up(&w, dir, "link");
	assert_true(reads(&w, file.st_ino, "quiet\n"));
	for (unsigned session = 0; session < 3; session++) {
		append(&w, grown.st_ino, "more\n");
		assert_int_equal(sync_now(&w).error, 0);
		assert_int_equal(tree_getattr(w.tree, file.st_ino, &now), 0);
		same_stat(&file, &now);
		assert_true(reads(&w, file.st_ino, "quiet\n"));
		assert_int_equal(tree_getattr(w.tree, link.st_ino, &now), 0);
		same_stat(&link, &now);
		assert_int_equal(tree_readlink(w.tree, link.st_ino, &target), 0);
		assert_string_equal(target, "somewhere");
		free(target);
	}
	assert_true(reads(&w, grown.st_ino, "grows\nmore\nmore\nmore\n"));
	/* What was changed is itself again when it is only known: its older records say something else. */
	tree_forget(w.tree, grown.st_ino, 1);
	now = look_up(&w, dir, "grows");
	assert_int_equal(now.st_ino, grown.st_ino);
	assert_int_equal(now.st_size, 21);
	assert_true(reads(&w, now.st_ino, "grows\nmore\nmore\nmore\n"));
	world_close(&w);
	world_remove(&w);
}

static void test_sessions(void **state)
{
	(void)state;
	through_sessions("genisoimage -quiet -R -J -o image in 2>/dev/null");
	through_sessions("xorriso -outdev stdio:image -map in / -commit >/dev/null 2>&1");
}

/* Each look-up is forgotten once, whatever the file was in between. */
static void test_forgets(void **state)
{
	struct stat st;
	struct world w;

	(void)state;
	world_new(&w);
	world_run(&w, "mkdir in && echo text >in/file && genisoimage -quiet -R -o image in 2>/dev/null");
	assert_int_equal(world_open(&w), 0);
	uint64_t ino = look_up(&w, TREE_ROOT, "file").st_ino;
	look_up(&w, TREE_ROOT, "file");
	assert_true(reads(&w, ino, "text\n"));
	look_up(&w, TREE_ROOT, "file");
	tree_forget(w.tree, ino, 2);
	assert_int_equal(tree_getattr(w.tree, ino, &st), 0);
	tree_forget(w.tree, ino, 1);
	assert_int_equal(tree_getattr(w.tree, ino, &st), -ESTALE);
	/* By its number alone it can be linked, changed and removed. */
	ino = look_up(&w, TREE_ROOT, "file").st_ino;
	assert_int_equal(tree_link(w.tree, ino, TREE_ROOT, "second", &st), 0);
	assert_int_equal(st.st_nlink, 2);
	st.st_mode = 0600;
	assert_int_equal(tree_setattr(w.tree, ino, &st, TREE_SET_MODE, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_int_equal(tree_unlink(w.tree, TREE_ROOT, "file"), 0);
	assert_true(reads(&w, ino, "text\n"));
	world_close(&w);
	world_remove(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table), cmocka_unit_test(test_sessions), cmocka_unit_test(test_forgets),
	};

	log_state.level = -1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
