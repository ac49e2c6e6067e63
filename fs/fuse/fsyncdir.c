/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fsyncdir.c - `sync MOUNTPOINT`: an FSYNCDIR that waits for a commit
 *
 * The request is kept and answered by the commit's thread.  Two sides hold a sync_wait: the commit (until its done is
 * called or it has forgotten the request), and the list of those not answered yet.  Whoever takes `req` out of it
 * under the lock answers. An interrupt function must not answer itself (park.c says why): the park's thread does.
 *
 * While such a request waits, the kernel holds the root directory's inode lock.  A discard tells the kernel to drop
 * entries, which takes that lock: so it first answers all that wait, and lets no new one wait until it is through.
 *
 * Lock order: libfuse's lock of a request -> sync_lock; -> the commit's own, and the park's.  Neither is held when
 * libfuse is called.
 */
#include <stdlib.h>
#include <string.h>

#include "burner/base/log.h"
#include "fs/fuse/internal.h"

struct sync_wait {
	struct server *server;
	fuse_req_t req; /* NULL: answered */
	unsigned holders;
	struct sync_wait *next, **place; /* in the list while req is there */
};

static fuse_req_t take_req_locked(struct sync_wait *w)
{
	fuse_req_t req = w->req;

	lock_assert(&w->server->sync_lock);
	w->req = NULL;
	if (req && w->place) {
		*w->place = w->next;
		if (w->next)
			w->next->place = w->place;
	}
	return req;
}

static void drop(struct sync_wait *w)
{
	struct server *s = w->server;

	lock_take(&s->sync_lock);
	bool last = --w->holders == 0;
	lock_give(&s->sync_lock);
	if (last)
		free(w);
}

/* The request, for the caller to answer, or NULL; an interrupt function that runs has ended when this returns. */
static fuse_req_t take_req(struct sync_wait *w)
{
	lock_take(&w->server->sync_lock);
	fuse_req_t req = take_req_locked(w);
	lock_give(&w->server->sync_lock);
	if (req)
		fuse_req_interrupt_func(req, NULL, NULL);
	return req;
}

static void committed(void *arg, const struct commit_result *result)
{
	struct sync_wait *w = arg;
	fuse_req_t req = take_req(w);

	if (result->error && req && result->error != -ECANCELED)
		log_error("sync: %s", result->message[0] ? result->message : strerror(-result->error));
	if (req)
		fuse_reply_err(req, -result->error);
	drop(w);
}

static void interrupted(fuse_req_t req, void *data)
{
	struct sync_wait *w = data;
	struct server *s = w->server;

	lock_take(&s->sync_lock);
	bool mine = take_req_locked(w) != NULL;
	if (mine)
		w->holders++;
	lock_give(&s->sync_lock);
	if (!mine)
		return;
	if (commit_forget(s->commit, w))
		drop(w);
	drop(w);
	park_reply(s->park, req, EINTR);
}

/* -ECANCELED while a discard is under way. */
static int enlist(struct sync_wait *w)
{
	struct server *s = w->server;
	int r = 0;

	lock_take(&s->sync_lock);
	if (s->discarding) {
		r = -ECANCELED;
	} else if (w->req) {
		w->next = s->syncs;
		w->place = &s->syncs;
		if (w->next)
			w->next->place = &w->next;
		s->syncs = w;
	} else {
		r = -EINTR; /* interrupted already: nothing is to be burned */
	}
	lock_give(&s->sync_lock);
	return r;
}

void sync_request(struct server *s, fuse_req_t req)
{
	struct sync_wait *w = calloc(1, sizeof(*w));
	int r;

	if (!w) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	*w = (struct sync_wait){.server = s, .holders = 1, .req = req};
	/* First of all: from the moment it is listed, another thread may answer it. */
	fuse_req_interrupt_func(req, interrupted, w);
	r = enlist(w);
	if (!r)
		r = commit_request(s->commit, NULL, committed, w);
	if (r < 0)
		committed(w, &(struct commit_result){.error = r});
}

void sync_reply_all(struct server *s, int error)
{
	for (;;) {
		lock_take(&s->sync_lock);
		struct sync_wait *w = s->syncs;
		fuse_req_t req = w ? take_req_locked(w) : NULL;
		if (w)
			w->holders++;
		lock_give(&s->sync_lock);
		if (!w)
			return;
		fuse_req_interrupt_func(req, NULL, NULL);
		fuse_reply_err(req, error);
		if (commit_forget(s->commit, w))
			drop(w);
		drop(w);
	}
}

void sync_set_discarding(struct server *s)
{
	lock_take(&s->sync_lock);
	s->discarding = true;
	lock_give(&s->sync_lock);
	sync_reply_all(s, ECANCELED);
}

void sync_end_discarding(struct server *s)
{
	lock_take(&s->sync_lock);
	s->discarding = false;
	lock_give(&s->sync_lock);
}
