/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fs/stage: segments, sparse bodies, giving space back, collecting. */
#include "tests/unit/stage_fixture.h"

#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>

#define MIB (1u << 20)

/* In place of libc's: the kernel is told to begin to write. */
static atomic_uint told_to_write;
int sync_file_range(int fd, off_t offset, off_t length, unsigned flags)
{
	(void)fd, (void)offset, (void)length;
	if (flags == SYNC_FILE_RANGE_WRITE)
		told_to_write++;
	return 0;
}

/* The same: of files in bodies/ those that are synced are counted; when so many were, the next one fails. */
static atomic_uint bodies_synced, fail_behind = UINT32_MAX;
int fdatasync(int fd)
{
	char link[40], path[512];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n > 0 && (path[n] = 0, strstr(path, "/bodies/")) && atomic_fetch_add(&bodies_synced, 1) == fail_behind) {
		errno = ENOSPC;
		return -1;
	}
	return (int)syscall(SYS_fdatasync, fd);
}

/* Blocks of 512 bytes that the host has given to a body; -1: its file is gone. */
static long blocks_of(const struct stage *s, uint32_t body)
{
	char path[512];
	struct stat st;

	snprintf(path, sizeof(path), "%s/bodies/%08x", stage_directory(s), body);
	return stat(path, &st) ? -1 : (long)st.st_blocks;
}

static uint8_t *pattern(size_t length, uint8_t seed)
{
	uint8_t *p = malloc(length);

	assert_non_null(p);
	for (size_t i = 0; i < length; i++)
		p[i] = (uint8_t)(seed + i * 31 + (i >> 8));
	return p;
}

static void expect_bytes(struct stage *s, uint32_t body, uint64_t pos, const uint8_t *bytes, size_t length)
{
	_free_ uint8_t *got = malloc(length);

	assert_int_equal(stage_body_read(s, body, pos, got, length), 0);
	assert_memory_equal(got, bytes, length);
}

static void test_segments(void **state)
{
	struct stage *s = open_stage(*state);
	_free_ uint8_t *data = pattern(6144, 1);
	static const uint8_t zeros[8192];
	uint32_t first, body;
	uint64_t pos, next;

	assert_int_equal(stage_segment_alloc(s, 100, &first, &pos), -EINVAL);
	assert_int_equal(stage_segment_alloc(s, 0, &first, &pos), -EINVAL);
	assert_int_equal(stage_segment_alloc(s, 6144, &first, &pos), 0);
	assert_int_equal(stage_segment_alloc(s, 2048, &body, &next), 0);
	assert_int_equal(body, first);
	assert_int_equal(next, pos + 6144);
	assert_false(stage_body_sparse(s, first));
	assert_false(stage_body_frozen(s, first));
	expect_bytes(s, first, pos, zeros, 8192);
	assert_int_equal(stage_body_write(s, first, pos + 10, data, 6000), 0);
	expect_bytes(s, first, pos, zeros, 10);
	expect_bytes(s, first, pos + 10, data, 6000);
	expect_bytes(s, first, pos + 6010, zeros, 2182);
	/* larger than a segment: one of its own */
	assert_int_equal(stage_segment_alloc(s, 65u * MIB / 2048 * 2048, &body, &next), 0);
	assert_int_not_equal(body, first);
	assert_int_equal(next, 0);
	assert_int_equal(stage_body_read(s, 4711, 0, data, 1), -EIO);
	assert_int_equal(stage_body_write(s, first, UINT64_MAX, data, 1), -EINVAL);
	stage_close(s);
}

static void test_sparse_body_and_freeze(void **state)
{
	struct stage *s = open_stage(*state);
	_free_ uint8_t *data = pattern(4096, 3);
	static const uint8_t zeros[4096];
	uint32_t body, segment, generation;
	uint64_t pos;

	assert_int_equal(stage_body_new(s, &body), 0);
	assert_true(stage_body_sparse(s, body));
	assert_int_equal(stage_body_write(s, body, 1ull << 33, data, 4096), 0);
	put_file_in(s, 5, body, 1ull << 33, 4096);
	assert_int_equal(stage_segment_alloc(s, 2048, &segment, &pos), 0);
	put_file_in(s, 6, segment, pos, 2048);
	expect_bytes(s, body, 1ull << 32, zeros, 4096);
	stage_close(s);
	s = open_stage(*state);
	expect_bytes(s, body, 1ull << 33, data, 4096);
	assert_true(stage_body_sparse(s, body));
	assert_false(stage_body_frozen(s, body));
	assert_int_equal(stage_freeze(s, &generation), 0);
	assert_true(stage_body_frozen(s, body));
	assert_int_equal(stage_body_write(s, body, 0, data, 1), -EROFS);
	assert_int_equal(stage_segment_alloc(s, 2048, &segment, &pos), 0);
	assert_false(stage_body_frozen(s, segment));
	stage_unfreeze(s);
	assert_true(stage_body_frozen(s, body)); /* never written again, whichever way the commit went */
	stage_close(s);
}

