/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tables of numbers against plain arrays: what was put in is found, what was removed is not, nothing twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "burner/base/idmap.h"
#include "burner/base/idset.h"
#include "burner/base/numbers.h"
#include "burner/base/table.h"

#define KEYS 512u
#define STEPS 60000u

static uint32_t chance;

static uint32_t below(uint32_t n)
{
	chance = chance * 1664525u + 1013904223u;
	return (uint32_t)((uint64_t)chance * n >> 32);
}

struct slot {
	uint64_t key;
	uint32_t value;
} __attribute__((packed, aligned(4)));

static void compare(const struct table *t, const uint32_t *model)
{
	uint32_t n = 0;

	for (uint32_t key = 1; key < KEYS; key++) {
		const struct slot *slot = table_find(t, key);

		n += model[key] != 0;
		assert_int_equal(slot ? slot->value : 0, model[key]);
	}
	assert_int_equal(t->count, n);
	for (const struct slot *slot = NULL; (slot = table_next(t, slot)); n--)
		assert_int_equal(model[slot->key], slot->value);
	assert_int_equal(n, 0);
}

/* Nearly full and any capacity, so that ways from home are long, wrap, and are closed up again. */
static void a_full_table(void **state)
{
	struct table t = {0};
	uint32_t model[KEYS] = {0};

	(void)state;
	compare(&t, model);
	assert_int_equal(table_resize(&t, sizeof(struct slot), 317), 0);
	for (uint32_t step = 1; step < STEPS; step++) {
		uint32_t key = 1 + below(KEYS - 1);
		struct slot *slot = table_find(&t, key);

		if (slot && below(2)) {
			table_remove(&t, slot);
			model[key] = 0;
		} else if (slot || t.count < 315) {
			slot = table_put(&t, key);
			slot->value = model[key] = step;
		}
		if (step % 997 == 0)
			compare(&t, model);
	}
	compare(&t, model);
	assert_int_equal(table_resize(&t, sizeof(struct slot), t.count + 1), 0);
	compare(&t, model);
	table_release(&t);
	assert_null(table_find(&t, 1));
	assert_null(table_next(&t, NULL));
}

static void any_key(void **state)
{
	static const uint64_t keys[] = {0, 1, 32, UINT64_MAX / 2, UINT64_MAX - 1};
	struct idmap m = {0};
	uint64_t value = 7;
	size_t n = 0;

	(void)state;
	assert_false(idmap_get(&m, 0, &value));
	idmap_remove(&m, 0);
	assert_int_equal(idmap_reserve(&m, sizeof(keys) / sizeof(keys[0])), 0);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		idmap_put(&m, keys[i], ~keys[i]);
	idmap_put(&m, 32, 33);
	assert_false(idmap_get(&m, IDMAP_NO_KEY, &value));
	assert_int_equal(value, 7);
	for (struct idmap_at at = {0}; idmap_next(&m, &at); n++)
		assert_true(at.value == (at.key == 32 ? 33 : ~at.key));
	assert_int_equal(n, 5);
	idmap_remove(&m, 0);
	assert_false(idmap_get(&m, 0, NULL));
	assert_true(idmap_get(&m, UINT64_MAX - 1, &value) && value == 1);
	idmap_release(&m);
}

/* So many keys go in after idmap_reserve(), without another step that can fail. */
static void reserved_room(void **state)
{
	struct idmap m = {0};
	const void *slots;

	(void)state;
	assert_int_equal(idmap_reserve(&m, 1000), 0);
	slots = m.table.slots;
	for (uint64_t i = 0; i < 1000; i++)
		idmap_put(&m, i * 32, i);
	assert_ptr_equal(m.table.slots, slots);
	for (uint64_t i = 0, value; i < 1000; i++)
		assert_true(idmap_get(&m, i * 32, &value) && value == i);
	idmap_release(&m);
	assert_true(idmap_reserve(&m, SIZE_MAX / 2) < 0);
	assert_true(idmap_reserve(&m, UINT32_MAX) < 0);
}

static void a_set(void **state)
{
	static bool model[4096];
	struct idset s = {0};
	size_t n = 0;

	(void)state;
	for (uint32_t step = 0; step < STEPS; step++) {
		uint32_t number = below(4096);

		if (below(3)) {
			assert_int_equal(idset_reserve(&s, 1), 0);
			idset_add(&s, number);
			model[number] = true;
		} else {
			idset_remove(&s, number);
			model[number] = false;
		}
	}
	for (uint32_t i = 0; i < 4096; i++) {
		assert_int_equal(idset_has(&s, i), model[i]);
		n += model[i];
	}
	assert_int_equal(s.count, n);
	for (struct idset_at at = {0}; idset_next(&s, &at); n--) {
		assert_true(model[at.number]);
		model[at.number] = false;
	}
	assert_int_equal(n, 0);
	idset_release(&s);
}

static void numbers_several_times(void **state)
{
	struct numbers m = {0};

	(void)state;
	assert_int_equal(numbers_first(&m, 3), NUMBERS_NONE);
	for (uint32_t i = 0; i < 5000; i++)
		assert_int_equal(numbers_add(&m, i % 700 * 64, i), 0);
	for (uint32_t key = 0; key < 700; key++) {
		bool found[8] = {0};
		size_t cursor = 0, n = 0;

		for (uint32_t value; (value = numbers_next(&m, key * 64, &cursor)) != NUMBERS_NONE; n++) {
			assert_int_equal(value % 700, key);
			assert_false(found[value / 700]);
			found[value / 700] = true;
		}
		assert_int_equal(n, key < 100 ? 8 : 7);
	}
	assert_int_equal(numbers_first(&m, 1), NUMBERS_NONE);
	numbers_release(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_table),		 cmocka_unit_test(any_key),
		cmocka_unit_test(reserved_room),	 cmocka_unit_test(a_set),
		cmocka_unit_test(numbers_several_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
