/* SPDX-License-Identifier: GPL-3.0-or-later */
/* base_lock_test.c - locks that know who holds them */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "burner/base/lock.h"

static struct lock lock;
static struct rwlock many;

static void *ask(void *answers)
{
	bool *is = answers;

	is[0] = lock_is_mine(&lock);
	is[1] = rwlock_is_mine(&many);
	is[2] = rwlock_is_held(&many);
	is[3] = rwlock_try_shared(&many);
	if (is[3])
		rwlock_give(&many);
	return NULL;
}

/* What another thread is told, and whether it could share `many`. */
static void ask_other(bool ret[4])
{
	pthread_t other;

	assert_int_equal(pthread_create(&other, NULL, ask, ret), 0);
	pthread_join(other, NULL);
}

static void mutex_knows_its_holder(void **state)
{
	bool other[4];

	(void)state;
	rwlock_init(&many, RWLOCK_PLAIN);
	lock_init(&lock, LOCK_RECURSIVE);
	assert_false(lock_is_mine(&lock));
	lock_take(&lock);
	lock_take(&lock);
	lock_give(&lock);
	assert_true(lock_is_mine(&lock));
	ask_other(other);
	assert_false(other[0]);
	lock_give(&lock);
	assert_false(lock_is_mine(&lock));
	lock_release(&lock);
	rwlock_release(&many);
}

static void writer_has_it_alone(void **state)
{
	bool other[4];

	(void)state;
	lock_init(&lock, LOCK_PLAIN);
	rwlock_init(&many, RWLOCK_WRITER_FIRST);
	rwlock_take(&many);
	assert_true(rwlock_is_mine(&many) && rwlock_is_held(&many));
	ask_other(other);
	assert_false(other[1] || other[3]);
	rwlock_give(&many);
	assert_false(rwlock_is_mine(&many));
	ask_other(other);
	assert_true(other[3]);
	rwlock_release(&many);
	lock_release(&lock);
}

static void readers_share_it(void **state)
{
	bool other[4];

	(void)state;
	lock_init(&lock, LOCK_PLAIN);
	rwlock_init(&many, RWLOCK_PLAIN);
	rwlock_take_shared(&many);
	assert_false(rwlock_is_mine(&many));
	assert_true(rwlock_is_held(&many));
	ask_other(other);
	assert_true(other[3]);
#ifdef CDAPPENDFS_CHECKS
	assert_false(other[2]);
#endif
	rwlock_give(&many);
#ifdef CDAPPENDFS_CHECKS
	assert_false(rwlock_is_held(&many));
#endif
	rwlock_take(&many);
	assert_true(rwlock_is_mine(&many));
	rwlock_give(&many);
	rwlock_release(&many);
	lock_release(&lock);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mutex_knows_its_holder),
		cmocka_unit_test(writer_has_it_alone),
		cmocka_unit_test(readers_share_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
