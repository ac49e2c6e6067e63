/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * park.c - requests that wait without a thread
 *
 * A parked request is owned by the list, or by the park's thread while it is run again; so it is answered once, by
 * that thread. libfuse calls an interrupt function with the request's own lock held, and an answer would free that
 * lock: the function only wakes the thread, which finds fuse_req_interrupted().  Taking the function back
 * (fuse_req_interrupt_func with NULL) waits for one that runs, so none can see one that was freed.
 */
#include "fs/fuse/park.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "burner/base/own.h"
#include "burner/base/worker.h"

struct parked {
	struct parked *next;
	struct park *park;
	fuse_req_t req;
	int error;		/* answer with this instead of running it again */
	struct request request; /* what it points to is owned */
	struct stat attr;
};

struct park {
	struct server *server;
	struct worker worker; /* its lock guards what follows */
	struct parked *first, **end;
	bool urgent; /* somebody was interrupted */
};

static void parked_free(struct parked *p)
{
	free((void *)(uintptr_t)p->request.name);
	free((void *)(uintptr_t)p->request.other_name);
	free((void *)(uintptr_t)p->request.data);
	free(p);
}
DEFINE_FREEP(struct parked, parked_free)

static int parked_new(struct park *park, fuse_req_t req, const struct request *request, struct parked **ret)
{
	_cleanup_(parked_freep) struct parked *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->park = park;
	p->req = req;
	p->request = *request;
	p->request.name = request->name ? strdup(request->name) : NULL;
	p->request.other_name = request->other_name ? strdup(request->other_name) : NULL;
	p->request.data = request->data ? malloc(request->size ? request->size : 1) : NULL;
	if ((request->name && !p->request.name) || (request->other_name && !p->request.other_name) ||
	    (request->data && !p->request.data))
		return -ENOMEM;
	if (request->data)
		memcpy((void *)(uintptr_t)p->request.data, request->data, request->size);
	if (request->attr) {
		p->attr = *request->attr;
		p->request.attr = &p->attr;
	}
	*ret = TAKE_PTR(p);
	return 0;
}

static void wake_locked(struct park *p)
{
	p->urgent = true;
	worker_wake_locked(&p->worker);
}

static void interrupted(fuse_req_t req, void *data)
{
	struct parked *parked = data;

	(void)req;
	lock_take(&parked->park->worker.lock);
	wake_locked(parked->park);
	lock_give(&parked->park->worker.lock);
}

/* False when the park has closed: the caller keeps it. */
static bool append(struct park *p, struct parked *parked)
{
	bool open;

	lock_take(&p->worker.lock);
	open = !p->worker.stopping;
	if (open) {
		if (!p->first)
			worker_wake_locked(&p->worker); /* the retries begin */
		parked->next = NULL;
		*p->end = parked;
		p->end = &parked->next;
		if (parked->error)
			wake_locked(p);
	}
	lock_give(&p->worker.lock);
	return open;
}

void park_run(struct park *p, fuse_req_t req, const struct request *request)
{
	struct parked *parked = NULL;

	if (request->run(p->server, req, request) != -EAGAIN)
		return;
	if (parked_new(p, req, request, &parked) < 0) {
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
	else if (p->request.run(p->park->server, p->req, &p->request) == -EAGAIN)
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

	while (!p->first && !p->urgent && !p->worker.stopping)
		lock_wait(&p->worker.lock, &p->worker.wake);
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += PARK_RETRY_MS * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000L;
	until.tv_nsec %= 1000000000L;
	while (!p->urgent && !p->worker.stopping && lock_wait_until(&p->worker.lock, &p->worker.wake, &until) == 0)
		;
}

static void *resume(void *arg)
{
	struct park *p = arg;
	bool stopping;

	lock_take(&p->worker.lock);
	do {
		if (!p->worker.stopping && !p->urgent)
			wait_locked(p);
		p->urgent = false;
		stopping = p->worker.stopping;
		struct parked *list = p->first;
		p->first = NULL;
		p->end = &p->first;
		lock_give(&p->worker.lock);
		run_list(p, list, stopping);
		lock_take(&p->worker.lock);
	} while (!stopping);
	lock_give(&p->worker.lock);
	return NULL;
}

int park_new(struct server *s, struct park **ret)
{
	struct park *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->server = s;
	p->end = &p->first;
	worker_init(&p->worker);
	*ret = p;
	return 0;
}

int park_start(struct park *p) { return worker_start(&p->worker, resume, p); }

void park_stop(struct park *p) { worker_stop(&p->worker); }

void park_free(struct park *p)
{
	if (!p)
		return;
	park_stop(p);
	worker_release(&p->worker);
	free(p);
}