static void test_discard_waits_for_sync(void **state)
{
	struct stage *s = open_stage(*state);
	_free_ uint8_t *data = pattern(MIB, 5);
	uint32_t body;
	uint64_t pos;
	long full;

	assert_int_equal(stage_segment_alloc(s, MIB, &body, &pos), 0);
	assert_int_equal(stage_body_write(s, body, pos, data, MIB), 0);
	put_file_in(s, 5, body, pos, MIB);
	assert_int_equal(stage_sync(s), 0);
	full = blocks_of(s, body);
	assert_true(full >= (long)(MIB / 512));
	/* Block by block, as a copy-up leaves them: odd neighbours come at different times. */
	for (uint64_t at = 2048; at < MIB; at += 4096)
		stage_body_discard(s, body, pos + at, 2048);
	assert_int_equal(blocks_of(s, body), full);
	assert_int_equal(stage_sync(s), 0);
	assert_true(blocks_of(s, body) >= full);
	expect_bytes(s, body, pos, data, 2048);
	for (uint64_t at = 0; at < MIB / 2; at += 4096)
		stage_body_discard(s, body, pos + at, 2048);
	assert_true(blocks_of(s, body) >= full);
	assert_int_equal(stage_sync(s), 0);
	assert_true(blocks_of(s, body) <= full / 2 + 16);
	expect_bytes(s, body, pos + MIB / 2, data + MIB / 2, 2048);
	stage_close(s);
}

static void test_discard_waits_for_unfreeze(void **state)
{
	struct stage *s = open_stage(*state);
	_free_ uint8_t *data = pattern(MIB, 5);
	uint32_t body, sparse, generation;
	uint64_t pos;
	long full;

	assert_int_equal(stage_segment_alloc(s, MIB, &body, &pos), 0);
	assert_int_equal(stage_body_write(s, body, pos, data, MIB), 0);
	assert_int_equal(stage_body_new(s, &sparse), 0);
	assert_int_equal(stage_body_write(s, sparse, 0, data, MIB), 0);
	put_file_in(s, 5, body, pos, MIB);
	assert_int_equal(stage_freeze(s, &generation), 0);
	assert_int_equal(stage_sync(s), 0);
	full = blocks_of(s, body);
	stage_body_discard(s, body, pos, MIB);
	stage_body_discard(s, sparse, 0, UINT64_MAX);
	assert_int_equal(stage_sync(s), 0);
	assert_int_equal(blocks_of(s, body), full);
	expect_bytes(s, sparse, 0, data, MIB);
	expect_bytes(s, body, pos, data, MIB);
	stage_unfreeze(s);
	assert_true(blocks_of(s, body) <= 16);
	assert_int_equal(blocks_of(s, sparse), -1);
	assert_int_equal(stage_body_read(s, sparse, 0, data, 1), -EIO);
	stage_close(s);
}

static void test_sparse_range_written_again_stays(void **state)
{
	struct stage *s = open_stage(*state);
	_free_ uint8_t *data = pattern(MIB, 9);
	uint32_t body;

	assert_int_equal(stage_body_new(s, &body), 0);
	assert_int_equal(stage_body_write(s, body, 0, data, MIB), 0);
	put_file_in(s, 5, body, 0, MIB);
	stage_body_discard(s, body, 0, MIB);
	assert_int_equal(stage_body_write(s, body, MIB / 4, data, MIB / 4), 0);
	assert_int_equal(stage_sync(s), 0);
	expect_bytes(s, body, MIB / 4, data, MIB / 4);
	assert_true(blocks_of(s, body) <= (long)(MIB / 4 / 512 + 32));
	stage_close(s);
}

static void test_collect(void **state)
{
	struct stage *s = open_stage(*state);
	_free_ uint8_t *data = pattern(4096, 9);
	uint32_t named, kept, dead, young, generation;
	struct stage_totals totals;

	assert_int_equal(stage_body_new(s, &named), 0);
	assert_int_equal(stage_body_new(s, &kept), 0);
	assert_int_equal(stage_body_new(s, &dead), 0);
	assert_int_equal(stage_body_write(s, dead, 0, data, 4096), 0);
	assert_int_equal(stage_body_write(s, kept, 0, data, 4096), 0);
	put_file_in(s, 5, named, 0, 4096);
	assert_int_equal(stage_freeze(s, &generation), 0);
	stage_unfreeze(s);
	assert_int_equal(stage_body_new(s, &young), 0); /* its row is still to come */
	assert_int_equal(stage_collect(s, &kept, 1), 0);
	assert_int_not_equal(blocks_of(s, dead), -1);
	assert_int_equal(stage_sync(s), 0);
	assert_int_equal(blocks_of(s, dead), -1);
	assert_int_not_equal(blocks_of(s, kept), -1);
	assert_int_not_equal(blocks_of(s, named), -1);
	assert_int_not_equal(blocks_of(s, young), -1);
	stage_totals(s, &totals);
	assert_int_equal(totals.nodes, 1);
	assert_true(totals.body_bytes >= 4096 && totals.body_bytes < 65536);
	stage_close(s);
	s = open_stage(*state);
	assert_int_equal(stage_collect(s, NULL, 0), 0); /* a mount begins: nobody holds anything */
	assert_int_equal(stage_sync(s), 0);
	assert_int_equal(blocks_of(s, kept), -1);
	assert_int_equal(blocks_of(s, young), -1);
	assert_int_not_equal(blocks_of(s, named), -1);
	assert_int_equal(stage_body_new(s, &young), 0);
	assert_true(young > kept); /* numbers are not used twice */
	stage_close(s);
}

