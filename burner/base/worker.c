/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/base/worker.h"

#include <assert.h>

#include "burner/base/thread.h"

void worker_init(struct worker *w)
{

	lock_init(&w->lock, LOCK_PLAIN);
	lock_condition_init(&w->wake);
	w->stopping = w->started = false;
}

int worker_start(struct worker *w, void *(*main)(void *), void *arg)
{
	int r;

	assert(!w->started);
	r = thread_start(&w->thread, main, arg);
	w->started = r == 0;
	return r;
}

void worker_wake_locked(struct worker *w)
{
	lock_assert(&w->lock);
	pthread_cond_signal(&w->wake);
}

void worker_stop(struct worker *w)
{
	lock_take(&w->lock);
	w->stopping = true;
	worker_wake_locked(w);
	lock_give(&w->lock);
	if (w->started)
		pthread_join(w->thread, NULL);
	w->started = false;
}

void worker_release(struct worker *w)
{
	assert(!w->started);
	pthread_cond_destroy(&w->wake);
	lock_release(&w->lock);
}
