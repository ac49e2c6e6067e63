/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fs/tree over a stage whose journal fails: each operation of the mount, with each of its statements failing in turn.
 *
 * A request that fails says EIO and has changed nothing; no line ever says anything but what it said before or says
 * after the request: not what only the disc has.  Three ways to fail: one statement; all from one on, until the fault
 * is lifted; the transaction given up, as SQLite does it, which ends the stage: then a mount anew shows what was
 * durable.
 */
#include "tests/unit/tree_operations.h"

/* ---- a journal that fails ---- */

enum mode { ONE, ALL, DEAD, N_MODES };
static struct {
	_Atomic long left; /* statements until the fault; below 0: it was */
	_Atomic bool armed, fired;
	_Atomic unsigned mode;
} fault;

static int failing_step(sqlite3_stmt *row)
{
	if (fault.armed) {
		long left = --fault.left;

		if (left == 0 || (left < 0 && fault.mode != ONE)) {
			fault.fired = true;
			if (fault.mode == DEAD && !sqlite3_get_autocommit(sqlite3_db_handle(row)))
				sqlite3_exec(sqlite3_db_handle(row), "ROLLBACK", NULL, NULL, NULL);
			return SQLITE_IOERR;
		}
	}
	return sqlite3_step(row);
}

static void fault_arm(enum mode mode, long at)
{
	fault.left = at;
	fault.mode = mode;
	fault.fired = false;
	fault.armed = true;
}

static void fault_lift(void) { fault.armed = false; }

/* ---- the cases ---- */

static void open_world(struct world *w)
{
	REQUIRE(world_open(w) == 0);
	w->stage->step = failing_step;
}

/* A copy of the template, with nothing in memory. */
static void begin(struct world *w, const struct world *template)
{
	copy_world(w, template);
	open_world(w);
}

static void reopen(struct world *w)
{
	world_close(w);
	open_world(w);
}

/* One run with a fault at that statement. false: there are not so many. */
static bool run_case(struct world *w, const struct operation *op, enum mode mode, long at, int clean,
		     const struct view *before, const struct view *after)
{
	struct scene s;
	struct view v;

	prepare(&s, w);
	fault_arm(mode, at);
	int r = op->run(&s);
	bool fired = fault.fired, dead = w->stage->failed;

	if (fired && r != clean && r != -EIO)
		fail_msg("%s, mode %u, statement %ld: %d, not %d", op->name, mode, at, r, clean);
	if (fired) {
		describe(w, &v);
		if (!possible_view(&v, before, after))
			fail_msg("%s, mode %u, statement %ld (%d): older content", op->name, mode, at, r);
	}
	fault_lift();
	finish(&s);
	if (!fired)
		return false;
	tree_is_sound(w->tree);
	dead |= w->stage->failed != 0;
	if (!dead) {
		describe(w, &v);
		if (!(op->in_parts && r < 0 ? possible_view(&v, before, after) :
					      same_view(&v, r == clean ? after : before)))
			fail_msg("%s, mode %u, statement %ld (%d): not as it was", op->name, mode, at, r);
	}
	reopen(w);
	tree_is_sound(w->tree);
	describe(w, &v);
	if (!(dead || op->in_parts ? possible_view(&v, before, after) : same_view(&v, r == clean ? after : before)))
		fail_msg("%s, mode %u, statement %ld (%d): lost in a new mount", op->name, mode, at, r);
	/* What was done in spite of the fault can be burned. */
	if (r == clean && !dead && r == 0) {
		assert_int_equal(sync_now(w).error, 0);
		describe(w, &v);
		assert_true(same_view(&v, after));
		tree_is_sound(w->tree);
	}
	return true;
}

static void run_mode(const struct world *template, const struct operation *op, enum mode mode, int clean,
		     const struct view *before, const struct view *after)
{
	struct world w;

	for (long at = 1;; at++) {
		begin(&w, template);
		if (!run_case(&w, op, mode, at, clean, before, after))
			REQUIRE(sync_now(&w).error == 0);
		world_close(&w);
		world_remove(&w);
		if (!fault.fired)
			break;
	}
}

static void run_operation(const struct world *template, const struct operation *op, const struct view *before)
{
	struct scene s;
	struct view after;
	struct world w;

	begin(&w, template);
	prepare(&s, &w);
	int clean = op->run(&s);
	finish(&s);
	describe(&w, &after);
	world_close(&w);
	world_remove(&w);
	for (enum mode mode = 0; mode < N_MODES; mode++)
		run_mode(template, op, mode, clean, before, &after);
}

static void test_all(void **state)
{
	struct world template;
	struct view before;
	const char *only = getenv("OPERATION");

	(void)state;
	make_template(&template, &before);
	for (size_t i = 0; i < ARRAY_LENGTH(operations); i++)
		if (!only || !strcmp(only, operations[i].name))
			run_operation(&template, &operations[i], &before);
	world_remove(&template);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_all)};

	log_state.level = -1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
