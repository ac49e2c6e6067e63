/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * commit_span_test.c - of more than the disc takes a part is burned: the rest stays staged, also when the commit is
 * killed at any step of it; what belongs together lies together; what cannot be is refused, with its name
 */
#include "tests/unit/disc_check.h"

#include "fs/tree/span.h"

#define CAPACITY_SECTORS 2048u /* 4 MiB */
#define EACH 1200000u	       /* of these a disc takes three */

static const struct commit_request_options ask_span = {.flags = COMMIT_SPAN, .message = "set"},
					   plan_span = {.kind = COMMIT_DRY_RUN, .flags = COMMIT_SPAN};
static const char *const tops[] = {"a", "b", "c", "d", "e"};

static void begin(struct world *w)
{
	world_new(w);
	w->capacity_sectors = CAPACITY_SECTORS;
	w->options.span = true;
	REQUIRE(world_open(w) == 0);
	for (size_t i = 0; i < ARRAY_LENGTH(tops); i++) {
		char path[8];

		world_mkdir(w, tops[i]);
		snprintf(path, sizeof(path), "%s/file", tops[i]);
		world_write(w, path, EACH, (unsigned)i);
	}
	REQUIRE(tree_sync(w->tree) == 0);
}

static bool has_tops(struct world *w, size_t from, size_t to)
{
	bool all = true;

	for (size_t i = from; i < to; i++) {
		char path[8];

		snprintf(path, sizeof(path), "%s/file", tops[i]);
		all = all && world_has(w, path, EACH, (unsigned)i);
	}
	return all;
}

/* The disc alone: what is staged is somewhere else. */
static void check_disc_alone(struct world *w, size_t n_tops)
{
	struct disc_found found;

	world_run(w, "mv stage elsewhere");
	assert_int_equal(world_open(w), 0);
	assert_true(has_tops(w, 0, n_tops));
	assert_int_equal(world_lookup(w, tops[n_tops]), 0);
	world_close(w);
	disc_check(w->image, &found);
	world_run(w, "rm -rf stage && mv elsewhere stage");
}

static void fills_the_disc(void **state)
{
	struct commit_result r;
	struct world w;

	(void)state;
	begin(&w);
	r = ask(&w, &ask_dry_run);
	assert_false(r.fits);
	r = ask(&w, &plan_span);
	assert_int_equal(r.error, 0);
	assert_true(r.fits);
	assert_int_equal(r.held_bytes, 2 * EACH);
	assert_int_equal(r.set_discs, 2);
	uint64_t planned = r.cost.append_sectors;
	r = ask(&w, &ask_span);
	assert_int_equal(r.error, 0);
	assert_true(r.burned);
	assert_int_equal(r.cost.append_sectors, planned);
	assert_int_equal(r.held_bytes, 2 * EACH);
	assert_int_equal(r.set.disc, 1);
	assert_true(r.set.id != 0);
	assert_true(has_tops(&w, 0, 5));
	/* The disc takes nothing more, and no session is made to say so. */
	r = ask(&w, &ask_span);
	assert_int_equal(r.error, 0);
	assert_false(r.burned);
	assert_int_equal(r.held_bytes, 2 * EACH);
	assert_int_equal(world_sessions(&w), 1);
	/* What is made less may fit. */
	assert_int_equal(sync_now(&w).error, -ENOSPC);
	assert_int_equal(world_unlink(&w, "d/file"), 0);
	assert_int_equal(world_unlink(&w, "e/file"), 0);
	world_write(&w, "e/file", 1000, 9);
	r = ask(&w, &ask_span);
	assert_int_equal(r.error, 0);
	assert_true(r.burned);
	assert_int_equal(r.held_bytes, 0);
	assert_true(has_tops(&w, 0, 3) && world_has(&w, "e/file", 1000, 9));
	assert_true(stage_empty(w.stage));
	world_close(&w);
	world_remove(&w);
}

/* No room for any further session is no failure when nothing has to go there. */
static void full_to_the_end(void **state)
{
	struct commit_result r;
	struct world w;

	(void)state;
	begin(&w);
	uint64_t wanted = ask(&w, &plan_span).cost.append_sectors;
	world_close(&w);
	w.capacity_sectors = 32 + wanted;
	assert_int_equal(world_open(&w), 0);
	while ((r = ask(&w, &plan_span)).cost.append_sectors < wanted) {
		assert_int_equal(r.error, 0);
		world_close(&w);
		w.capacity_sectors += 4;
		assert_int_equal(world_open(&w), 0);
	}
	assert_true(ask(&w, &ask_span).burned);
	r = ask(&w, &ask_span);
	assert_int_equal(r.error, 0);
	assert_false(r.burned);
	assert_int_equal(r.held_bytes, 2 * EACH);
	assert_int_equal(ask(&w, &plan_span).error, 0);
	world_close(&w);
	world_remove(&w);
}

