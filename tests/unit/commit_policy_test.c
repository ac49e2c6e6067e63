/* SPDX-License-Identifier: GPL-3.0-or-later */
/* When a mount burns by itself: the words of -o commit=, and each policy at moments by hand; who is writing. */
#include "tests/unit/commit_fixture.h"

#include <errno.h>

#include "burner/base/time.h"
#include "fs/commit/policy.h"

#define HOUR_MS (3600 * INT64_C(1000))

static void words(void **state)
{
	static const char *const wrong[] = {"",		"never",    "idle",    "idle=",	    "idle=0",
					    "idle=x",	"idle=1y",  "idle=-1", "idle=1.5m", "staged",
					    "staged=",	"staged=0", "daily=1", "unmount=1", "idle=999999999d",
					    "idle=10m "};
	static const struct {
		const char *text;
		enum policy_when when;
		uint32_t seconds;
		uint64_t bytes;
	} right[] = {
		{"unmount", POLICY_UNMOUNT, 0, 0},
		{"manual", POLICY_MANUAL, 0, 0},
		{"daily", POLICY_DAILY, 0, 0},
		{"idle=90", POLICY_IDLE, 90, 0},
		{"idle=90s", POLICY_IDLE, 90, 0},
		{"idle=10m", POLICY_IDLE, 600, 0},
		{"idle=2h", POLICY_IDLE, 7200, 0},
		{"idle=1d", POLICY_IDLE, 86400, 0},
		{"staged=4G", POLICY_STAGED, 0, 4ull << 30},
		{"staged=4.7GB", POLICY_STAGED, 0, 4700000000},
	};
	struct commit_policy p = {.when = POLICY_UNMOUNT};

	(void)state;
	assert_string_equal(policy_text(&p), "unmount");
	for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++)
		assert_int_equal(policy_parse(wrong[i], &p), -EINVAL);
	for (size_t i = 0; i < ARRAY_LENGTH(right); i++) {
		assert_int_equal(policy_parse(right[i].text, &p), 0);
		assert_int_equal(p.when, right[i].when);
		assert_int_equal(p.seconds, right[i].seconds);
		assert_int_equal(p.bytes, right[i].bytes);
		assert_string_equal(policy_text(&p), right[i].text);
	}
}

static void moments(void **state)
{
	static const struct {
		const char *policy;
		struct policy_now now;
		int64_t due_ms, quiet_ms;
	} all[] = {
		{"unmount", {true, 1u << 30, HOUR_MS, 48 * HOUR_MS}, POLICY_NOT_KNOWN, 60000},
		{"manual", {true, 1u << 30, HOUR_MS, 48 * HOUR_MS}, POLICY_NOT_KNOWN, 60000},
		{"idle=10m", {false, 0, HOUR_MS, 48 * HOUR_MS}, POLICY_NOT_KNOWN, 600000},
		{"idle=10m", {true, 1, 0, 0}, 600000, 600000},
		{"idle=10m", {true, 1, 599999, 0}, 1, 600000},
		{"idle=10m", {true, 1, 600000, 0}, 0, 600000},
		{"idle=10m", {true, 1, HOUR_MS, 0}, 0, 600000},
		{"staged=1M", {true, (1u << 20) - 1, HOUR_MS, 48 * HOUR_MS}, POLICY_NOT_KNOWN, 60000},
		{"staged=1M", {true, 1u << 20, 0, 0}, 0, 60000},
		{"daily", {false, 0, HOUR_MS, 48 * HOUR_MS}, POLICY_NOT_KNOWN, 60000},
		{"daily", {true, 1, 0, 23 * HOUR_MS}, HOUR_MS, 60000},
		{"daily", {true, 1, 0, 24 * HOUR_MS}, 0, 60000},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(all); i++) {
		struct commit_policy p;

		print_message("%zu: %s\n", i, all[i].policy);
		assert_int_equal(policy_parse(all[i].policy, &p), 0);
		assert_true(policy_due_ms(&p, &all[i].now) == all[i].due_ms);
		assert_true(policy_quiet_ms(&p) == all[i].quiet_ms);
	}
}

static void dates(void **state)
{
	(void)state;
	assert_true(policy_burned_ms(1000, 1000000, 7) == 0);
	assert_true(policy_burned_ms(1000, 1000000 + HOUR_MS, 7) == HOUR_MS);
	assert_true(policy_burned_ms(0, 1000000, 7) == 7);
	assert_true(policy_burned_ms(-1, 1000000, 7) == 7);
	assert_true(policy_burned_ms(1001, 1000000, 7) == 7);
	assert_true(policy_burned_ms(INT64_MAX, 1000000, 7) == 7);
}

/* The next moment that is told is of a kind, at last. */
static bool comes_to(struct world *w, bool known)
{
	for (unsigned i = 0; i < 600; i++) {
		int64_t next;

		commit_policy(w->commit, &next);
		if ((next != 0) == known)
			return true;
		sleep_ms(100);
	}
	return false;
}

/* Faster than the policy can burn it, or once more; how many sessions there were before. */
static size_t make_and_remove(struct world *w, const char *name)
{
	for (;;) {
		const size_t sessions = world_sessions(w);
		const int64_t began = now_ms();

		world_write(w, name, 5000, 1);
		assert_int_equal(world_unlink(w, name), 0);
		if (now_ms() - began < 1000)
			return sessions;
		assert_true(comes_to(w, false));
	}
}

/* What was made and removed again is no reason for a session; what comes behind it is. */
static void made_and_removed(void **state)
{
	struct world w;
	size_t sessions;

	(void)state;
	world_new(&w);
	assert_int_equal(policy_parse("idle=1", &w.options.policy), 0);
	assert_int_equal(world_open(&w), 0);
	world_write(&w, "file", 5000, 1);
	assert_true(comes_to(&w, false));
	assert_int_equal(world_sessions(&w), 1);
	sessions = make_and_remove(&w, "short-lived");
	assert_true(tree_changed(w.tree));
	assert_true(comes_to(&w, false));
	assert_int_equal(world_sessions(&w), sessions);
	assert_true(tree_changed(w.tree));
	world_write(&w, "file 2", 5000, 1);
	assert_true(comes_to(&w, false));
	assert_int_equal(world_sessions(&w), sessions + 1);
	world_close(&w);
	world_remove(&w);
}

/* What is open and was written: not what is only open, only read, or closed. */
static void writers(void **state)
{
	struct world w;
	struct tree_file *f;

	(void)state;
	world_new(&w);
	assert_int_equal(world_open(&w), 0);
	assert_int_equal(tree_touched_ms(w.tree), 0);
	world_write(&w, "file", 5000, 1);
	assert_true(tree_touched_ms(w.tree) > 0);
	assert_false(tree_written_for_ms(w.tree, 3600000));
	assert_int_equal(sync_now(&w).error, 0);
	assert_int_equal(tree_open(w.tree, world_lookup(&w, "file"), O_RDWR, &f), 0);
	assert_false(tree_written_for_ms(w.tree, 3600000));
	assert_int_equal(tree_write(w.tree, f, 0, "x", 1), 0);
	assert_true(tree_written_for_ms(w.tree, 3600000));
	assert_false(tree_written_for_ms(w.tree, 0));
	tree_close(w.tree, f);
	assert_false(tree_written_for_ms(w.tree, 3600000));
	world_close(&w);
	world_remove(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words),   cmocka_unit_test(moments),
		cmocka_unit_test(dates),   cmocka_unit_test(made_and_removed),
		cmocka_unit_test(writers),
	};

	return cmocka_run_group_tests_name("commit_policy", tests, NULL, NULL);
}
