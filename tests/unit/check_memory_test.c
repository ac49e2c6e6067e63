/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fs/check/memory.h, mapfile.h: what was read is known, rounds end, growing retries are told; maps of ddrescue. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fs/check/mapfile.h"
#include "fs/check/memory.h"

#include <errno.h>
#include <fcntl.h>

static void test_parts(void **state)
{
	struct memory m = {.n_parts = 0};
	struct memory_part gap;

	(void)state;
	assert_true(memory_gap(&m, 100, &gap));
	assert_int_equal(gap.from, 0);
	assert_int_equal(gap.to, 100);
	memory_cover(&m, 20, 30);
	memory_cover(&m, 40, 50);
	memory_cover(&m, 0, 10);
	assert_int_equal(m.n_parts, 3);
	assert_true(memory_gap(&m, 100, &gap));
	assert_int_equal(gap.from, 10);
	assert_int_equal(gap.to, 20);
	assert_int_equal(memory_covered(&m, 45), 25);
	memory_cover(&m, 10, 41);
	assert_int_equal(m.n_parts, 1);
	assert_int_equal(m.parts[0].to, 50);
	assert_false(memory_end_round(&m, 51, 7));
	assert_true(memory_end_round(&m, 50, 7));
	assert_int_equal(m.whole_time, 7);
	assert_true(m.whole_sound);
	assert_int_equal(m.n_parts, 0);
	m.damaged = true;
	memory_cover(&m, 0, 50);
	assert_true(memory_end_round(&m, 50, 8));
	assert_false(m.whole_sound);
	assert_false(m.damaged);
}

/* Parts that do not find room are not read, as far as is known. */
static void test_many_parts(void **state)
{
	struct memory m = {.n_parts = 0};
	struct memory_part gap;

	(void)state;
	for (uint64_t i = 0; i < 2 * MEMORY_PARTS; i++)
		memory_cover(&m, 3 * i, 3 * i + 1);
	assert_int_equal(m.n_parts, MEMORY_PARTS);
	for (unsigned i = 0; i < 2 * MEMORY_PARTS && memory_gap(&m, 6 * MEMORY_PARTS, &gap); i++)
		memory_cover(&m, gap.from, gap.to);
	assert_true(memory_end_round(&m, 6 * MEMORY_PARTS, 1));
}

static void test_file(void **state)
{
	char directory[] = "/tmp/check_memory_test.XXXXXX";
	const struct disc_identity a = {.id = {1}}, b = {.id = {2}};
	struct memory m, again;
	int fd;

	(void)state;
	assert_non_null(mkdtemp(directory));
	fd = open(directory, O_RDONLY | O_DIRECTORY);
	assert_int_equal(memory_load(fd, &a, "/disc", &m), 0);
	assert_int_equal(m.n_parts, 0);
	memory_cover(&m, 5, 10);
	memory_cover(&m, 20, 30);
	m.damaged = true;
	memory_add_check(&m, (struct memory_check){-1, 2, 3, 4});
	assert_int_equal(memory_save(fd, &m), 0);
	assert_int_equal(memory_save(fd, &m), 0);
	assert_int_equal(memory_load(fd, &a, "/disc", &again), 0);
	assert_memory_equal(&m, &again, sizeof(m));
	/* another disc, another file of it, a drive */
	assert_int_equal(memory_load(fd, &b, "/disc", &again), 0);
	assert_int_equal(again.n_parts, 0);
	assert_int_equal(memory_load(fd, &a, "/copy", &again), 0);
	assert_int_equal(again.n_parts, 0);
	assert_int_equal(memory_load(fd, &a, NULL, &again), 0);
	assert_int_equal(again.n_parts, 0);
	/* cut off: as if there was none */
	assert_int_equal(truncate(directory, 0), -1);
	int file = openat(fd, m.name, O_WRONLY);
	assert_int_equal(ftruncate(file, 20), 0);
	close(file);
	assert_int_equal(memory_load(fd, &a, "/disc", &again), 0);
	assert_int_equal(again.n_parts, 0);
	assert_int_equal(unlinkat(fd, m.name, 0), 0);
	close(fd);
	assert_int_equal(rmdir(directory), 0);
}

static void test_trend(void **state)
{
	struct memory m = {.n_parts = 0};

	(void)state;
	memory_add_check(&m, (struct memory_check){1, 1000, 0, 1000});
	assert_int_equal(memory_trend(&m), 0);
	memory_add_check(&m, (struct memory_check){2, 500, 4, 700});
	assert_int_equal(memory_trend(&m), 0);
	memory_add_check(&m, (struct memory_check){3, 1000, 20, 1400});
	assert_int_equal(memory_trend(&m), MEMORY_RETRIES);
	memory_add_check(&m, (struct memory_check){4, 1000, 20, 2200});
	assert_int_equal(memory_trend(&m), MEMORY_SLOWER);
	memory_add_check(&m, (struct memory_check){5, 0, 0, 0});
	assert_int_equal(memory_trend(&m), 0);
	for (unsigned i = 0; i < 2 * MEMORY_CHECKS; i++)
		memory_add_check(&m, (struct memory_check){i, 1, 0, 1});
	assert_int_equal(m.n_checks, MEMORY_CHECKS);
}

static int parse(const char *text, struct mapfile *ret, unsigned *ret_line)
{
	return mapfile_parse(text, strlen(text), ret, ret_line);
}