static void commit_span(struct world *w)
{
	REQUIRE(world_open(w) == 0);
	ask(w, &ask_span);
	world_close(w);
}

static void killed_at(const char *fault)
{
	struct commit_result r;
	struct world w;

	begin(&w);
	world_close(&w);
	w.options.fault = fault;
	if (!killed(&w, commit_span)) {
		print_message("%s was not reached\n", fault);
		fail();
	}
	w.options.fault = NULL;
	assert_int_equal(world_open(&w), 0);
	assert_true(has_tops(&w, 0, 5));
	bool is_burned = world_sessions(&w) == 1;
	r = ask(&w, &ask_span);
	assert_int_equal(r.error, 0);
	assert_int_equal(r.burned, !is_burned);
	assert_int_equal(r.held_bytes, 2 * EACH);
	assert_int_equal(world_sessions(&w), 1);
	world_close(&w);
	assert_int_equal(world_open(&w), 0);
	assert_true(has_tops(&w, 0, 5));
	world_close(&w);
	check_disc_alone(&w, 3);
	assert_int_equal(world_open(&w), 0);
	assert_true(has_tops(&w, 0, 5));
	world_close(&w);
	world_remove(&w);
}

static void kills(void **state)
{
	static const char *const faults[] = {EDGE_KILLS,	 "kill@0",	   "kill@40",	     "kill@1000",
					     "kill-before-sync", "kill-publish@0", "kill-publish@8", "kill-publish@15"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(faults); i++)
		killed_at(faults[i]);
}

/* A burn that fails leaves all of it staged, in one generation. */
static void failed_burns(void **state)
{
	static const char *const faults[] = {"write@5=EIO", "sync=EIO", "publish=EIO", "edge@burning=EIO"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(faults); i++) {
		struct commit_result r;
		struct world w;

		begin(&w);
		world_close(&w);
		w.options.fault = faults[i];
		assert_int_equal(world_open(&w), 0);
		assert_int_not_equal(ask(&w, &ask_span).error, 0);
		assert_true(has_tops(&w, 0, 5));
		world_close(&w);
		w.options.fault = NULL;
		assert_int_equal(world_open(&w), 0);
		assert_true(has_tops(&w, 0, 5));
		r = ask(&w, &ask_span);
		assert_int_equal(r.error, 0);
		assert_int_equal(r.held_bytes, 2 * EACH);
		world_close(&w);
		check_disc_alone(&w, 3);
		world_remove(&w);
	}
}

static uint32_t disc_of(const struct span *s, const char *path)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->entries[i].path, path) == 0)
			return s->entries[i].disc;
	print_message("%s is in no place\n", path);
	fail();
	return 0;
}

static void link_to(struct world *w, const char *path, const char *name)
{
	const char *last;
	uint64_t parent = world_parent(w, name, &last);
	struct stat st;

	REQUIRE(tree_link(w->tree, world_lookup(w, path), parent, last, &st) == 0);
}

/* Names of one file lie together, wherever their directories would be. */
static void hard_links(void **state)
{
	struct span *s = NULL;
	struct world w;
	char *why = NULL;

	(void)state;
	begin(&w);
	link_to(&w, "e/file", "b/link");
	assert_int_equal(span_find(w.tree, 0, &s, NULL), 0);
	assert_int_equal(disc_of(s, "a"), 0);
	assert_int_equal(disc_of(s, "b"), disc_of(s, "e"));
	span_free(s);
	assert_int_equal(ask(&w, &ask_span).error, 0);
	assert_true(has_tops(&w, 0, 5));
	assert_true(world_has(&w, "b/link", EACH, 4));
	/* A new name in a directory of the disc goes with the file … */
	s = NULL;
	link_to(&w, "c/file", "a/link");
	assert_int_equal(span_find(w.tree, 0, &s, NULL), 0);
	assert_int_equal(disc_of(s, "c"), 1);
	assert_int_equal(disc_of(s, "a/link"), 1);
	assert_int_equal(disc_of(s, "d"), 1);
	span_free(s);
	/* … but what has a name of a file of the disc can only go there, which keeps nothing else. */
	s = NULL;
	link_to(&w, "a/file", "d/link");
	assert_int_equal(span_find(w.tree, 0, &s, NULL), 0);
	assert_int_equal(disc_of(s, "d/file"), 1);
	for (size_t i = 0; i < s->n; i++)
		assert_string_not_equal(s->entries[i].path, "d/link");
	span_free(s);
	/* What has no room there is refused. */
	s = NULL;
	world_write(&w, "a/file", EACH, 9);
	assert_int_equal(span_find(w.tree, 0, &s, &why), -ENOSPC);
	assert_non_null(why);
	free(why);
	world_close(&w);
	world_remove(&w);
}

