/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * refresh.c - what the kernel has cached and must not show any more: after writes that pass by the page cache, and
 * after those of the cache that failed
 *
 * A file that is new, and open for writing only, is written past the page cache (files.c): its bytes are copied once
 * less and are not kept twice. Kernels do not agree on what then becomes of cached pages: before 6.6 they stay; later
 * they go before the write, so that somebody who reads at that moment puts the old bytes back.  When somebody else
 * has opened the file, its pages are dropped here before each write, so that what was changed in them by a mapping is
 * written back and not over it later, and again after it, before its answer.  That may wait for requests of others,
 * so it has a thread of its own.
 *
 * What was changed by a mapping and cannot be staged (the disc is full) would stay in the cache, as if it were: its
 * pages are dropped after the answer, for which they wait. A file that is opened meanwhile begins without its pages.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/worker.h"
#include "fs/fuse/internal.h"

struct written {
	struct written *next;
	fuse_req_t req; /* NULL: it is answered */
	uint64_t ino;
	off_t offset;
	size_t length;
	struct request request; /* run != NULL: still to be done, with the data behind */
	uint8_t data[];
};

struct refresh {
	struct server *server;
	struct worker worker; /* its lock guards what follows */
	struct written *first, **end;
	atomic_uint n_lost; /* pages that are to be dropped and are not yet; without the lock */
};

static void reply_written(struct refresh *refresh, struct written *w)
{
	notify_stale(refresh->server, w->ino, w->offset, w->length);
	if (!w->req)
		atomic_fetch_sub(&refresh->n_lost, 1);
	else if (w->request.run)
		request_submit(w->req, &w->request);
	else
		fuse_reply_write(w->req, w->length);
	free(w);
}

static void *reply_all(void *arg)
{
	struct refresh *refresh = arg;

	lock_take(&refresh->worker.lock);
	for (;;) {
		while (!refresh->first && !refresh->worker.stopping)
			lock_wait(&refresh->worker.lock, &refresh->worker.wake);
		struct written *list = refresh->first;
		if (!list)
			break;
		refresh->first = NULL;
		refresh->end = &refresh->first;
		lock_give(&refresh->worker.lock);
		for (struct written *next; list; list = next) {
			next = list->next;
			reply_written(refresh, list);
		}
		lock_take(&refresh->worker.lock);
	}
	lock_give(&refresh->worker.lock);
	return NULL;
}

/* False: the mount is gone, and its pages with it. */
static bool append(struct refresh *refresh, struct written *w)
{
	lock_take(&refresh->worker.lock);
	bool open = !refresh->worker.stopping;
	if (open) {
		*refresh->end = w;
		refresh->end = &w->next;
		worker_wake_locked(&refresh->worker);
	}
	lock_give(&refresh->worker.lock);
	return open;
}

int refresh_before(struct refresh *refresh, fuse_req_t req, const struct request *request)
{
	struct written *w = malloc(sizeof(*w) + request->size);

	if (!w)
		return reply(req, -ENOMEM);
	*w = (struct written){.req = req,
			      .ino = request->ino,
			      .offset = request->offset,
			      .length = request->size,
			      .request = *request};
	memcpy(w->data, request->data, request->size);
	w->request.data = w->data;
	w->request.refreshed = true;
	if (!append(refresh, w)) {
		request_submit(req, &w->request);
		free(w);
	}
	return 0;
}

void refresh_written(struct refresh *refresh, fuse_req_t req, uint64_t ino, off_t offset, size_t length)
{
	struct written *w = malloc(sizeof(*w));

	if (!w) {
		fuse_reply_err(req, ENOMEM); /* written, but others may still see what was there */
		return;
	}
	*w = (struct written){.req = req, .ino = ino, .offset = offset, .length = length};
	if (append(refresh, w))
		return;
	fuse_reply_write(req, length);
	free(w);
}

int refresh_lost(struct refresh *refresh, fuse_req_t req, const struct request *request, int error)
{
	struct written *w = malloc(sizeof(*w));

	if (!w)
		return reply(req, error); /* for want of memory they stay until the kernel needs theirs */
	*w = (struct written){.ino = request->ino, .offset = request->offset, .length = request->size};
	atomic_fetch_add(&refresh->n_lost, 1);
	reply(req, error);
	if (!append(refresh, w))
		free(w);
	return 0;
}

void refresh_attributes(struct refresh *refresh, uint64_t ino)
{
	struct written *w = malloc(sizeof(*w));

	if (!w)
		return; /* for want of memory they are shown as they were until they are asked for */
	*w = (struct written){.ino = ino, .offset = -1}; /* before all pages: none of these */
	atomic_fetch_add(&refresh->n_lost, 1);
	if (!append(refresh, w))
		free(w);
}

bool refresh_is_losing(const struct refresh *refresh) { return atomic_load(&refresh->n_lost); }

int refresh_new(struct server *s, struct refresh **ret)
{
	struct refresh *refresh = calloc(1, sizeof(*refresh));

	if (!refresh)
		return -ENOMEM;
	refresh->server = s;
	refresh->end = &refresh->first;
	worker_init(&refresh->worker);
	*ret = refresh;
	return 0;
}

int refresh_start(struct refresh *refresh) { return worker_start(&refresh->worker, reply_all, refresh); }

void refresh_stop(struct refresh *refresh) { worker_stop(&refresh->worker); }

void refresh_free(struct refresh *refresh)
{
	if (!refresh)
		return;
	refresh_stop(refresh);
	worker_release(&refresh->worker);
	free(refresh);
}
