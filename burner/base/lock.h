/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lock.h - a mutex, and a lock for many readers or one writer, that know who holds them
 *
 *	lock_init -> lock_take -> … lock_assert(what needs it) … -> lock_give -> lock_release
 *
 * A function that needs a lock ends in _locked and begins with lock_assert().  That is checked in builds with
 * CDAPPENDFS_CHECKS (`make CHECKS=1`, and each SAN=…), as are the other invariants that cost time; see check.h.
 */
#ifndef BURNER_BASE_LOCK_H
#define BURNER_BASE_LOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <time.h>

#include "burner/base/check.h"

struct lock {
	pthread_mutex_t mutex;
	const void *_Atomic holder; /* a thread's mark, or NULL */
	unsigned depth;		    /* of a recursive one; its holder's */
};

enum lock_kind { LOCK_PLAIN, LOCK_RECURSIVE };

void lock_init(struct lock *l, enum lock_kind kind);
void lock_release(struct lock *l); /* nobody holds it */
void lock_take(struct lock *l);
void lock_give(struct lock *l);
/* Does the calling thread hold it? */
bool lock_is_mine(const struct lock *l);
/* A condition whose times are of CLOCK_MONOTONIC; also for a pthread_mutex_t. pthread_cond_destroy() ends it. */
void lock_condition_init(pthread_cond_t *changed);
/* pthread_cond_wait() and pthread_cond_timedwait(); of a lock that was taken once. */
void lock_wait(struct lock *l, pthread_cond_t *changed);
int lock_wait_until(struct lock *l, pthread_cond_t *changed, const struct timespec *end);

#define lock_assert(l) check(lock_is_mine(l))

/*
 *	rwlock_init -> rwlock_take_shared or rwlock_take -> … rwlock_assert(…) … -> rwlock_give -> rwlock_release
 *
 * No thread takes one twice.  Which ones a thread shares is known in builds with CDAPPENDFS_CHECKS only.
 */
struct rwlock {
	pthread_rwlock_t lock;
	const void *_Atomic holder; /* mark of the thread that has it alone, or NULL */
};

enum rwlock_kind { RWLOCK_PLAIN, RWLOCK_WRITER_FIRST /* who waits to have it alone comes before new readers */ };

void rwlock_init(struct rwlock *l, enum rwlock_kind kind);
void rwlock_release(struct rwlock *l); /* nobody holds it */
void rwlock_take_shared(struct rwlock *l);
bool rwlock_try_shared(struct rwlock *l); /* false: somebody has it alone, or waits for that */
void rwlock_take(struct rwlock *l);
void rwlock_give(struct rwlock *l);
/* Does the calling thread have it alone? */
bool rwlock_is_mine(const struct rwlock *l);
/* Alone or with others?  Without CDAPPENDFS_CHECKS always true. */
bool rwlock_is_held(const struct rwlock *l);

#define rwlock_assert(l) check(rwlock_is_mine(l))
#define rwlock_assert_held(l) check(rwlock_is_held(l))

#endif
