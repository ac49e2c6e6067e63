/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/base/crew.h"

#include <errno.h>
#include <stdbool.h>
#include <unistd.h>

#include "burner/base/thread.h"

#define THREADS_MAX 32

struct crew {
	pthread_t threads[THREADS_MAX];
	unsigned n_threads;
	pthread_mutex_t lock;
	pthread_cond_t work, done;
	/* Under the lock: */
	crew_job *job;
	void *context;
	uint32_t n, taken, finished;
	unsigned n_members; /* that have begun */
	int error;
	bool end;
};

/* While there are any.  The lock is held, but not during a job. */
static void do_jobs_locked(struct crew *c, unsigned member)
{
	while (c->taken < c->n) {
		uint32_t number = c->taken++;
		int r;

		pthread_mutex_unlock(&c->lock);
		r = c->job(c->context, number, member);
		pthread_mutex_lock(&c->lock);
		if (r && !c->error)
			c->error = r;
		if (++c->finished == c->n)
			pthread_cond_signal(&c->done);
	}
}

static void *crew_main(void *argument)
{
	struct crew *c = argument;

	unsigned member;

	pthread_mutex_lock(&c->lock);
	member = ++c->n_members; /* 0: the caller */
	while (!c->end) {
		do_jobs_locked(c, member);
		if (!c->end)
			pthread_cond_wait(&c->work, &c->lock);
	}
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

int crew_new(struct crew **ret)
{
	struct crew *c = calloc(1, sizeof(*c));
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	if (!c)
		return -ENOMEM;
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->work, NULL);
	pthread_cond_init(&c->done, NULL);
	while (c->n_threads < THREADS_MAX && (long)c->n_threads < processors &&
	       thread_start(&c->threads[c->n_threads], crew_main, c) == 0)
		c->n_threads++;
	*ret = c;
	return 0;
}

void crew_free(struct crew *c)
{
	if (!c)
		return;
	pthread_mutex_lock(&c->lock);
	c->end = true;
	pthread_cond_broadcast(&c->work);
	pthread_mutex_unlock(&c->lock);
	while (c->n_threads)
		pthread_join(c->threads[--c->n_threads], NULL);
	pthread_cond_destroy(&c->done);
	pthread_cond_destroy(&c->work);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

unsigned crew_members(const struct crew *c) { return c->n_threads + 1; }

void crew_begin(struct crew *c, crew_job *job, void *context, uint32_t n)
{
	pthread_mutex_lock(&c->lock);
	c->job = job;
	c->context = context;
	c->n = n;
	c->taken = c->finished = 0;
	c->error = 0;
	pthread_cond_broadcast(&c->work);
	pthread_mutex_unlock(&c->lock);
}

int crew_wait(struct crew *c)
{
	int r;

	pthread_mutex_lock(&c->lock);
	do_jobs_locked(c, 0);
	while (c->finished < c->n)
		pthread_cond_wait(&c->done, &c->lock);
	r = c->error;
	c->n = c->taken = c->finished = 0;
	pthread_mutex_unlock(&c->lock);
	return r;
}
