/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * commit_split_test.c - a file that is larger than a disc becomes parts: together they are the file, each with its
 * attributes and names; a plan of it changes nothing and says what the commit does; a kill leaves the file or the parts
 */
#include "tests/unit/disc_check.h"

#include "burner/base/time.h"
#include "fs/tree/span.h"

#define CAPACITY_SECTORS 2048u /* 4 MiB */
#define HUGE_BYTES 9000001u    /* for which it takes three, beside what else is there */
#define SEED 77u

static const struct commit_request_options ask_split = {.flags = COMMIT_SPAN | COMMIT_SPLIT},
					   plan_split = {.kind = COMMIT_DRY_RUN, .flags = COMMIT_SPAN | COMMIT_SPLIT},
					   ask_span = {.flags = COMMIT_SPAN};

static void begin(struct world *w)
{
	world_new(w);
	w->capacity_sectors = CAPACITY_SECTORS;
	w->options.span = true;
	REQUIRE(world_open(w) == 0);
	world_mkdir(w, "d");
	world_mkdir(w, "e");
	world_write(w, "a", 1000000, 1);
	world_write(w, "d/huge", HUGE_BYTES, SEED);
	world_write(w, "z", 10, 2);
	REQUIRE(tree_sync(w->tree) == 0);
}

/* The parts, one behind the other, are the file. */
static bool joined(struct world *w, const char *path, unsigned n_parts)
{
	unsigned seed = SEED;
	uint64_t at = 0;
	bool same = true;

	for (unsigned i = 1; same && i <= n_parts; i++) {
		uint8_t buf[4096];
		size_t got = 1;
		struct tree_file *f;
		char part[64];

		snprintf(part, sizeof(part), "%s.part-%u-of-%u", path, i, n_parts);
		if (tree_open(w->tree, world_lookup(w, part), O_RDONLY, &f) != 0)
			return false;
		for (uint64_t from = 0; same && got; from += got) {
			REQUIRE(tree_read(w->tree, f, from, buf, sizeof(buf), &got) == 0);
			for (size_t k = 0; same && k < got; k++)
				same = buf[k] == (uint8_t)(rand_r(&seed) >> 8);
			at += got;
		}
		tree_close(w->tree, f);
	}
	return same && at == HUGE_BYTES;
}

static void becomes_parts(void **state)
{
	struct commit_result planned, r;
	struct disc_found found;
	struct stat st, part;
	struct world w;

	(void)state;
	begin(&w);
	struct timespec then = {1234567890, 123456789};
	uint64_t ino = world_lookup(&w, "d/huge");
	REQUIRE(tree_setattr(w.tree, ino, &(struct stat){.st_mode = 0640, .st_mtim = then},
			     TREE_SET_MODE | TREE_SET_MTIME, &st) == 0);
	assert_int_equal(ask(&w, &ask_span).error, -EFBIG);
	planned = ask(&w, &plan_split);
	assert_int_equal(planned.error, 0);
	assert_int_equal(planned.set_discs, 3);
	assert_true(world_has(&w, "d/huge", HUGE_BYTES, SEED));
	r = ask(&w, &ask_split);
	assert_int_equal(r.error, 0);
	assert_true(r.burned);
	assert_int_equal(r.cost.append_sectors, planned.cost.append_sectors);
	assert_int_equal(r.held_bytes, planned.held_bytes);
	assert_int_equal(r.set_discs, planned.set_discs);
	assert_int_equal(world_lookup(&w, "d/huge"), 0);
	assert_true(joined(&w, "d/huge", 3));
	assert_int_equal(tree_getattr(w.tree, world_lookup(&w, "d/huge.part-2-of-3"), &part), 0);
	assert_int_equal(part.st_mode, S_IFREG | 0640);
	assert_true(same_time(part.st_mtim, then));
	/* Parts are files: one is written to, removed, cut, and no other one changes. */
	uint64_t last = world_lookup(&w, "d/huge.part-3-of-3");
	assert_int_equal(tree_unlink(w.tree, world_parent(&w, "d/huge", &(const char *){NULL}), "huge.part-2-of-3"), 0);
	REQUIRE(tree_sync(w.tree) == 0);
	assert_int_equal(tree_getattr(w.tree, last, &part), 0);
	struct tree_file *f;
	uint8_t byte = 0;
	size_t got;
	unsigned seed = SEED;
	for (uint64_t i = 0; i <= HUGE_BYTES - (uint64_t)part.st_size; i++)
		byte = (uint8_t)(rand_r(&seed) >> 8);
	uint8_t read = 0;
	REQUIRE(tree_open(w.tree, last, O_RDWR, &f) == 0);
	assert_int_equal(tree_read(w.tree, f, 0, &read, 1, &got), 0);
	assert_int_equal(read, byte);
	assert_int_equal(tree_write(w.tree, f, 4000, "x", 1), 0);
	tree_close(w.tree, f);
	world_close(&w);
	world_run(&w, "mv stage elsewhere");
	assert_int_equal(world_open(&w), 0);
	assert_int_not_equal(world_lookup(&w, "d/huge.part-1-of-3"), 0);
	assert_int_not_equal(world_lookup(&w, "d/huge.sha256-1-of-3"), 0);
	assert_int_equal(world_lookup(&w, "d/huge.sha256-2-of-3"), 0);
	world_close(&w);
	disc_check(w.image, &found);
	world_remove(&w);
}

