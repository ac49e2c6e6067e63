/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is asked of a drive: by windows, nothing twice, nothing outside of the range, and a bad sector harms nobody
 * else.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "burner/medium/windows.h"
#include "burner/base/bytes.h"

#define SECTORS 20000u

struct source {
	uint8_t asked[SECTORS]; /* how often */
	uint32_t bad, calls, last_lba, last_n;
	bool gone;
};
struct fixture {
	struct source source;
	struct windows windows;
	struct windows_range range;
	uint8_t buf[600 * SECTOR_BYTES];
};

static void stamp(uint8_t *sector, uint32_t lba)
{
	memset(sector, (int)(lba % 251), SECTOR_BYTES);
	memcpy(sector, &lba, sizeof(lba));
}

static int source_read(void *context, uint32_t lba, void *buf, uint32_t n)
{
	struct source *s = context;
	bool bad = s->bad >= lba && s->bad - lba < n;

	s->calls++;
	s->last_lba = lba;
	s->last_n = n;
	for (uint32_t i = 0; i < n; i++)
		s->asked[lba + i]++;
	if (s->gone)
		return -ENODEV;
	memset(buf, 0xee, (size_t)n * SECTOR_BYTES);
	for (uint32_t i = 0; !bad && i < n; i++)
		stamp((uint8_t *)buf + (size_t)i * SECTOR_BYTES, lba + i);
	return bad ? -EIO : 0;
}

static int set_up(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof(f));
	f.source.bad = UINT32_MAX;
	f.range = (struct windows_range){.first = 1008, .end = 19000};
	windows_init(&f.windows, source_read, &f.source);
	*state = &f;
	return 0;
}
static int tear_down(void **state)
{
	windows_release(&((struct fixture *)*state)->windows);
	return 0;
}

static int get(struct fixture *f, uint32_t lba, uint32_t n)
{
	int r = windows_read(&f->windows, &f->range, lba, f->buf, n);

	while (windows_ahead(&f->windows, &f->range) > 0)
		;
	return r;
}
static void good(struct fixture *f, uint32_t lba, uint32_t n)
{
	uint8_t want[SECTOR_BYTES];

	assert_int_equal(get(f, lba, n), 0);
	for (uint32_t i = 0; i < n; i++) {
		stamp(want, lba + i);
		assert_memory_equal(f->buf + (size_t)i * SECTOR_BYTES, want, SECTOR_BYTES);
	}
}
static uint32_t asked(const struct fixture *f, uint32_t from, uint32_t to, unsigned most)
{
	uint32_t n = 0;

	for (uint32_t lba = 0; lba < SECTORS; lba++) {
		assert_true(f->source.asked[lba] <= most);
		assert_true(!f->source.asked[lba] || (lba >= from && lba < to));
		n += f->source.asked[lba] > 0;
	}
	return n;
}

static void test_small_reads_fetch_their_window(void **state)
{
	struct fixture *f = *state;

	good(f, 2005, 2);
	assert_int_equal(f->source.last_lba, 1984);
	assert_int_equal(f->source.last_n, WINDOW_SECTORS);
	for (uint32_t lba = 2015; lba >= 1984; lba--)
		good(f, lba, 1);
	assert_int_equal(f->source.calls, 1);
}

static void test_going_on_reads_ahead(void **state)
{
	struct fixture *f = *state;

	for (uint32_t lba = 2000; lba < 2000 + 40 * WINDOW_SECTORS; lba += 8)
		good(f, lba, 8);
	assert_true(asked(f, 1984, 2000 + 43 * WINDOW_SECTORS, 1) >= 40 * WINDOW_SECTORS);
	good(f, 15000, 1);
	assert_int_equal(f->source.last_n, WINDOW_SECTORS);
	assert_int_equal(f->source.last_lba, 14976);
	assert_int_equal(f->source.asked[14976 + WINDOW_SECTORS], 0);
}

static void test_nothing_outside_of_the_range(void **state)
{
	struct fixture *f = *state;

	good(f, 1010, 1);
	assert_int_equal(asked(f, 1008, 1024, 1), 16);
	for (uint32_t lba = 18900; lba < 19000; lba++)
		good(f, lba, 1);
	for (uint32_t lba = 0; lba < SECTORS; lba++)
		assert_true(!f->source.asked[lba] || (lba >= f->range.first && lba < f->range.end));
	good(f, 18990, 11); /* the last one lies behind: by itself */
	assert_int_equal(f->source.last_lba, 19000);
	assert_int_equal(f->source.last_n, 1);
}

