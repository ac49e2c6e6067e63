/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/base/lock.h"

#include <stdatomic.h>
#include <stddef.h>

/* Its address is what tells a thread from the others. */
static _Thread_local char mark;

void lock_init(struct lock *l, enum lock_kind kind)
{
	pthread_mutexattr_t attributes;

	pthread_mutexattr_init(&attributes);
	if (kind == LOCK_RECURSIVE)
		pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&l->mutex, &attributes);
	pthread_mutexattr_destroy(&attributes);
	l->holder = NULL;
	l->depth = 0;
}

void lock_release(struct lock *l)
{
	assert(!l->holder);
	pthread_mutex_destroy(&l->mutex);
}

static void held(struct lock *l)
{
	atomic_store_explicit(&l->holder, &mark, memory_order_relaxed);
	l->depth++;
}

static void not_held(struct lock *l)
{
	lock_assert(l);
	if (--l->depth == 0)
		atomic_store_explicit(&l->holder, NULL, memory_order_relaxed);
}

void lock_take(struct lock *l)
{
	pthread_mutex_lock(&l->mutex);
	held(l);
}

void lock_give(struct lock *l)
{
	not_held(l);
	pthread_mutex_unlock(&l->mutex);
}

bool lock_is_mine(const struct lock *l) { return atomic_load_explicit(&l->holder, memory_order_relaxed) == &mark; }

void lock_condition_init(pthread_cond_t *changed)
{
	pthread_condattr_t monotonic;

	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
}

void lock_wait(struct lock *l, pthread_cond_t *changed)
{
	not_held(l);
	pthread_cond_wait(changed, &l->mutex);
	held(l);
}

int lock_wait_until(struct lock *l, pthread_cond_t *changed, const struct timespec *end)
{
	int error;

	not_held(l);
	error = pthread_cond_timedwait(changed, &l->mutex, end);
	held(l);
	return -error;
}
