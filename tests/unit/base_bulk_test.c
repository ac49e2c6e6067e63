/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Arrays that may lie in files: content over growth, moves and letting go; what happens without room; sorting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "burner/base/arena.h"

#define MIB (1u << 20)

/* Pages of the array that are in this process's memory now. */
static size_t resident_bytes(void *array)
{
	char line[256];
	unsigned long long from, to, kib;
	size_t found = 0;
	bool here = false;
	FILE *f = fopen("/proc/self/smaps", "r");

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%llx-%llx ", &from, &to) == 2)
			here = (uintptr_t)array >= from && (uintptr_t)array < to;
		else if (here && sscanf(line, "Rss: %llu", &kib) == 1)
			found = (size_t)kib << 10;
	}
	fclose(f);
	return found;
}

static void fill(uint32_t *list, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		list[i] = (uint32_t)(i * 2654435761u);
}

static void check(const uint32_t *list, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if (list[i] != (uint32_t)(i * 2654435761u))
			fail_msg("item %zu", i);
}

/* Through every kind of move: in memory, into a file, larger, smaller, back into memory. */
static void grows_and_shrinks(void **state)
{
	static const size_t lengths[] = {10, 1000, MIB / 4 - 1, MIB / 4, MIB, 20 * MIB / 4, 3 * MIB, MIB / 2, 100, MIB};
	struct bulk bulk = {.directory = "/tmp"};
	uint32_t *list = NULL;
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		uint32_t *moved = bulk_resize(&bulk, list, lengths[i], sizeof(*list));

		assert_non_null(moved);
		list = moved;
		check(list, 0, n < lengths[i] ? n : lengths[i]);
		fill(list, n, lengths[i]);
		n = lengths[i];
		assert_int_equal(bulk_block_of(list)->mapped != 0, n * sizeof(*list) >= BULK_BYTES_MIN);
	}
	bulk_free(list);
	assert_null(bulk.blocks);
	assert_int_equal(bulk.mapped, 0);
	assert_null(bulk_resize(&bulk, NULL, SIZE_MAX / 2, 4));
}

static void lets_go(void **state)
{
	struct bulk other = {.directory = "/tmp"}, bulk = {.directory = "/tmp", .with = &other};
	size_t n = 32 * MIB / sizeof(uint32_t);
	uint32_t *a = bulk_zalloc(&bulk, n, sizeof(*a)), *b = bulk_zalloc(&other, n, sizeof(*b)),
		 *small = bulk_zalloc(&bulk, MIB, 4);

	(void)state;
	assert_true(a && b && small);
	assert_int_equal(a[n - 1], 0);
	for (size_t i = 0; i < n; i++) {
		fill(a, i, i + 1);
		fill(b, i, i + 1);
		bulk_pace(&bulk, 1);
	}
	/* Of 64 MiB what is gone through between two times. */
	assert_true(resident_bytes(a) < 4 * MIB);
	assert_true(resident_bytes(b) < 4 * MIB);
	check(a, 0, n);
	assert_true(resident_bytes(a) > 30 * MIB);
	bulk_drop_mapping(&bulk);
	assert_true(resident_bytes(a) < 4 * MIB);
	bulk_free(small);
	check(a, 0, n);
	check(b, 0, n);
	bulk_free(b);
	bulk_free(a);
	assert_null(bulk.blocks);
	assert_null(other.blocks);
}

/* Without a directory, without room for others, without a limit's worth: memory, and nothing is lost. */
static void without_room(void **state)
{
	struct bulk nowhere = {.directory = "/nonexistent"}, full = {.directory = "/tmp", .keep_bytes = UINT64_MAX / 2},
		    bulk = {.directory = "/tmp"};
	uint32_t *list;

	(void)state;
	list = bulk_zalloc(NULL, MIB, sizeof(*list));
	assert_true(list && !bulk_block_of(list)->mapped && !list[MIB - 1]);
	list = bulk_resize(NULL, list, 2 * MIB, sizeof(*list));
	assert_true(list && !bulk_block_of(list)->mapped);
	bulk_free(list);
	list = bulk_zalloc(&nowhere, MIB, sizeof(*list));
	assert_true(list && !bulk_block_of(list)->mapped);
	bulk_free(list);
	list = bulk_zalloc(&full, MIB, sizeof(*list));
	assert_true(list && !bulk_block_of(list)->mapped);
	bulk_free(list);
	/* There was room for the first half. */
	list = bulk_zalloc(&bulk, MIB, sizeof(*list));
	assert_true(list && bulk_block_of(list)->mapped);
	fill(list, 0, MIB);
	bulk.keep_bytes = UINT64_MAX / 2;
	list = bulk_resize(&bulk, list, 4 * MIB, sizeof(*list));
	assert_true(list && !bulk_block_of(list)->mapped);
	check(list, 0, MIB);
	assert_null(bulk.blocks);
	bulk_free(list);
	bulk_free(NULL);
}

struct item {
	uint32_t key, number;
};

static int by_key(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	return x->key < y->key ? -1 : x->key > y->key;
}

/* Ascending, nothing lost, and equal ones in the order in which they came. */
static void sorts(void **state)
{
	static const size_t lengths[] = {
		0,     1, 2, 1000, BULK_SORT_BYTES / sizeof(struct item), BULK_SORT_BYTES / sizeof(struct item) + 1,
		700001};
	struct bulk bulk = {.directory = "/tmp"};

	(void)state;
	for (size_t l = 0; l < sizeof(lengths) / sizeof(*lengths); l++) {
		size_t n = lengths[l];
		struct item *list = bulk_zalloc(&bulk, n, sizeof(*list));
		uint64_t sum = 0;

		assert_non_null(list);
		for (size_t i = 0; i < n; i++)
			list[i] = (struct item){(uint32_t)(i * 2654435761u) % 50000, (uint32_t)i};
		bulk_sort(&bulk, list, n, sizeof(*list), by_key);
		for (size_t i = 0; i < n; i++) {
			sum += list[i].number;
			assert_int_equal(list[i].key, (uint32_t)(list[i].number * 2654435761ull) % 50000);
			assert_true(!i || list[i - 1].key < list[i].key ||
				    (list[i - 1].key == list[i].key && list[i - 1].number < list[i].number));
		}
		assert_int_equal(sum, n ? (uint64_t)n * (n - 1) / 2 : 0);
		bulk_free(list);
	}
	assert_null(bulk.blocks);
}

static void arenas(void **state)
{
	enum { N = 200000 };
	struct bulk bulk = {.directory = "/tmp"};
	struct arena a = {.bulk = &bulk};
	char **texts = calloc(N, sizeof(*texts)), text[32];

	(void)state;
	for (unsigned i = 0; i < N; i++) {
		snprintf(text, sizeof(text), "a text of number %u", i);
		texts[i] = arena_string(&a, text, strlen(text));
		assert_non_null(texts[i]);
		if (i % 1000 == 0)
			assert_int_equal((uintptr_t)arena_take(&a, 24, 8) % 8, 0);
	}
	assert_non_null(bulk.blocks);
	for (unsigned i = 0; i < N; i++) {
		snprintf(text, sizeof(text), "a text of number %u", i);
		assert_string_equal(texts[i], text);
	}
	assert_non_null(arena_take(&a, 70 * MIB, 16));
	arena_release(&a);
	assert_null(bulk.blocks);
	free(texts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows_and_shrinks),
		cmocka_unit_test(lets_go),
		cmocka_unit_test(without_room),
		cmocka_unit_test(sorts),
		cmocka_unit_test(arenas),
	};

	return cmocka_run_group_tests_name("bulk", tests, NULL, NULL);
}
