/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A rebase that fails in any of its statements is called again: link counts that the session has corrected are
 * corrected once, whether a file is in memory, has a row, both or neither, and also when it is changed in between.
 */
#include "tests/unit/commit_fixture.h"

#include <errno.h>

#include "tests/unit/tree_check.h"

static struct {
	long left;
	bool fired;
} fault;

static int failing_step(sqlite3_stmt *row)
{
	if (fault.left && --fault.left == 0) {
		fault.fired = true;
		return SQLITE_IOERR;
	}
	return sqlite3_step(row);
}

/* memory: somebody holds it.  Each has two names on the disc; the session finds three. */
enum { ROW_AND_MEMORY, ROW, MEMORY, NEITHER, CHANGED_BETWEEN, N_FILES };
static const char *const names[N_FILES] = {"row and memory", "row", "memory", "neither", "changed between"};

static void make_disc(struct world *w)
{
	world_new(w);
	REQUIRE(world_open(w) == 0);
	world_mkdir(w, "directory");
	for (unsigned i = 0; i < N_FILES; i++) {
		struct stat st;

		world_write(w, names[i], 10, i);
		REQUIRE(tree_link(w->tree, world_lookup(w, names[i]), world_lookup(w, "directory"), names[i], &st) ==
			0);
	}
	REQUIRE(sync_now(w).error == 0);
	world_close(w);
	w->idle_nodes = 1;
	REQUIRE(world_open(w) == 0);
}

static uint32_t links_of(struct world *w, const char *name)
{
	struct stat st;

	REQUIRE(tree_lookup(w->tree, TREE_ROOT, name, &st) == 0);
	tree_forget(w->tree, st.st_ino, 1);
	return (uint32_t)st.st_nlink;
}

static uint64_t number_of(struct world *w, const char *name)
{
	uint64_t ino = world_lookup(w, name);

	REQUIRE(ino);
	tree_forget(w->tree, ino, 1);
	return ino;
}

static void change(struct world *w, const char *name, mode_t mode)
{
	struct stat st = {.st_mode = mode};
	uint64_t ino = world_lookup(w, name);

	REQUIRE(ino && tree_setattr(w->tree, ino, &st, TREE_SET_MODE, &st) == 0);
	tree_forget(w->tree, ino, 1);
}

static bool in_memory(struct world *w, uint64_t ino)
{
	tree_lock(w->tree);
	bool is = node_find_locked(w->tree, ino) != NULL;
	tree_unlock(w->tree);
	return is;
}

static int compare_homes(const void *a, const void *b)
{
	const struct burn_home *x = a, *y = b;

	return (x->ino > y->ino) - (x->ino < y->ino);
}

struct scene {
	struct world w;
	uint64_t inos[N_FILES];
	struct burn_home homes[N_FILES];
	struct burn_placements placements;
	struct tree_frozen frozen;
};

/* What a commit comes to when its session is on the disc. */
static void begin(struct scene *s)
{
	struct world *w = &s->w;

	make_disc(w);
	for (unsigned i = 0; i < N_FILES; i++) {
		s->inos[i] = number_of(w, names[i]);
		s->homes[i] = (struct burn_home){s->inos[i], TREE_ROOT, TREE_ROOT, 1};
	}
	qsort(s->homes, N_FILES, sizeof(s->homes[0]), compare_homes);
	s->placements = (struct burn_placements){.homes = s->homes, .n_homes = N_FILES};
	change(w, "directory", 0700);
	REQUIRE(tree_freeze(w->tree, 0, &s->frozen) == 0);
	REQUIRE(world_lookup(w, names[MEMORY]) && world_lookup(w, names[ROW_AND_MEMORY]));
	change(w, names[ROW_AND_MEMORY], 0640);
	change(w, names[ROW], 0640);
	REQUIRE(tree_sync(w->tree) == 0);
	for (unsigned i = 0; i < N_FILES; i++)
		assert_int_equal(in_memory(w, s->inos[i]), i == MEMORY || i == ROW_AND_MEMORY);
}

static void end(struct scene *s)
{
	tree_frozen_release(&s->frozen);
	world_close(&s->w);
	world_remove(&s->w);
}

static int rebase(struct scene *s)
{
	return tree_rebase(s->w.tree, s->frozen.generation, s->w.base, NULL, &s->placements, s->frozen.snapshot);
}

/* The new base is, here, the old one: what is read from it has two links. */
static void assert_links(struct scene *s, uint32_t changed_between)
{
	assert_int_equal(links_of(&s->w, names[ROW_AND_MEMORY]), 3);
	assert_int_equal(links_of(&s->w, names[ROW]), 3);
	assert_int_equal(links_of(&s->w, names[MEMORY]), 3);
	assert_int_equal(links_of(&s->w, names[NEITHER]), 2);
	assert_int_equal(links_of(&s->w, names[CHANGED_BETWEEN]), changed_between);
	tree_is_sound(s->w.tree);
}

enum outcome { NO_FAULT, NO_MATTER, AGAIN, ENDED };

/* NO_MATTER: what failed comes again later. ENDED: the stage had to give up, and only a mount anew helps. */
static enum outcome rebase_with_fault(long statement)
{
	struct scene *s = calloc(1, sizeof(*s));
	enum outcome outcome;
	uint32_t changed;
	int r;

	REQUIRE(s);
	begin(s);
	s->w.stage->step = failing_step;
	fault.left = statement;
	fault.fired = false;
	r = rebase(s);
	assert_true(r == 0 || (r == -EIO && fault.fired));
	changed = r == 0 || s->w.tree->rebasing ? 2 : 3; /* the row that it gets between comes from the old base */
	outcome = fault.fired ? NO_MATTER : NO_FAULT;
	if (r < 0) {
		change(&s->w, names[CHANGED_BETWEEN], 0640);
		outcome = tree_sync(s->w.tree) == 0 ? AGAIN : ENDED;
	}
	if (outcome == AGAIN)
		assert_int_equal(rebase(s), 0);
	if (outcome != ENDED)
		assert_links(s, changed);
	end(s);
	free(s);
	return outcome;
}

static void test_once(void **state)
{
	enum outcome outcome;
	long statement = 1, again = 0;

	(void)state;
	assert_int_equal(rebase_with_fault(0), NO_FAULT);
	while ((outcome = rebase_with_fault(statement)) != NO_FAULT) {
		again += outcome == AGAIN;
		statement++;
	}
	print_message("# %ld statements, %ld times called again\n", statement - 1, again);
	assert_true(again > 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_once),
	};

	log_state.level = -1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