/* Names of one file are names of each part. */
static void several_names(void **state)
{
	struct span *s = NULL;
	struct stat st;
	struct world w;

	(void)state;
	begin(&w);
	uint64_t e = world_lookup(&w, "e");
	REQUIRE(tree_link(w.tree, world_lookup(&w, "d/huge"), e, "other", &st) == 0);
	assert_int_equal(span_find(w.tree, SPAN_SPLIT, &s, NULL), 0);
	assert_int_equal(s->n_splits, 1);
	assert_int_equal(s->splits[0].n_names, 2);
	uint32_t n = s->splits[0].n_parts;
	span_free(s);
	assert_int_equal(ask(&w, &ask_split).error, 0);
	assert_true(joined(&w, "d/huge", n));
	assert_true(joined(&w, "e/other", n));
	uint64_t one = world_lookup(&w, "d/huge.part-2-of-3"), other = world_lookup(&w, "e/other.part-2-of-3");
	assert_int_not_equal(one, 0);
	assert_int_equal(one, other);
	assert_int_equal(tree_getattr(w.tree, one, &st), 0);
	assert_int_equal(st.st_nlink, 2);
	world_close(&w);
	world_remove(&w);
}

static void what_cannot_be(void **state)
{
	struct commit_result r;
	struct tree_file *f;
	struct world w;

	(void)state;
	begin(&w);
	REQUIRE(tree_open(w.tree, world_lookup(&w, "d/huge"), O_RDONLY, &f) == 0);
	r = ask(&w, &ask_split);
	assert_int_equal(r.error, -EBUSY);
	assert_non_null(strstr(r.message, "d/huge"));
	tree_close(w.tree, f);
	world_write(&w, "d/huge.sha256-2-of-3", 1, 1);
	r = ask(&w, &plan_split);
	assert_int_equal(r.error, -EEXIST);
	assert_non_null(strstr(r.message, "huge.sha256-2-of-3"));
	assert_int_equal(ask(&w, &ask_split).error, -EEXIST);
	assert_true(world_has(&w, "d/huge", HUGE_BYTES, SEED));
	assert_int_equal(world_unlink(&w, "d/huge.sha256-2-of-3"), 0);
	assert_int_equal(ask(&w, &ask_split).error, 0);
	assert_true(joined(&w, "d/huge", 3));
	world_close(&w);
	world_remove(&w);
}

/* ---- kills ---- */

static unsigned kill_at;

static int die(void *context)
{
	unsigned *asked = context;

	if ((*asked)++ == kill_at)
		raise(SIGKILL);
	return 0;
}

static void split_and_die(struct world *w)
{
	struct span *s = NULL;
	unsigned asked = 0;

	REQUIRE(world_open(w) == 0);
	REQUIRE(span_find(w->tree, SPAN_SPLIT, &s, NULL) == 0);
	REQUIRE(split_file(w->tree, &s->splits[0], die, &asked, NULL) == 0);
	raise(SIGKILL);
}

static void kills(void **state)
{
	static const unsigned at[] = {0, 5, UINT_MAX};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(at); i++) {
		bool is_split = at[i] == UINT_MAX;
		struct world w;

		begin(&w);
		world_close(&w);
		kill_at = at[i];
		assert_true(killed(&w, split_and_die));
		assert_int_equal(world_open(&w), 0);
		assert_int_equal(world_has(&w, "d/huge", HUGE_BYTES, SEED), !is_split);
		assert_int_equal(joined(&w, "d/huge", 3), is_split);
		assert_int_equal(ask(&w, is_split ? &ask_span : &ask_split).error, 0);
		assert_true(joined(&w, "d/huge", 3));
		assert_true(world_has(&w, "a", 1000000, 1) && world_has(&w, "z", 10, 2));
		world_close(&w);
		world_remove(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(becomes_parts),
		cmocka_unit_test(several_names),
		cmocka_unit_test(what_cannot_be),
		cmocka_unit_test(kills),
	};

	log_state.level = -1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
