/* SPDX-License-Identifier: GPL-3.0-or-later */
/* burner/base/thread.c and crew.c: threads without signals; each part of a piece of work is done once, by one. */
#include "burner/base/crew.h"
#include "burner/base/thread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define PARTS 1000u

/* Of the C library: the system may have none to give. */
static bool no_threads;
int pthread_create(pthread_t *ret, const pthread_attr_t *attributes, void *(*main)(void *), void *argument)
{
	static int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

	if (!real)
		real = (int (*)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *))dlsym(RTLD_NEXT,
												      "pthread_create");
	return no_threads ? EAGAIN : real(ret, attributes, main, argument);
}

struct work {
	atomic_uint done[PARTS];
	atomic_uint *at_work; /* of each member: how many parts it has */
	uint64_t *sums;	      /* of each member, which is nobody else's */
	unsigned n_members;
	int error; /* of part 7 */
};

static int do_part(void *context, uint32_t number, unsigned member)
{
	struct work *w = context;

	if (member >= w->n_members || atomic_fetch_add(&w->at_work[member], 1))
		abort();
	w->sums[member] += number;
	atomic_fetch_add(&w->done[number], 1);
	atomic_fetch_sub(&w->at_work[member], 1);
	return number == 7 ? w->error : 0;
}

static void work_begin(struct work *w, const struct crew *c)
{
	memset(w, 0, sizeof(*w));
	w->n_members = crew_members(c);
	w->at_work = calloc(w->n_members, sizeof(*w->at_work));
	w->sums = calloc(w->n_members, sizeof(*w->sums));
	assert_true(w->at_work && w->sums);
}

static void work_end(struct work *w)
{
	free(w->at_work);
	free(w->sums);
}

static void test_each_part_is_done_once(void **state)
{
	struct crew *c;
	struct work w;

	(void)state;
	assert_int_equal(crew_new(&c), 0);
	assert_true(crew_members(c) >= 2);
	work_begin(&w, c);
	for (unsigned round = 1; round <= 300; round++) {
		uint32_t n = round % 10 ? PARTS / round : PARTS;
		uint64_t sum = 0;

		memset(w.done, 0, sizeof(w.done));
		memset(w.sums, 0, w.n_members * sizeof(*w.sums));
		crew_begin(c, do_part, &w, n);
		assert_int_equal(crew_wait(c), 0);
		for (uint32_t i = 0; i < PARTS; i++)
			assert_int_equal(atomic_load(&w.done[i]), i < n);
		for (unsigned i = 0; i < w.n_members; i++)
			sum += w.sums[i];
		assert_int_equal(sum, (uint64_t)n * (n - 1) / 2);
	}
	work_end(&w);
	crew_free(c);
}

/* Of one part: all others are done, and the next piece of work knows nothing of it. */
static void test_an_error(void **state)
{
	struct crew *c;
	struct work w;

	(void)state;
	assert_int_equal(crew_new(&c), 0);
	work_begin(&w, c);
	w.error = -EXDEV;
	crew_begin(c, do_part, &w, PARTS);
	assert_int_equal(crew_wait(c), -EXDEV);
	for (uint32_t i = 0; i < PARTS; i++)
		assert_int_equal(atomic_load(&w.done[i]), 1);
	w.error = 0;
	crew_begin(c, do_part, &w, PARTS);
	assert_int_equal(crew_wait(c), 0);
	crew_begin(c, do_part, &w, 0);
	assert_int_equal(crew_wait(c), 0);
	work_end(&w);
	crew_free(c);
	crew_free(NULL);
}

static atomic_bool blocked;

static void *look_at_mask(void *argument)
{
	sigset_t now;

	pthread_sigmask(SIG_SETMASK, NULL, &now);
	atomic_store(&blocked, sigismember(&now, SIGTERM) && sigismember(&now, SIGINT) && sigismember(&now, SIGUSR1));
	return argument;
}

static void test_signals_are_for_others(void **state)
{
	sigset_t before, after;
	pthread_t thread;
	void *result = NULL;

	(void)state;
	pthread_sigmask(SIG_SETMASK, NULL, &before);
	assert_int_equal(thread_start(&thread, look_at_mask, &before), 0);
	assert_int_equal(pthread_join(thread, &result), 0);
	assert_ptr_equal(result, &before);
	assert_true(atomic_load(&blocked));
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	for (int i = 1; i < 32; i++)
		assert_int_equal(sigismember(&before, i), sigismember(&after, i));
}

/* Where the system has no thread to give the caller does it alone. */
static void test_without_threads(void **state)
{
	struct crew *c;
	struct work w;

	(void)state;
	no_threads = true;
	assert_int_equal(crew_new(&c), 0);
	no_threads = false;
	assert_int_equal(crew_members(c), 1);
	work_begin(&w, c);
	crew_begin(c, do_part, &w, PARTS);
	assert_int_equal(crew_wait(c), 0);
	for (uint32_t i = 0; i < PARTS; i++)
		assert_int_equal(atomic_load(&w.done[i]), 1);
	work_end(&w);
	crew_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_part_is_done_once),
		cmocka_unit_test(test_an_error),
		cmocka_unit_test(test_signals_are_for_others),
		cmocka_unit_test(test_without_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
