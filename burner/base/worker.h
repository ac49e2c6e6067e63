/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * worker.h - one thread that waits for work, and its end
 *
 *	worker_init -> worker_start(main) -> [lock_take, give it work, worker_wake_locked, lock_give] … -> worker_stop
 *	-> worker_release
 *
 * The lock guards the work as well, which is its owner's: a list, flags.  main waits for work or `stopping` by
 * lock_wait(&w->lock, &w->wake) or lock_wait_until(), whose clock is CLOCK_MONOTONIC, and returns some time after
 * `stopping` is set.  It holds no lock of anybody else while it waits.
 *
 * Threads: start, stop and release from one; the rest from any.
 */
#ifndef BURNER_BASE_WORKER_H
#define BURNER_BASE_WORKER_H

#include "burner/base/lock.h"

struct worker {
	struct lock lock;
	pthread_cond_t wake;
	bool stopping; /* no more work is taken; under the lock */
	bool started;
	pthread_t thread;
};

void worker_init(struct worker *w);
/* As thread_start() does: not before the daemon forked, without signals.  -EAGAIN. */
int worker_start(struct worker *w, void *(*main)(void *), void *arg);
void worker_wake_locked(struct worker *w);
/* Sets `stopping` and waits for the thread, if there is one.  May be called again. */
void worker_stop(struct worker *w);
void worker_release(struct worker *w); /* stopped, or never started */

#endif