static void test_map(void **state)
{
	struct mapfile m = {.n = 0};
	unsigned line;

	(void)state;
	assert_int_equal(parse("# c\n0x0 ? 1\n0x0 0x800 +\n0x800 2048 -\n0x1000 04000 *\n0x1800 0x800 +\n0x2000 1 ?\n",
			       &m, &line),
			 0);
	assert_int_equal(m.n, 3); /* of two statuses side by side */
	assert_int_equal(m.gaps[0].from, 0x800);
	assert_int_equal(m.gaps[1].to, 0x1800);
	assert_false(mapfile_has_gap(&m, 0, 0x800));
	assert_true(mapfile_has_gap(&m, 0, 0x801));
	assert_true(mapfile_has_gap(&m, 0x17ff, 1));
	assert_false(mapfile_has_gap(&m, 0x1800, 0x800));
	assert_true(mapfile_has_gap(&m, 0x2000, 1));
	assert_false(mapfile_has_gap(&m, 0x2001, UINT32_MAX));
	mapfile_release(&m);
	assert_int_equal(parse("0x0 ?\n", &m, &line), 0);
	assert_int_equal(m.n, 0);
	assert_int_equal(parse("", &m, &line), -EINVAL);
	assert_int_equal(parse("0x0 ?\n0x0 0x10 +\n0x8 0x10 -\n", &m, &line), -EINVAL);
	assert_int_equal(line, 3);
	assert_int_equal(parse("0x0 ?\n0x0 0x10 x\n", &m, &line), -EINVAL);
	assert_int_equal(parse("0x0 ?\n0x0 0x10 + +\n", &m, &line), -EINVAL);
	assert_int_equal(parse("0x0 ?\n-1 0x10 +\n", &m, &line), -EINVAL);
	assert_int_equal(parse("0x0 ?\n0x7fffffffffffffff 2 +\n", &m, &line), -EINVAL);
}

/* What is known after all: of a gap its end, its beginning, its middle, all of it; what touches none. */
static void test_map_filled(void **state)
{
	static const struct map_gap want[] = {{0, 10, '-'}, {30, 40, '-'}, {45, 50, '-'}, {60, 65, '-'}, {80, 90, '-'}};
	struct mapfile m = {.n = 0};

	(void)state;
	assert_int_equal(mapfile_fill(&m, 0, 100), 0);
	for (uint64_t at = 0; at < 100; at += 20)
		assert_int_equal(mapfile_add(&m, at, 10), 0);
	assert_int_equal(mapfile_fill(&m, 10, 20), 0); /* 20 to 30 */
	assert_int_equal(mapfile_fill(&m, 65, 10), 0);
	assert_int_equal(mapfile_add(&m, 100, 1), 0);
	assert_int_equal(mapfile_fill(&m, 100, 1), 0);
	m.gaps[1] = (struct map_gap){30, 50, '-'};
	assert_int_equal(mapfile_fill(&m, 40, 5), 0);
	assert_int_equal(m.n, 5);
	for (size_t i = 0; i < m.n; i++) {
		assert_int_equal(m.gaps[i].from, want[i].from);
		assert_int_equal(m.gaps[i].to, want[i].to);
	}
	mapfile_release(&m);
}

/* Blocks go from one status to another; the text of a map is read as it was written. */
static void test_map_marked(void **state)
{
	static const struct map_gap want[] = {{0, 2048, '?'}, {2048, 4096, '-'}, {4096, 6144, '*'}, {8192, 9000, '*'}};
	struct mapfile m = {.n = 0}, again;
	struct map_gap gap;
	char *text = NULL;
	size_t length;
	unsigned line;

	(void)state;
	assert_int_equal(mapfile_append(&m, (struct map_gap){0, 9000, '?'}), 0);
	assert_int_equal(mapfile_mark(&m, (struct map_gap){2048, 4096, '/'}), 0);
	assert_int_equal(mapfile_mark(&m, (struct map_gap){4096, 9000, '*'}), 0);
	assert_int_equal(mapfile_mark(&m, (struct map_gap){2048, 3000, '-'}), 0);
	assert_int_equal(mapfile_mark(&m, (struct map_gap){3000, 4096, '-'}), 0);
	assert_int_equal(mapfile_fill(&m, 6144, 2048), 0);
	assert_int_equal(m.n, 4);
	assert_int_equal(mapfile_bytes(&m, '*'), 2048 + 808);
	assert_int_equal(mapfile_bytes(&m, 0), 9000 - 2048);
	assert_true(mapfile_next(&m, '*', 5000, &gap) && gap.from == 5000 && gap.to == 6144);
	assert_true(mapfile_next(&m, '*', 6144, &gap) && gap.from == 8192);
	assert_false(mapfile_next(&m, '/', 0, &gap));
	FILE *out = open_memstream(&text, &length);
	mapfile_print(out, &m, 10000, &(struct map_place){4096, '-', 2}, "a test");
	fclose(out);
	assert_non_null(strstr(text, "\n0x00001000     -               2\n"));
	assert_int_equal(mapfile_parse(text, length, &again, &line), 0);
	assert_int_equal(again.end, 10000);
	assert_int_equal(again.n, 4);
	for (size_t i = 0; i < again.n; i++) {
		assert_int_equal(again.gaps[i].from, want[i].from);
		assert_int_equal(again.gaps[i].to, want[i].to);
		assert_int_equal(again.gaps[i].status, want[i].status);
	}
	free(text);
	mapfile_release(&again);
	mapfile_release(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parts),	   cmocka_unit_test(test_many_parts), cmocka_unit_test(test_file),
		cmocka_unit_test(test_trend),	   cmocka_unit_test(test_map),	      cmocka_unit_test(test_map_filled),
		cmocka_unit_test(test_map_marked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
