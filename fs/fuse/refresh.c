/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * refresh.c - writes that pass by the page cache, of files that others read
 *
 * A file that is new, and open for writing only, is written past the page cache (files.c): its bytes are copied once
 * less and are not kept twice. Kernels do not agree on what then becomes of cached pages: before 6.6 they stay; later
 * they go before the write, so that somebody who reads at that moment puts the old bytes back.  When somebody else
 * has opened the file, its pages are dropped here before each write, so that what was changed in them by a mapping is
 * written back and not over it later, and again after it, before its answer.  That may wait for requests of others,
 * so it has a thread of its own.
 */
#include <stdlib.h>
#include <string.h>

#include "fs/fuse/internal.h"

struct written {
	struct written *next;
	fuse_req_t req;
	uint64_t ino;
	off_t offset;
	size_t length;
	struct request call; /* run != NULL: still to be done, with the data behind */
	uint8_t data[];
};

struct refresh {
	struct server *server;
	pthread_t thread;
	bool started;	      /* main thread */
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t wake;
	struct written *first, **end;
	bool stopping;
};

static void reply_written(struct refresh *r, struct written *w)
{
	notify_stale(r->server, w->ino, w->offset, w->length);
	if (w->call.run)
		request_submit(w->req, &w->call);
	else
		fuse_reply_write(w->req, w->length);
	free(w);
}

static void *reply_all(void *arg)
{
	struct refresh *r = arg;

	pthread_mutex_lock(&r->lock);
	for (;;) {
		while (!r->first && !r->stopping)
			pthread_cond_wait(&r->wake, &r->lock);
		struct written *list = r->first;
		if (!list)
			break;
		r->first = NULL;
		r->end = &r->first;
		pthread_mutex_unlock(&r->lock);
		for (struct written *next; list; list = next) {
			next = list->next;
			reply_written(r, list);
		}
		pthread_mutex_lock(&r->lock);
	}
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

/* False: the mount is gone, and its pages with it. */
static bool append(struct refresh *r, struct written *w)
{
	pthread_mutex_lock(&r->lock);
	bool open = !r->stopping;
	if (open) {
		*r->end = w;
		r->end = &w->next;
		pthread_cond_signal(&r->wake);
	}
	pthread_mutex_unlock(&r->lock);
	return open;
}

int refresh_before(struct refresh *r, fuse_req_t req, const struct request *c)
{
	struct written *w = malloc(sizeof(*w) + c->size);

	if (!w)
		return reply(req, -ENOMEM);
	*w = (struct written){.req = req, .ino = c->ino, .offset = c->offset, .length = c->size, .call = *c};
	memcpy(w->data, c->data, c->size);
	w->call.data = w->data;
	w->call.refreshed = true;
	if (!append(r, w)) {
		request_submit(req, &w->call);
		free(w);
	}
	return 0;
}

void refresh_written(struct refresh *r, fuse_req_t req, uint64_t ino, off_t offset, size_t length)
{
	struct written *w = malloc(sizeof(*w));

	if (!w) {
		fuse_reply_err(req, ENOMEM); /* written, but others may still see what was there */
		return;
	}
	*w = (struct written){.req = req, .ino = ino, .offset = offset, .length = length};
	if (append(r, w))
		return;
	fuse_reply_write(req, length);
	free(w);
}

int refresh_new(struct server *s, struct refresh **ret)
{
	struct refresh *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->server = s;
	r->end = &r->first;
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->wake, NULL);
	*ret = r;
	return 0;
}

int refresh_start(struct refresh *r)
{
	int e = pthread_create(&r->thread, NULL, reply_all, r);

	r->started = e == 0;
	return -e;
}

void refresh_stop(struct refresh *r)
{
	if (!r->started)
		return;
	pthread_mutex_lock(&r->lock);
	r->stopping = true;
	pthread_cond_signal(&r->wake);
	pthread_mutex_unlock(&r->lock);
	pthread_join(r->thread, NULL);
	r->started = false;
}

void refresh_free(struct refresh *r)
{
	if (!r)
		return;
	refresh_stop(r);
	pthread_cond_destroy(&r->wake);
	pthread_mutex_destroy(&r->lock);
	free(r);
}
