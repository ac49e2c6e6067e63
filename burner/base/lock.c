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

/* ---- many readers, or one writer ---- */

#ifdef CDAPPENDFS_CHECKS
#define SHARED_MAX 8u
static _Thread_local const struct rwlock *shared[SHARED_MAX];

static unsigned shared_find(const struct rwlock *l)
{
	unsigned i = 0;

	while (i < SHARED_MAX && shared[i] != l)
		i++;
	return i;
}

static void shared_note(const struct rwlock *l)
{
	unsigned i = shared_find(NULL);

	assert(i < SHARED_MAX && shared_find(l) == SHARED_MAX);
	shared[i] = l;
}

static void shared_forget(const struct rwlock *l)
{
	unsigned i = shared_find(l);

	assert(i < SHARED_MAX);
	shared[i] = NULL;
}

bool rwlock_is_held(const struct rwlock *l) { return rwlock_is_mine(l) || shared_find(l) < SHARED_MAX; }
#else
static void shared_note(const struct rwlock *l) { (void)l; }
static void shared_forget(const struct rwlock *l) { (void)l; }
bool rwlock_is_held(const struct rwlock *l)
{
	(void)l;
	return true;
}
#endif

void rwlock_init(struct rwlock *l, enum rwlock_kind kind)
{
	pthread_rwlockattr_t attributes;

	pthread_rwlockattr_init(&attributes);
	if (kind == RWLOCK_WRITER_FIRST)
		pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&l->lock, &attributes);
	pthread_rwlockattr_destroy(&attributes);
	l->holder = NULL;
}

void rwlock_release(struct rwlock *l)
{
	assert(!l->holder);
	pthread_rwlock_destroy(&l->lock);
}

void rwlock_take_shared(struct rwlock *l)
{
	pthread_rwlock_rdlock(&l->lock);
	shared_note(l);
}

bool rwlock_try_shared(struct rwlock *l)
{
	if (pthread_rwlock_tryrdlock(&l->lock))
		return false;
	shared_note(l);
	return true;
}

void rwlock_take(struct rwlock *l)
{
	pthread_rwlock_wrlock(&l->lock);
	atomic_store_explicit(&l->holder, &mark, memory_order_relaxed);
}

void rwlock_give(struct rwlock *l)
{
	if (rwlock_is_mine(l))
		atomic_store_explicit(&l->holder, NULL, memory_order_relaxed);
	else
		shared_forget(l);
	pthread_rwlock_unlock(&l->lock);
}

bool rwlock_is_mine(const struct rwlock *l) { return atomic_load_explicit(&l->holder, memory_order_relaxed) == &mark; }
