/* SPDX-License-Identifier: GPL-3.0-or-later */
/* burner/format/adoption.c, burner/medium/adopted.c: tables of several sessions that name the same blocks; damage;
 * burner/medium/disc_checked.c: one that names blocks of ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "cdappendfs/burn.h"
#include "tests/unit/adoption_disc.h"

static struct adoption_disc disc;

static int begin(void **state)
{
	(void)state;
	adoption_disc_init(&disc);
	return 0;
}

static void check_run(const struct adopted *a, uint32_t from, uint32_t lba, uint32_t sectors, uint32_t session)
{
	struct adopted_run run;

	assert_true(adopted_next(a, from, &run));
	assert_int_equal(run.lba, lba);
	assert_int_equal(run.sectors, sectors);
	assert_int_equal(run.session, session);
}

static void check_digest(struct adopted *a, uint32_t lba, uint32_t at, uint32_t sectors, uint8_t fill)
{
	uint8_t digest[PROOF_DIGEST_BYTES], expected[PROOF_DIGEST_BYTES];
	uint32_t found = 0, n = 0;

	memset(expected, fill, sizeof(expected));
	assert_int_equal(adopted_digest(a, lba, digest, &found, &n), fill ? 0 : -ENODATA);
	assert_int_equal(found, at);
	assert_int_equal(n, sectors);
	assert_memory_equal(digest, expected, sizeof(digest));
}

static void the_newest_holds(void **state)
{
	struct adoption older = {.n_ranges = 2, .ranges = {{40, 100}, {200, 64}}},
			newer = {.n_ranges = 2, .ranges = {{72, 32}, {210, 3}}},
			newest = {.n_ranges = 1, .ranges = {{0, 90}}};
	struct commit_record r[3], none = {.kind = COMMIT_DIGEST_TABLE};
	struct adopted *a = NULL;

	(void)state;
	assert_true(adoption_disc_put(&disc, 400, &older, 1, &r[0]));
	assert_true(adoption_disc_put(&disc, 500, &newer, 2, &r[1]));
	assert_true(adoption_disc_put(&disc, 600, &newest, 0, &r[2]));
	assert_int_equal(adopted_new(&disc.disc, 32, &a), 0);
	assert_false(adopted_next(a, 0, &(struct adopted_run){0}));
	assert_int_equal(adopted_add(a, &none), 0);
	assert_int_equal(adopted_add(a, &r[1]), 0);
	assert_int_equal(adopted_add(a, &r[0]), 0);
	check_run(a, 0, 40, 32, 400);
	check_run(a, 72, 72, 32, 500);
	check_run(a, 104, 104, 36, 400);
	/* A piece of which a newer one names a part does not count. */
	check_run(a, 140, 210, 3, 500);
	check_run(a, 213, 232, 32, 400);
	assert_false(adopted_next(a, 264, &(struct adopted_run){0}));
	check_digest(a, 71, 40, 32, 1);
	check_digest(a, 80, 72, 32, 2);
	check_digest(a, 139, 136, 4, 1);
	check_digest(a, 212, 210, 3, 2);
	adopted_free(a);
	/* Below the floor nothing counts, and nothing is known where the digests are zeros. */
	assert_int_equal(adopted_new(&disc.disc, 33, &a), 0);
	assert_int_equal(adopted_add(a, &r[2]), 0);
	check_run(a, 0, 64, 26, 600);
	check_digest(a, 70, 64, 26, 0);
	adopted_free(a);
}

static void what_is_altered_says_nothing(void **state)
{
	struct adoption h = {.n_ranges = 1, .ranges = {{40, 300}}};
	struct commit_record r, other;
	struct adopted *a = NULL;

	(void)state;
	assert_true(adoption_disc_put(&disc, 400, &h, 7, &r));
	assert_int_equal(adopted_new(&disc.disc, 0, &a), 0);
	for (uint32_t lba = 401; lba < 403; lba++) {
		disc.bytes[lba][100] ^= 1;
		assert_int_equal(adopted_add(a, &r), -EBADMSG);
		disc.bytes[lba][100] ^= 1;
		disc.unreadable = lba;
		assert_int_equal(adopted_add(a, &r), -EIO);
		disc.unreadable = 0;
	}
	other = r;
	other.uuid[3]++;
	assert_int_equal(adopted_add(a, &other), -EBADMSG);
	other = r;
	other.adoption_lba++;
	assert_int_equal(adopted_add(a, &other), -EBADMSG);
	assert_false(adopted_next(a, 0, &(struct adopted_run){0}));
	assert_int_equal(adopted_add(a, &r), 0);
	check_run(a, 0, 40, 300, 400);
	adopted_free(a);
}

static void headers(void **state)
{
	static const struct adoption wrong[] = {
		{.n_ranges = 0},
		{.n_ranges = 1, .ranges = {{5, 0}}},
		{.n_ranges = 2, .ranges = {{64, 32}, {95, 10}}},
		{.n_ranges = 1, .ranges = {{380, 30}}},
	};
	struct adoption h = {.n_ranges = ADOPTION_RANGES_MAX}, got;
	struct commit_record r;

	(void)state;
	for (uint32_t i = 0; i < h.n_ranges; i++)
		h.ranges[i] = (struct adoption_range){i * 2, 1};
	assert_true(adoption_disc_put(&disc, 500, &h, 1, &r));
	assert_int_equal(adoption_decode(disc.bytes[501], &got), 0);
	assert_memory_equal(&got, &h, sizeof(h));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		h = wrong[i];
		assert_true(adoption_disc_put(&disc, 400, &h, 1, &r));
		assert_int_equal(adoption_decode(disc.bytes[401], &got), -ENODATA);
	}
	h = (struct adoption){.n_ranges = 1, .ranges = {{40, 300}}, .lba = 401, .sectors = 9};
	assert_int_equal(adoption_encode(&h, disc.bytes[0]), 0);
	assert_int_equal(adoption_decode(disc.bytes[0], &got), -ENODATA); /* too few digests */
	disc.bytes[0][0] ^= 1;
	assert_int_equal(adoption_decode(disc.bytes[0], &got), -ENODATA);
}

/* ---- reads that are checked ---- */

#define OLDER 100u

/* Of a piece of the older session there are fewer blocks than of the one that the newer says begins at the same place:
 * what is kept of that one is not given out as if it were this. */
static void a_longer_piece_that_begins_where_another_does(void **state)
{
	struct adoption older = {.n_ranges = 1, .ranges = {{10, 1}}}, newer = {.n_ranges = 1, .ranges = {{OLDER, 32}}};
	struct disc_check_options options = {.borrowed = true};
	struct commit_record r;
	uint8_t block[SECTOR_BYTES];
	struct disc *checked;

	(void)state;
	assert_true(adoption_disc_put(&disc, 600, &newer, 1, &r));
	assert_true(adoption_disc_put(&disc, OLDER, &older, 1, &r));
	assert_true(r.sectors < 10);
	checked = disc_wrap_checked(&disc.disc, &options);
	assert_non_null(checked);
	assert_int_equal(disc_read(checked, OLDER + 1, block, 1), 0);
	assert_memory_equal(block, disc.bytes[OLDER + 1], sizeof(block));
	assert_int_equal(disc_read(checked, OLDER + 10, block, 1), -EIO);
	assert_int_equal(disc_read(checked, OLDER + 1, block, 1), 0);
	disc_close(checked);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_newest_holds, begin),
		cmocka_unit_test_setup(what_is_altered_says_nothing, begin),
		cmocka_unit_test_setup(headers, begin),
		cmocka_unit_test_setup(a_longer_piece_that_begins_where_another_does, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
