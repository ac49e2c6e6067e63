/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * park.c - requests that wait without a thread
 *
 * A parked request is owned by the list, or by the park's thread while it is run again; so it is answered once, by
 * that thread. libfuse calls an interrupt function with the request's own lock held, and an answer would free that
 * lock: the function only wakes the thread, which finds fuse_req_interrupted().  Taking the function back
 * (fuse_req_interrupt_func with NULL) waits for one that runs, so none can see a call that was freed.
 */
#include "fs/fuse/park.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "burner/base/own.h"

struct parked {
	struct parked *next;
	struct park *park;
	fuse_req_t req;
	int error;	     /* answer with this instead of running the call again */
	struct request call; /* what it points to is owned */
	struct stat attr;
};

struct park {
	struct server *server;
	pthread_t thread;
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t wake;
	struct parked *first, **end;
	bool started, stopping, urgent; /* urgent: somebody was interrupted */
};

static void parked_free(struct parked *p)
{
	free((void *)(uintptr_t)p->call.name);
	free((void *)(uintptr_t)p->call.other_name);
	free((void *)(uintptr_t)p->call.data);
	free(p);
}
DEFINE_FREEP(struct parked, parked_free)

static int parked_new(struct park *park, fuse_req_t req, const struct request *c, struct parked **ret)
{
	_cleanup_(parked_freep) struct parked *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->park = park;
	p->req = req;
	p->call = *c;
	p->call.name = c->name ? strdup(c->name) : NULL;
	p->call.other_name = c->other_name ? strdup(c->other_name) : NULL;
	p->call.data = c->data ? malloc(c->size ? c->size : 1) : NULL;
	if ((c->name && !p->call.name) || (c->other_name && !p->call.other_name) || (c->data && !p->call.data))
		return -ENOMEM;
	if (c->data)
		memcpy((void *)(uintptr_t)p->call.data, c->data, c->size);
	if (c->attr) {
		p->attr = *c->attr;
		p->call.attr = &p->attr;
	}
	*ret = TAKE_PTR(p);
	return 0;
}

static void wake_locked(struct park *p)
{
	p->urgent = true;
	pthread_cond_signal(&p->wake);
}

static void interrupted(fuse_req_t req, void *data)
{
	struct parked *parked = data;

	(void)req;
	pthread_mutex_lock(&parked->park->lock);
	wake_locked(parked->park);
	pthread_mutex_unlock(&parked->park->lock);
}

/* False when the park has closed: the caller keeps it. */
static bool append(struct park *p, struct parked *parked)
{
	bool open;

	pthread_mutex_lock(&p->lock);
	open = !p->stopping;
	if (open) {
		if (!p->first)
			pthread_cond_signal(&p->wake); /* the retries begin */
		parked->next = NULL;
		*p->end = parked;
		p->end = &parked->next;
		if (parked->error)
			wake_locked(p);
	}
	pthread_mutex_unlock(&p->lock);
	return open;
}

void request_run(struct park *p, fuse_req_t req, const struct request *c)
{
	struct parked *parked = NULL;

	if (c->run(p->server, req, c) != -EAGAIN)
		return;
	if (parked_new(p, req, c, &parked) < 0) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	/* Before the thread may have it, for it may answer at once. */
	fuse_req_interrupt_func(req, interrupted, parked);
	if (append(p, parked))
		return;
	fuse_req_interrupt_func(req, NULL, NULL);
	fuse_reply_err(req, EINTR);
	parked_free(parked);
}

void park_reply(struct park *p, fuse_req_t req, int error)
{
	struct parked *parked = calloc(1, sizeof(*parked));

	if (!parked)
		/* the caller of an interrupted request was killed or is waiting on: libfuse drops it at the end */
		return;
	parked->park = p;
	parked->req = req;
	parked->error = error;
	if (!append(p, parked))
		parked_free(parked);
}

/* True when it was answered. */
static bool run_again(struct parked *p, bool stopping)
{
	fuse_req_interrupt_func(p->req, NULL, NULL);
	if (p->error)
		fuse_reply_err(p->req, p->error);
	else if (stopping || fuse_req_interrupted(p->req))
		fuse_reply_err(p->req, EINTR);
	else if (p->call.run(p->park->server, p->req, &p->call) == -EAGAIN)
		return false;
	return true;
}

static void run_list(struct park *p, struct parked *list, bool stopping)
{
	while (list) {
		struct parked *parked = list;
		list = parked->next;
		if (run_again(parked, stopping)) {
			parked_free(parked);
			continue;
		}
		fuse_req_interrupt_func(parked->req, interrupted, parked);
		if (!append(p, parked)) {
			run_again(parked, true);
			parked_free(parked);
		}
	}
}

static void wait_locked(struct park *p)
{
	struct timespec until;

	while (!p->first && !p->urgent)
		pthread_cond_wait(&p->wake, &p->lock);
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += PARK_RETRY_MS * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000L;
	until.tv_nsec %= 1000000000L;
	while (!p->urgent && pthread_cond_timedwait(&p->wake, &p->lock, &until) == 0)
		;
}

static void *resume(void *arg)
{
	struct park *p = arg;
	bool stopping;

	pthread_mutex_lock(&p->lock);
	do {
		if (!p->stopping && !p->urgent)
			wait_locked(p);
		p->urgent = false;
		stopping = p->stopping;
		struct parked *list = p->first;
		p->first = NULL;
		p->end = &p->first;
		pthread_mutex_unlock(&p->lock);
		run_list(p, list, stopping);
		pthread_mutex_lock(&p->lock);
	} while (!stopping);
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

int park_new(struct server *s, struct park **ret)
{
	struct park *p = calloc(1, sizeof(*p));
	pthread_condattr_t monotonic;

	if (!p)
		return -ENOMEM;
	p->server = s;
	p->end = &p->first;
	pthread_mutex_init(&p->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&p->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	*ret = p;
	return 0;
}

int park_start(struct park *p)
{
	int r = pthread_create(&p->thread, NULL, resume, p);

	p->started = r == 0;
	return -r;
}

void park_stop(struct park *p)
{
	if (!p->started)
		return;
	pthread_mutex_lock(&p->lock);
	p->stopping = true;
	wake_locked(p);
	pthread_mutex_unlock(&p->lock);
	pthread_join(p->thread, NULL);
	p->started = false;
}

void park_free(struct park *p)
{
	if (!p)
		return;
	park_stop(p);
	pthread_cond_destroy(&p->wake);
	pthread_mutex_destroy(&p->lock);
	free(p);
}
