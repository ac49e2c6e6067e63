/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A commit for which extended attributes of the disc cannot be read: a read that fails once is tried again, what stays
 * unreadable stops the commit, or is left out and named when that was accepted.
 */
#include "tests/unit/failing_disc.h"

#include <errno.h>

#include "burner/base/bytes.h"
#include "burner/base/xattrs.h"

#define VALUE_BYTES 16000u
#define FIRST 'x' /* the half of each value, in the block that a listing reads, too */

static struct {
	char letter;	   /* blocks that hold a value's second half of it cannot be read, */
	uint32_t failures; /* so many times */
	uint32_t met;
} fault;

static bool is_bad(const uint8_t *sector)
{
	size_t n = 0;

	for (size_t i = 0; i < SECTOR_BYTES; i++)
		n += sector[i] == fault.letter;
	return n > SECTOR_BYTES / 2 && !memchr(sector, FIRST, SECTOR_BYTES);
}

static int look(uint32_t lba, const uint8_t *sectors, uint32_t n)
{
	(void)lba;
	for (uint32_t i = 0; fault.failures && i < n; i++) {
		if (!is_bad(sectors + (size_t)i * SECTOR_BYTES))
			continue;
		fault.failures--;
		fault.met++;
		return -EIO;
	}
	return 0;
}

static void set_value(struct world *w, const char *path, char letter)
{
	char value[VALUE_BYTES];
	const struct tree_xattr x = {.name = "user.v", .value = value, .bytes = sizeof(value)};

	memset(value, FIRST, sizeof(value) / 2);
	memset(value + sizeof(value) / 2, letter, sizeof(value) / 2);
	REQUIRE(tree_xattr_set(w->tree, world_lookup(w, path), &x) >= 0);
}

/* 'a': a value of that letter; '-': none; '!': an error. */
static char value_of(struct world *w, const char *path)
{
	uint8_t *value = NULL;
	size_t bytes = 0;
	int r = tree_xattr_get(w->tree, world_lookup(w, path), "user.v", &value, &bytes);
	char letter = r == -ENODATA ? '-' : r < 0 ? '!' : (char)value[bytes - 1];

	free(value);
	return letter;
}

/* A disc with two of them, mounted so that a session has the whole tree; what "a" has cannot be read so often. */
static void begin(struct world *w, oddities accepted, uint32_t failures)
{
	world_new(w);
	w->writing = TREE_FULL;
	REQUIRE(world_open(w) == 0);
	world_mkdir(w, "directory");
	world_write(w, "directory/a", 10, 1);
	world_write(w, "directory/b", 10, 2);
	set_value(w, "directory/a", 'a');
	set_value(w, "directory/b", 'b');
	REQUIRE(sync_now(w).error == 0);
	world_close(w);
	fault.letter = 'a';
	failing_disc.look = look;
	w->wrap = failing_disc_wrap;
	w->options.accepted = accepted;
	REQUIRE(world_open(w) == 0);
	world_write(w, "new", 10, 3);
	fault.failures = failures;
	fault.met = 0;
}

static void end(struct world *w)
{
	fault.failures = 0;
	world_close(w);
	world_remove(w);
}

static void assert_values(struct world *w, const char *a_and_b)
{
	fault.failures = 0;
	world_close(w);
	REQUIRE(world_open(w) == 0);
	assert_int_equal(value_of(w, "directory/a"), a_and_b[0]);
	assert_int_equal(value_of(w, "directory/b"), a_and_b[1]);
	assert_true(world_has(w, "directory/a", 10, 1) && world_has(w, "new", 10, 3));
}

static void test_passes_by(void **state)
{
	static const oddities accepted[] = {0, ODDITY_BIT(ODDITY_ATTRIBUTES)};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(accepted); i++) {
		struct world w;
		struct commit_result r;

		begin(&w, accepted[i], 1);
		r = sync_now(&w);
		assert_int_equal(r.error, 0);
		assert_string_equal(r.message, "");
		assert_int_equal(fault.met, 1);
		assert_values(&w, "ab");
		end(&w);
	}
}

static void test_refused(void **state)
{
	struct world w;
	struct commit_result r;

	(void)state;
	begin(&w, 0, UINT32_MAX);
	r = sync_now(&w);
	assert_int_equal(r.error, -EPERM);
	assert_non_null(strstr(r.message, "/directory/a"));
	assert_non_null(strstr(r.message, "accept=attributes"));
	assert_values(&w, "ab");
	end(&w);
}

static void test_accepted(void **state)
{
	struct world w;
	struct commit_result r;

	(void)state;
	begin(&w, ODDITY_BIT(ODDITY_ATTRIBUTES), UINT32_MAX);
	r = ask(&w, &ask_dry_run);
	assert_int_equal(r.error, 0);
	assert_non_null(strstr(r.message, "/directory/a"));
	r = sync_now(&w);
	assert_int_equal(r.error, 0);
	assert_true(r.burned);
	assert_non_null(strstr(r.message, "/directory/a"));
	assert_null(strstr(r.message, "/directory/b"));
	assert_values(&w, "-b");
	end(&w);
}

/* Of many the first are named, and the number is told. */
static void test_many(void **state)
{
	struct world w;
	struct commit_result r;

	(void)state;
	world_new(&w);
	w.writing = TREE_FULL;
	REQUIRE(world_open(&w) == 0);
	for (char name[] = "f a"; name[2] <= 'p'; name[2]++) {
		world_write(&w, name, 10, 1);
		set_value(&w, name, 'a');
	}
	REQUIRE(sync_now(&w).error == 0);
	world_close(&w);
	fault.letter = 'a';
	failing_disc.look = look;
	w.wrap = failing_disc_wrap;
	w.options.accepted = ODDITY_BIT(ODDITY_ATTRIBUTES);
	REQUIRE(world_open(&w) == 0);
	world_write(&w, "new", 10, 3);
	fault.failures = UINT32_MAX;
	r = sync_now(&w);
	assert_int_equal(r.error, 0);
	assert_non_null(strstr(r.message, "/f a, /f b, /f c and 13 more"));
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_passes_by),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_many),
	};

	log_state.level = -1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
