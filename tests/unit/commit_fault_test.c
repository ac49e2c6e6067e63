/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fs/commit: a failure at each phase loses nothing, burns nothing twice and leaves the image as it was; the next
 * sync, or the next mount, succeeds.
 */
#include "tests/unit/commit_fixture.h"

#include <errno.h>

static void fill(struct world *w)
{
	world_mkdir(w, "d");
	world_write(w, "d/large", 700000, 1);
	world_write(w, "small", 100, 2);
}

static bool filled(struct world *w) { return world_has(w, "d/large", 700000, 1) && world_has(w, "small", 100, 2); }

/* A disc with one session and changes over it; then the fault. */
static void world_with_changes(struct world *w, const char *fault)
{
	world_new(w);
	assert_int_equal(world_open(w), 0);
	world_write(w, "older", 5000, 3);
	assert_int_equal(sync_now(w).error, 0);
	fill(w);
	world_close(w);
	w->options.fault = fault;
	assert_int_equal(world_open(w), 0);
}

static void check_success(struct world *w)
{
	struct commit_result r = sync_now(w);

	assert_int_equal(r.error, 0);
	assert_true(r.burned);
	assert_int_equal(r.session, 2);
	assert_int_equal(world_sessions(w), 2);
	assert_true(filled(w));
	assert_true(world_has(w, "older", 5000, 3));
	assert_true(stage_empty(w->stage));
	world_close(w);
	assert_int_equal(world_open(w), 0);
	assert_null(w->recovered);
	assert_true(filled(w));
	assert_false(sync_now(w).burned);
	world_close(w);
	world_remove(w);
}

/* Before the head is touched: undone at once. */
static void test_undone(void **state)
{
	static const struct {
		const char *fault;
		int error;
	} faults[] = {
		{"reserve=ENOSPC", -ENOSPC},   {"write@0=EIO", -EIO},	     {"write@17=EIO", -EIO},
		{"write@300=ENOSPC", -ENOSPC}, {"sync=EIO", -EIO},	     {"edge@frozen=ENOSPC", -ENOSPC},
		{"edge@burning=EIO", -EIO},    {"edge@verifying=EIO", -EIO}, {"edge@publishing=EIO", -EIO},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(faults); i++) {
		struct commit_result r;
		struct stage_commit record;
		struct world w;
		uint64_t length;
		char *text = NULL;
		int error = 0;

		world_with_changes(&w, faults[i].fault);
		length = image_bytes(&w);
		r = sync_now(&w);
		assert_int_equal(r.error, faults[i].error);
		assert_false(r.burned);
		assert_non_null(strstr(r.message, "nothing was lost"));
		assert_int_equal(image_bytes(&w), length);
		assert_int_equal(world_sessions(&w), 1);
		assert_true(filled(&w));
		assert_int_equal(stage_commit_get(w.stage, &record), 0);
		assert_int_equal(record.state, STAGE_IDLE);
		assert_int_equal(sync_now(&w).error, faults[i].error);
		assert_int_equal(stage_result_get(w.stage, &error, &text), 0);
		assert_int_equal(error, faults[i].error);
		assert_string_equal(text, r.message);
		free(text);
		world_close(&w);
		w.options.fault = NULL;
		assert_int_equal(world_open(&w), 0);
		assert_null(w.recovered);
		assert_true(filled(&w));
		check_success(&w);
	}
}

/* From the head on: kept, and completed by the next mount. */
static void test_completed(void **state)
{
	static const char *const faults[] = {"publish=EIO", "edge@rebasing=EIO", "edge@idle=EIO"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(faults); i++) {
		struct commit_result r;
		struct world w;

		world_with_changes(&w, faults[i]);
		r = sync_now(&w);
		assert_int_equal(r.error, -EIO);
		assert_non_null(strstr(r.message, "nothing was lost"));
		assert_non_null(strstr(r.message, "next sync or mount"));
		assert_true(filled(&w));
		world_write(&w, "later", 3000, 7);
		assert_int_equal(sync_now(&w).error, -EIO);
		assert_true(filled(&w));
		assert_int_equal(ask(&w, &ask_dry_run).error, -EBUSY);
		world_close(&w);
		w.options.fault = NULL;
		assert_int_equal(world_open(&w), 0);
		assert_non_null(w.recovered);
		assert_int_equal(w.recovered_generation > 0, true);
		assert_int_equal(world_sessions(&w), 2);
		assert_true(filled(&w));
		assert_true(world_has(&w, "later", 3000, 7));
		r = sync_now(&w);
		assert_int_equal(r.error, 0);
		assert_int_equal(r.session, 3);
		assert_true(world_has(&w, "later", 3000, 7));
		world_close(&w);
		assert_int_equal(world_open(&w), 0);
		assert_true(filled(&w));
		assert_true(world_has(&w, "later", 3000, 7));
		world_close(&w);
		world_remove(&w);
	}
}

static void test_wrong_fault(void **state)
{
	struct commit *c = NULL;
	struct commit_options o = {.fault = "edge@nowhere=EIO"};
	struct world w;

	(void)state;
	world_new(&w);
	assert_int_equal(world_open(&w), 0);
	assert_int_equal(commit_new(&o, NULL, w.disc, w.stage, w.tree, &c), -EINVAL);
	assert_null(c);
	world_close(&w);
	world_remove(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_undone),
		cmocka_unit_test(test_completed),
		cmocka_unit_test(test_wrong_fault),
	};

	log_state.level = -1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
