/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Readers that wait for a drive come in the order of their addresses, one at a time, and all of them come.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "burner/medium/elevator.h"

#define MANY 40u

struct reader {
	pthread_t thread;
	uint32_t lba;
};
static struct elevator elevator;
static uint32_t order[MANY]; /* of who has the turn */
static unsigned n_order;

static void *read_once(void *argument)
{
	const struct reader *r = argument;

	elevator_take(&elevator, r->lba);
	order[n_order++] = r->lba;
	elevator_give(&elevator, r->lba + 1);
	return NULL;
}

static void start(struct reader *r, uint32_t lba)
{
	unsigned waiting = elevator_waiting(&elevator);

	r->lba = lba;
	assert_int_equal(pthread_create(&r->thread, NULL, read_once, r), 0);
	while (elevator_waiting(&elevator) == waiting)
		sched_yield();
}

static int set_up(void **state)
{
	(void)state;
	elevator_init(&elevator);
	n_order = 0;
	elevator_take(&elevator, 0);
	return 0;
}
static int tear_down(void **state)
{
	(void)state;
	elevator_release(&elevator);
	return 0;
}

static void test_upwards_then_from_below(void **state)
{
	static const uint32_t come[] = {500, 100, 300, 700, 200}, want[] = {300, 500, 700, 100, 200};
	struct reader readers[5];

	(void)state;
	for (unsigned i = 0; i < 5; i++)
		start(&readers[i], come[i]);
	elevator_give(&elevator, 250);
	for (unsigned i = 0; i < 5; i++)
		pthread_join(readers[i].thread, NULL);
	assert_int_equal(n_order, 5);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(order[i], want[i]);
	elevator_take(&elevator, 1); /* free again */
	elevator_give(&elevator, 1);
}

/* One below all others, which come in one after the other. */
static void test_nobody_is_passed_for_ever(void **state)
{
	struct reader readers[MANY];
	unsigned at = 0;

	(void)state;
	start(&readers[0], 10);
	for (unsigned i = 1; i < MANY; i++)
		start(&readers[i], 1000 + i);
	elevator_give(&elevator, 1000);
	for (unsigned i = 0; i < MANY; i++)
		pthread_join(readers[i].thread, NULL);
	assert_int_equal(n_order, MANY);
	while (order[at] != 10)
		at++;
	assert_in_range(at, 1, 20);
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test_setup_teardown(test_upwards_then_from_below, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_nobody_is_passed_for_ever, set_up, tear_down),
	};

	return cmocka_run_group_tests(all, NULL, NULL);
}