static void test_large_reads_leave_the_others_there(void **state)
{
	struct fixture *f = *state;

	good(f, 1100, 1);
	for (uint32_t lba = 2005; lba < 15000; lba += 500)
		good(f, lba, 500);
	assert_true(asked(f, 1088, 16300, 1) > 13000);
	good(f, 1100, 1);
	asked(f, 1088, 16300, 1);
}

static void test_the_oldest_goes(void **state)
{
	struct fixture *f = *state;
	uint32_t calls;

	for (uint32_t i = 0; i < WINDOWS; i++)
		good(f, 1024 + i * 2 * WINDOW_SECTORS, 1);
	good(f, 1024, 1);
	calls = f->source.calls;
	good(f, 1024 + WINDOWS * 2 * WINDOW_SECTORS, 1);
	assert_int_equal(f->source.calls, calls + 1);
	good(f, 1024, 1);
	assert_int_equal(f->source.calls, calls + 1);
	good(f, 1024 + 2 * WINDOW_SECTORS, 1);
	assert_int_equal(f->source.calls, calls + 2);
}

static void test_a_bad_sector_is_alone(void **state)
{
	struct fixture *f = *state;

	f->source.bad = 2005;
	for (uint32_t lba = 1984; lba < 2016; lba++)
		if (lba == 2005)
			assert_int_equal(get(f, lba, 1), -EIO);
		else
			good(f, lba, 1);
	assert_int_equal(f->source.asked[2005], 2); /* in its window, and by itself */
	assert_int_equal(get(f, 2004, 3), -EIO);
	assert_int_equal(f->source.asked[2005], 3);
	good(f, 2006, 10);
	good(f, 1990, 15);
	assert_int_equal(f->source.asked[2005], 3);
	assert_int_equal(f->source.asked[2006], 2);
}

static void test_a_bad_sector_ahead_is_no_error(void **state)
{
	struct fixture *f = *state;

	f->source.bad = 2100;
	good(f, 1984, 1);
	good(f, 2016, 1);
	assert_int_equal(f->source.asked[2100], 1);
	good(f, 2080, 20);
	good(f, 2101, 11);
	assert_int_equal(f->source.asked[2100], 1);
	assert_int_equal(get(f, 2100, 1), -EIO);
	f->source.bad = UINT32_MAX;
	windows_forget(&f->windows);
	good(f, 2100, 1);
}

static void test_a_bad_sector_of_a_large_read(void **state)
{
	struct fixture *f = *state;

	f->source.bad = 2100;
	assert_int_equal(get(f, 2000, 500), -EIO);
	good(f, 2000, 100);
	good(f, 2101, 200);
	assert_int_equal(get(f, 2100, 1), -EIO);
}

static void test_a_drive_that_is_gone(void **state)
{
	struct fixture *f = *state;

	f->source.gone = true;
	assert_int_equal(get(f, 2000, 1), -ENODEV);
	assert_int_equal(get(f, 2016, 64), -ENODEV);
	f->source.gone = false;
	good(f, 2000, 100);
}

/* Reads ahead until n windows came. */
static void ahead(struct fixture *f, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(windows_ahead(&f->windows, &f->range), 1);
}

static void test_who_asks_does_not_wait_for_what_is_ahead(void **state)
{
	struct fixture *f = *state;
	uint32_t lba;

	assert_int_equal(windows_read(&f->windows, &f->range, 2016, f->buf, 1), 0);
	assert_false(windows_due(&f->windows, &lba));
	assert_int_equal(windows_read(&f->windows, &f->range, 2048, f->buf, 1), 0);
	assert_int_equal(f->source.calls, 2);
	assert_true(windows_due(&f->windows, &lba));
	assert_int_equal(lba, 2080);
	ahead(f, WINDOWS_AHEAD);
	assert_int_equal(windows_ahead(&f->windows, &f->range), 0);
	assert_int_equal(f->source.calls, 2 + WINDOWS_AHEAD);
	/* Elsewhere: what is due here is given up. */
	assert_int_equal(windows_read(&f->windows, &f->range, 2176, f->buf, 1), 0);
	assert_true(windows_due(&f->windows, &lba));
	assert_int_equal(windows_read(&f->windows, &f->range, 9000, f->buf, 1), 0);
	assert_false(windows_due(&f->windows, &lba));
	assert_int_equal(windows_read(&f->windows, &f->range, 9024, f->buf, 1), 0);
	windows_stay(&f->windows);
	assert_int_equal(windows_ahead(&f->windows, &f->range), 0);
}

