/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Nodes that nobody uses but the kernel's look-ups: the oldest of them are only known (known.h) when there are more
 * than t->idle.most.
 *
 * A queue of their numbers; one that was used while it waited waits once more.  A node goes at the beginning of a
 * request, of an entry of a listing, or between two rows of a flush or a count (idle_settle), when no other node is
 * held without a pin.  One that is in use, or whose row is not put yet, when its turn comes is queued again by the
 * next node_unused_locked().
 */
#include "fs/tree/internal.h"

#include <stdlib.h>

#define IDLE_MOST 8192u	       /* some 4 MB */
#define IDLE_MOST_DRIVE 65536u /* what has a node can be asked for while a drive burns */
#define SLACK 1024u	       /* waits for the next request */
#define AT_ONCE 4u

uint32_t idle_most(const struct tree *t)
{
	if (t->options.idle_nodes)
		return t->options.idle_nodes;
	return t->space.medium.exclusive ? IDLE_MOST_DRIVE : IDLE_MOST;
}

static uint32_t where_of(const struct node *n)
{
	if (n->staged)
		return KNOWN_STAGED;
	return n->locator ? n->reader : KNOWN_BURNED;
}

/* Does what there is to know of it stand in a record or a row of its own? */
static bool may_be_known(const struct node *n)
{
	if (S_ISDIR(n->mode) || n->nlink != 1 || n->orphan || n->dead || !n->parent || n->map.n > SECTIONS_KNOWN)
		return false;
	return known_fits(n->locator, n->parent, n->n_lookups, where_of(n)) &&
	       (where_of(n) >= KNOWN_STAGED || where_of(n) < KNOWN_READERS);
}

bool node_leave_known_locked(struct tree *t, const struct node *n)
{
	lock_assert(&t->lock);
	if (may_be_known(n) && !node_is_dirty(n) && n->staged && n->n_lookups == 1 && idset_reserve(&t->once, 1) == 0) {
		idset_add(&t->once, n->ino);
		return true;
	}
	struct known k = known_of(n->ino, n->locator, n->parent, n->n_lookups, where_of(n));

	return may_be_known(n) && !node_is_dirty(n) && known_add(&t->known, &k) == 0;
}

static void push(struct idle *q, uint64_t ino)
{
	q->inos[(q->first + q->count) % q->capacity] = ino;
	q->count++;
}

static bool have_queue(struct tree *t)
{
	struct idle *q = &t->idle;

	if (q->inos)
		return true;
	q->most = idle_most(t);
	q->capacity = q->most + SLACK;
	q->inos = calloc(q->capacity, sizeof(*q->inos));
	return q->inos;
}

void idle_note_locked(struct tree *t, struct node *n)
{
	lock_assert(&t->lock);
	n->used = n->queued;
	if (n->queued || !may_be_known(n) || !have_queue(t) || t->idle.count == t->idle.capacity)
		return; /* it keeps its node, if it does not come again */
	push(&t->idle, n->ino);
	n->queued = true;
}

static void settle_one_locked(struct tree *t)
{
	lock_assert(&t->lock);
	struct idle *q = &t->idle;
	struct node *n = node_find_locked(t, q->inos[q->first]);

	q->first = (q->first + 1) % q->capacity;
	q->count--;
	if (!n)
		return;
	n->queued = false;
	if (n->n_open || n->n_pins || node_is_dirty(n))
		return;
	if (n->used) {
		n->used = false;
		n->queued = true;
		push(q, n->ino);
	} else if (n->n_lookups && node_leave_known_locked(t, n)) {
		node_drop_locked(t, n);
	}
}

void idle_settle_locked(struct tree *t)
{
	lock_assert(&t->lock);
	for (unsigned i = 0; i < AT_ONCE && t->idle.count > t->idle.most; i++)
		settle_one_locked(t);
}