static void test_discard_everything(void **state)
{
	struct stage *s = open_stage(*state);
	uint32_t sparse, segment;
	uint64_t pos;

	assert_int_equal(stage_body_new(s, &sparse), 0);
	assert_int_equal(stage_segment_alloc(s, 2048, &segment, &pos), 0);
	put_file_in(s, 5, sparse, 0, 4096);
	assert_int_equal(stage_name_put(s, 1, "five", 5), 0);
	assert_int_equal(stage_discard(s), 0);
	assert_true(stage_empty(s));
	assert_int_equal(blocks_of(s, sparse), -1);
	assert_int_equal(blocks_of(s, segment), -1);
	assert_int_equal(stage_segment_alloc(s, 2048, &segment, &pos), 0);
	put_file_in(s, 6, segment, pos, 2048);
	assert_int_equal(stage_sync(s), 0);
	stage_close(s);
}

static void test_more_bodies_than_descriptors(void **state)
{
	struct stage *s = open_stage(*state);
	uint32_t bodies[200];

	for (uint32_t i = 0; i < 200; i++) {
		assert_int_equal(stage_body_new(s, &bodies[i]), 0);
		assert_int_equal(stage_body_write(s, bodies[i], 0, &i, sizeof(i)), 0);
		put_file_in(s, 10 + i, bodies[i], 0, 4);
	}
	for (int round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < 200; i++) {
			uint32_t got = 0;

			assert_int_equal(stage_body_read(s, bodies[i], 0, &got, sizeof(got)), 0);
			assert_int_equal(got, i);
		}
		assert_int_equal(stage_sync(s), 0);
	}
	stage_close(s);
}

/* The disk gets its work while much is written, and not for little; the body is still dirty for the next sync. */
static void test_much_is_written_early(void **state)
{
	struct stage *s = open_stage(*state);
	_free_ uint8_t *data = pattern(MIB, 3);
	uint32_t body;

	assert_int_equal(stage_body_new(s, &body), 0);
	assert_int_equal(stage_start_thread(s), 0);
	told_to_write = 0;
	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(stage_body_write(s, body, i * (uint64_t)MIB, data, MIB), 0);
	assert_int_equal(stage_sync(s), 0);
	assert_int_equal(told_to_write, 0);
	for (unsigned i = 16; !told_to_write && i < 1024; i++) {
		assert_int_equal(stage_body_write(s, body, i * (uint64_t)MIB, data, MIB), 0);
		if (i % 16 == 0)
			nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL); /* lets the thread come to it */
	}
	assert_int_not_equal(told_to_write, 0);
	expect_bytes(s, body, 15 * (uint64_t)MIB, data, MIB);
	stage_close(s);
}

/* Hundreds are synced together, each once; after a failure those that were not are dirty still. */
static void test_many_are_synced(void **state)
{
	enum { BODIES = 300, FAILS_BEHIND = 100 };
	struct stage *s = open_stage(*state);
	_free_ uint8_t *data = pattern(4096, 3);
	uint32_t bodies[BODIES];

	for (unsigned i = 0; i < BODIES; i++) {
		assert_int_equal(stage_body_new(s, &bodies[i]), 0);
		assert_int_equal(stage_body_write(s, bodies[i], 0, data, 4096), 0);
	}
	bodies_synced = 0;
	fail_behind = FAILS_BEHIND;
	assert_int_equal(stage_sync(s), -ENOSPC);
	assert_true(bodies_synced > FAILS_BEHIND && bodies_synced < BODIES);
	fail_behind = UINT32_MAX;
	unsigned left = BODIES + 1 - bodies_synced; /* the one that failed was counted */
	bodies_synced = 0;
	assert_int_equal(stage_sync(s), 0);
	assert_int_equal(bodies_synced, left);
	bodies_synced = 0;
	assert_int_equal(stage_sync(s), 0);
	assert_int_equal(bodies_synced, 0);
	assert_int_equal(stage_body_write(s, bodies[7], 0, data, 1), 0);
	assert_int_equal(stage_sync(s), 0);
	assert_int_equal(bodies_synced, 1);
	for (unsigned i = 0; i < BODIES; i++)
		expect_bytes(s, bodies[i], 0, data, 4096);
	stage_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_segments, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_sparse_body_and_freeze, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_discard_waits_for_sync, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_discard_waits_for_unfreeze, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_sparse_range_written_again_stays, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_collect, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_discard_everything, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_much_is_written_early, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_more_bodies_than_descriptors, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_many_are_synced, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