/* Of a long stream up to 256 KiB, also when it takes whole windows and out of order; the windows of others stay. */
static void test_a_long_stream_is_read_far_ahead(void **state)
{
	struct fixture *f = *state;
	uint32_t lba, n;

	good(f, 1100, 1);
	for (lba = 2016; lba < 8000; lba += 2 * WINDOW_SECTORS) {
		assert_int_equal(windows_read(&f->windows, &f->range, lba + WINDOW_SECTORS, f->buf, WINDOW_SECTORS), 0);
		assert_int_equal(windows_read(&f->windows, &f->range, lba, f->buf, WINDOW_SECTORS), 0);
	}
	good(f, lba, WINDOW_SECTORS);
	assert_true(f->source.last_lba + f->source.last_n >= lba + 5 * WINDOW_SECTORS);
	n = f->source.calls;
	good(f, lba + WINDOW_SECTORS, 18 * WINDOW_SECTORS);
	assert_true(f->source.calls <= n + 20); /* as many go on ahead */
	for (lba += 40 * WINDOW_SECTORS; lba < 18000; lba += WINDOW_SECTORS)
		good(f, lba, WINDOW_SECTORS);
	n = f->source.calls;
	good(f, 1100, 1);
	assert_int_equal(f->source.calls, n);
	asked(f, 1088, 19000, 1);
}

/* What a request leaves out, but not of one that only skips about, nor on the way to another place. */
static void test_a_long_stream_is_read_in_order(void **state)
{
	struct fixture *f = *state;
	uint32_t n;

	for (uint32_t lba = 2016; lba < 4064; lba += 4 * WINDOW_SECTORS)
		assert_int_equal(windows_read(&f->windows, &f->range, lba, f->buf, 4 * WINDOW_SECTORS), 0);
	n = f->source.calls;
	assert_int_equal(windows_read(&f->windows, &f->range, 4064 + 8 * WINDOW_SECTORS, f->buf, WINDOW_SECTORS), 0);
	assert_int_equal(f->source.calls, n + 8 / WINDOWS_AT_ONCE + 1);
	assert_int_equal(windows_read(&f->windows, &f->range, 4064, f->buf, 8 * WINDOW_SECTORS), 0);
	assert_int_equal(f->source.calls, n + 8 / WINDOWS_AT_ONCE + 1);
	assert_int_equal(windows_read(&f->windows, &f->range, 16000, f->buf, 512), 0);
	n = f->source.calls;
	for (uint32_t lba = 1024; lba < 10000; lba += 10 * WINDOW_SECTORS)
		assert_int_equal(windows_read(&f->windows, &f->range, lba, f->buf, 2), 0);
	assert_true(f->source.calls <= n + 9000 / (10 * WINDOW_SECTORS) + 1);
	asked(f, 1008, 19000, 2);
}

/* What a long stream led through is in the cache of who had it. */
static void test_what_was_had_is_not_read_ahead(void **state)
{
	struct fixture *f = *state;

	for (uint32_t lba = 6400; lba < 8000; lba += 4 * WINDOW_SECTORS)
		good(f, lba, 4 * WINDOW_SECTORS);
	for (uint32_t lba = 4800; lba < 6400; lba += 4 * WINDOW_SECTORS)
		good(f, lba, (uint32_t)min_u64(4 * WINDOW_SECTORS, 6400 - lba));
	asked(f, 4800, 9000, 1);
	good(f, 6400, 64);
	asked(f, 4800, 9000, 2);
}

/* What was asked for at once and has a bad sector is asked for by windows, and so it is alone. */
static void test_a_bad_sector_of_a_long_stream(void **state)
{
	struct fixture *f = *state;

	for (uint32_t lba = 2016; lba < 4064; lba += 4 * WINDOW_SECTORS)
		good(f, lba, 4 * WINDOW_SECTORS);
	f->source.bad = 6003;
	for (uint32_t lba = 4064; lba < 12000; lba += WINDOW_SECTORS)
		if (6003 - lba < WINDOW_SECTORS)
			assert_int_equal(get(f, lba, WINDOW_SECTORS), -EIO);
		else
			good(f, lba, WINDOW_SECTORS);
	for (uint32_t lba = 5984; lba < 6016; lba++)
		if (lba != 6003)
			good(f, lba, 1);
	assert_true(f->source.asked[6003] <= 6);
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test_setup_teardown(test_small_reads_fetch_their_window, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_going_on_reads_ahead, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_who_asks_does_not_wait_for_what_is_ahead, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_long_stream_is_read_far_ahead, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_long_stream_is_read_in_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_nothing_outside_of_the_range, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_large_reads_leave_the_others_there, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_the_oldest_goes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_bad_sector_is_alone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_bad_sector_ahead_is_no_error, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_bad_sector_of_a_large_read, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_bad_sector_of_a_long_stream, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_was_had_is_not_read_ahead, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_drive_that_is_gone, set_up, tear_down),
	};

	return cmocka_run_group_tests(all, NULL, NULL);
}
