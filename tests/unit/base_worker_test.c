/* SPDX-License-Identifier: GPL-3.0-or-later */
/* burner/base/worker.h: work is done, in the order it came; a stop waits for what was given before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "burner/base/worker.h"

struct counter {
	struct worker worker;
	unsigned given, done, timeouts; /* under its lock */
	bool timed;
};

static void *count(void *arg)
{
	struct counter *c = arg;

	lock_take(&c->worker.lock);
	for (;;) {
		struct timespec until;

		clock_gettime(CLOCK_MONOTONIC, &until);
		while (c->given == c->done && !c->worker.stopping) {
			if (!c->timed)
				lock_wait(&c->worker.lock, &c->worker.wake);
			else if (lock_wait_until(&c->worker.lock, &c->worker.wake, &until))
				break;
		}
		if (c->given == c->done && c->worker.stopping)
			break;
		if (c->given == c->done) {
			c->timeouts++;
			c->timed = false;
			continue;
		}
		c->done++;
	}
	lock_give(&c->worker.lock);
	return NULL;
}

static void give(struct counter *c)
{
	lock_take(&c->worker.lock);
	c->given++;
	worker_wake_locked(&c->worker);
	lock_give(&c->worker.lock);
}

static void test_work(void **state)
{
	struct counter c = {.timed = true};

	(void)state;
	worker_init(&c.worker);
	assert_int_equal(worker_start(&c.worker, count, &c), 0);
	for (unsigned i = 0; i < 1000; i++)
		give(&c);
	worker_stop(&c.worker);
	assert_int_equal(c.done, 1000);
	worker_stop(&c.worker);
	worker_release(&c.worker);
}

static void test_never_started(void **state)
{
	struct counter c = {.given = 0};

	(void)state;
	worker_init(&c.worker);
	worker_stop(&c.worker);
	assert_true(c.worker.stopping);
	worker_release(&c.worker);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_work), cmocka_unit_test(test_never_started)};

	return cmocka_run_group_tests_name("base_worker", tests, NULL, NULL);
}
