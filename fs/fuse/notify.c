/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * notify.c - what the kernel is told: the commit's hooks
 *
 * A notification of pages may wait for requests into this daemon (an inode is written back first), never inside a
 * request of its own: so only the commit's thread, that of refresh.c and server_stop's caller do it, holding no lock,
 * while the loop runs.  Before the loop's end is used (the connection's descriptor closed), notify_silence() waits for
 * those under way: with the loop running they end, and when the mount was taken away the kernel refuses them at once.
 */
#include <stdlib.h>
#include <string.h>

#include "fs/fuse/internal.h"

static bool notify_begin(struct server *s)
{
	lock_take(&s->notify_lock);
	bool open = !s->quiet && s->session;
	if (open)
		s->notifying++;
	lock_give(&s->notify_lock);
	return open;
}

static void notify_end(struct server *s)
{
	lock_take(&s->notify_lock);
	if (--s->notifying == 0)
		pthread_cond_broadcast(&s->notify_idle);
	lock_give(&s->notify_lock);
}

void notify_silence(struct server *s)
{
	lock_take(&s->notify_lock);
	s->quiet = true;
	while (s->notifying)
		lock_wait(&s->notify_lock, &s->notify_idle);
	lock_give(&s->notify_lock);
}

/* Pages from 0 to the end: dirty ones are written back, and their mappings must fault again before the next store. */
static void inval_inode(struct server *s, uint64_t ino) { fuse_lowlevel_notify_inval_inode(s->session, ino, 0, 0); }

void notify_stale(struct server *s, uint64_t ino, off_t offset, size_t length)
{
	if (!notify_begin(s))
		return;
	fuse_lowlevel_notify_inval_inode(s->session, ino, offset, (off_t)length);
	notify_end(s);
}

void notify_attributes(struct server *s, uint64_t ino) { notify_stale(s, ino, -1, 0); }

int server_flush_writers(void *server)
{
	struct server *s = server;
	uint64_t *inos = NULL;
	size_t n = 0;
	int r;

	if (!notify_begin(s))
		return 0;
	r = tree_writers(s->tree, &inos, &n);
	for (size_t i = 0; i < n && !r; i++)
		inval_inode(s, inos[i]);
	free(inos);
	notify_end(s);
	return r;
}

void server_discarded(void *server, const struct stage_snapshot *what)
{
	struct server *s = server;

	if (!notify_begin(s))
		return;
	sync_set_discarding(s);
	for (size_t i = 0; i < what->n_names; i++) {
		const struct stage_snapshot_name *name = &what->names[i];
		fuse_lowlevel_notify_inval_entry(s->session, name->parent, name->name, strlen(name->name));
	}
	for (size_t i = 0; i < what->n_nodes; i++)
		inval_inode(s, what->nodes[i].ino);
	inval_inode(s, TREE_ROOT);
	sync_end_discarding(s);
	notify_end(s);
}
