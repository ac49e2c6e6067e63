/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fs/manifest/reader.c: what is read by way of windows is what the bodies hold. */
#include "tests/unit/stage_fixture.h"

#include <dlfcn.h>

#include "fs/manifest/reader.h"

#define SLOT_BYTES 2048u
#define SLOTS 3000u
#define FILE_BYTES 1500u

/* In place of libc's: calls are counted. */
static unsigned n_reads;
ssize_t pread(int fd, void *buf, size_t length, off_t pos)
{
	ssize_t (*real)(int, void *, size_t, off_t) = (ssize_t(*)(int, void *, size_t, off_t))dlsym(RTLD_NEXT, "pread");

	n_reads++;
	return real(fd, buf, length, pos);
}

static uint32_t random_number(void)
{
	static uint64_t seed = 4711;

	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33);
}

/* Two bodies with small files side by side; the second is not written up to its end. */
static void make_bodies(struct stage *s, uint32_t bodies[2], uint64_t starts[2])
{
	uint8_t file[FILE_BYTES];
	uint64_t pos;

	assert_int_equal(stage_segment_alloc(s, (uint64_t)SLOTS * SLOT_BYTES, &bodies[0], &starts[0]), 0);
	assert_int_equal(stage_body_new(s, &bodies[1]), 0);
	starts[1] = 0;
	for (uint32_t i = 0; i < 2 * SLOTS - SLOTS / 3; i++) {
		for (uint32_t k = 0; k < FILE_BYTES; k++)
			file[k] = (uint8_t)(i * 7 + i / 251 + k * 31);
		pos = starts[i / SLOTS] + (uint64_t)(i % SLOTS) * SLOT_BYTES;
		assert_int_equal(stage_body_write(s, bodies[i / SLOTS], pos, file, FILE_BYTES), 0);
	}
}

static void expect_same(struct body_reader *r, struct stage *s, uint32_t body, uint64_t pos, uint32_t length)
{
	uint8_t got[20000], want[20000];

	memset(got, 1, sizeof(got));
	assert_int_equal(stage_body_read(s, body, pos, want, length), 0);
	assert_int_equal(body_reader_read(r, s, body, pos, got, length), 0);
	assert_memory_equal(got, want, length);
	if (length < sizeof(got))
		assert_int_equal(got[length], 1);
}

/* In every order, of every length, over the edges of windows, behind the end. */
static void test_same(void **state)
{
	struct stage *s = open_stage(*state);
	struct body_reader r = {.now = 0};
	uint32_t bodies[2];
	uint64_t starts[2];

	make_bodies(s, bodies, starts);
	for (uint32_t i = 0; i < 2 * SLOTS; i++)
		expect_same(&r, s, bodies[i / SLOTS], starts[i / SLOTS] + (uint64_t)(i % SLOTS) * SLOT_BYTES,
			    FILE_BYTES);
	for (unsigned round = 0; round < 60; round++) {
		uint64_t near = random_number() % (SLOTS * SLOT_BYTES);

		for (unsigned i = 0; i < 200; i++) {
			uint32_t which = random_number() % 8 == 0,
				 length = random_number() % (random_number() % 4 ? 1000 : 20000);

			expect_same(&r, s, bodies[which],
				    starts[which] + (near + random_number() % 400000) / (random_number() % 2 ? 1 : 512),
				    length);
		}
	}
	expect_same(&r, s, bodies[0], starts[0], 0);
	body_reader_release(&r);
	stage_close(s);
}

/* Small files in any order within a directory's worth of them take far fewer reads than there are files; a body that
 * is not there is an error each time. */
static void test_reads(void **state)
{
	struct stage *s = open_stage(*state);
	struct body_reader r = {.now = 0};
	uint8_t got[FILE_BYTES];
	uint32_t bodies[2];
	uint64_t starts[2];

	make_bodies(s, bodies, starts);
	n_reads = 0;
	for (uint32_t i = 0; i < SLOTS; i++)
		assert_int_equal(body_reader_read(&r, s, bodies[0],
						  starts[0] + (uint64_t)(i / 50 * 50 + i % 50 * 37 % 50) * SLOT_BYTES,
						  got, FILE_BYTES),
				 0);
	assert_in_range(n_reads, 1, SLOTS / 10);
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(body_reader_read(&r, s, 4711, 100 * i, got, FILE_BYTES), -EIO);
	body_reader_release(&r);
	stage_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_same, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_reads, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