/* A directory that is larger than a disc is opened; a file that is one is named. */
static void large_ones(void **state)
{
	struct span *s = NULL;
	struct commit_result r;
	struct world w;
	char *why = NULL;

	(void)state;
	begin(&w);
	world_mkdir(&w, "big");
	world_mkdir(&w, "big/in");
	for (unsigned i = 0; i < 4; i++) {
		char path[16];

		snprintf(path, sizeof(path), "big/in/%u", i);
		world_write(&w, path, EACH, 100 + i);
	}
	assert_int_equal(span_find(w.tree, 0, &s, NULL), 0);
	assert_int_equal(s->n, 5 + 4);
	assert_int_equal(disc_of(s, "a"), 0);
	assert_int_equal(disc_of(s, "b"), 0);
	assert_int_equal(disc_of(s, "big/in/0"), 0);
	assert_int_equal(disc_of(s, "big/in/3"), 1);
	assert_int_equal(disc_of(s, "c"), 2);
	assert_int_equal(s->n_discs, 3);
	span_free(s);
	r = ask(&w, &ask_span);
	assert_int_equal(r.error, 0);
	assert_true(world_has(&w, "big/in/0", EACH, 100) && world_has(&w, "big/in/3", EACH, 103));
	world_close(&w);
	check_disc_alone(&w, 2);

	assert_int_equal(world_open(&w), 0);
	world_write(&w, "huge", 4200000, 7);
	r = ask(&w, &ask_span);
	assert_int_equal(r.error, -EFBIG);
	assert_non_null(strstr(r.message, "huge"));
	assert_non_null(strstr(r.message, "larger than a disc"));
	assert_int_equal(world_unlink(&w, "huge"), 0);
	/* What changes a file of the disc goes there, or not at all. */
	world_write(&w, "a/file", 2 * EACH, 8);
	s = NULL;
	assert_int_equal(span_find(w.tree, 0, &s, &why), -ENOSPC);
	assert_non_null(why);
	assert_non_null(strstr(why, "only go to this disc"));
	free(why);
	world_close(&w);
	world_remove(&w);
}

/* Directories that names of files join are placed by their files, where together they are larger than a disc. */
static void joined_directories(void **state)
{
	struct span *s = NULL;
	struct world w;

	(void)state;
	begin(&w);
	for (size_t i = 0; i + 1 < ARRAY_LENGTH(tops); i++) {
		char from[16], to[16];

		snprintf(from, sizeof(from), "%s/small", tops[i]);
		snprintf(to, sizeof(to), "%s/link", tops[i + 1]);
		world_write(&w, from, 10, 50 + (unsigned)i);
		link_to(&w, from, to);
	}
	assert_int_equal(span_find(w.tree, 0, &s, NULL), 0);
	assert_int_equal(s->n_discs, 2);
	assert_int_equal(disc_of(s, "a/file"), 0);
	assert_int_equal(disc_of(s, "e/file"), 1);
	for (size_t i = 0; i + 1 < ARRAY_LENGTH(tops); i++) {
		char from[16], to[16];

		snprintf(from, sizeof(from), "%s/small", tops[i]);
		snprintf(to, sizeof(to), "%s/link", tops[i + 1]);
		assert_int_equal(disc_of(s, from), disc_of(s, to));
	}
	span_free(s);
	assert_int_equal(ask(&w, &ask_span).error, 0);
	assert_true(has_tops(&w, 0, 5));
	world_close(&w);
	world_remove(&w);
}

/* What was planned may be gone, or another one, when it is frozen. */
static void changed_meanwhile(void **state)
{
	struct tree_frozen f = {0};
	struct span *s = NULL;
	struct world w;

	(void)state;
	begin(&w);
	assert_int_equal(span_find(w.tree, 0, &s, NULL), 0);
	world_write(&w, "e/more", 10, 3); /* goes with it */
	assert_int_equal(tree_preview_span(w.tree, 0, s, &f), 0);
	tree_frozen_release(&f);
	assert_int_equal(tree_rename(w.tree, TREE_ROOT, "e", TREE_ROOT, "other", 0), 0);
	assert_int_equal(tree_freeze_span(w.tree, 0, s, &f), -EAGAIN);
	assert_int_equal(ask(&w, &ask_span).held_bytes, 2 * EACH + 10); /* nothing was frozen by that */
	span_free(s);
	world_close(&w);
	world_remove(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fills_the_disc),     cmocka_unit_test(full_to_the_end),   cmocka_unit_test(kills),
		cmocka_unit_test(failed_burns),	      cmocka_unit_test(hard_links),	   cmocka_unit_test(large_ones),
		cmocka_unit_test(joined_directories), cmocka_unit_test(changed_meanwhile),
	};

	log_state.level = -1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
