/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * durable.c - the bodies of one commit become durable, many at once
 */
#include <errno.h>
#include <unistd.h>

#include "fs/stage/internal.h"

#define SYNC_THREADS 7u /* besides the one that asks, … */
#define SYNC_EACH 8u	/* … for at least so many bodies each */

struct syncing {
	struct stage *stage;
	struct body **bodies;
	size_t n;
	atomic_size_t next;
	atomic_int error; /* the first one; what comes after it stays dirty */
};

static void *sync_bodies(void *argument)
{
	struct syncing *w = argument;

	for (size_t i; (i = atomic_fetch_add(&w->next, 1)) < w->n;) {
		int r = atomic_load(&w->error);

		if (!r && fdatasync(w->bodies[i]->fd)) {
			r = errno == ENOSPC || errno == EDQUOT ? -ENOSPC : -EIO;
			atomic_store(&w->error, r);
		}
		stage_body_release(w->stage, w->bodies[i], r != 0);
	}
	return NULL;
}

/* Each waits for the file system's journal and for the disk's cache, and those who wait together wait once: hundreds
 * are not done one after the other. */
static int sync_together(struct stage *s, struct body **bodies, size_t n)
{
	struct syncing w = {.stage = s, .bodies = bodies, .n = n};
	pthread_t threads[SYNC_THREADS];
	size_t n_threads = 0;

	while (n_threads < SYNC_THREADS && n_threads < n / SYNC_EACH &&
	       !pthread_create(&threads[n_threads], NULL, sync_bodies, &w))
		n_threads++;
	sync_bodies(&w);
	while (n_threads)
		pthread_join(threads[--n_threads], NULL);
	return atomic_load(&w.error);
}

int stage_bodies_sync(struct stage *s, struct body **bodies, size_t n, bool directory)
{
	int r = sync_together(s, bodies, n);

	if (!r && directory && fsync(s->bodies_fd))
		r = -EIO;
	if (r && directory) {
		lock_take(&s->bodies.lock);
		s->bodies.directory_dirty = true;
		lock_give(&s->bodies.lock);
	}
	return r;
}
