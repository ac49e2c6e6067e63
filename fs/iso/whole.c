/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * whole.c - is everything that the tree names there?
 *
 * Of an image that was cut off, or a session whose newest part is damaged: every directory is read, and the last byte
 * of every section of a file.  Bounded: a tree of more directories, or one that leads back into itself, counts as one
 * that is not whole.
 */
#include "fs/iso/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "burner/base/grow.h"

struct queue {
	struct iso_extent *items;
	size_t n, capacity;
	struct iso_room room;
};

static int push(struct queue *q, struct iso_extent dir)
{
	int r = iso_room_take(&q->room, dir);

	if (r)
		return r < 0 ? r : 0;
	if (grow(&q->items, &q->capacity, q->n, sizeof(*q->items)))
		return -ENOMEM;
	q->items[q->n++] = dir;
	return 0;
}

static int end_is_there(struct iso *iso, const struct iso_entry *e)
{
	uint8_t last;
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < e->n_extents; i++)
		r = iso_read_disc(iso->disc, e->extents[i].pos + e->extents[i].length - 1, &last, 1);
	return r;
}

static int look_at(struct iso *iso, struct iso_extent dir, struct queue *q)
{
	_cleanup_(iso_dir_closep) struct iso_dir *d = NULL;
	int r = iso_dir_open(iso, dir, &d), more = 1;

	while (r == 0) {
		_cleanup_entry_ struct iso_entry e = {0};

		more = iso_dir_next(d, &e);
		if (more <= 0)
			return more;
		r = S_ISDIR(e.mode) ? push(q, e.dir) : end_is_there(iso, &e);
	}
	return r;
}

int iso_is_whole(struct iso *iso)
{
	_cleanup_entry_ struct iso_entry root = {0};
	struct queue q = {0};
	int r = iso_root(iso, &root);

	iso_room_init(iso, &q.room);
	if (r == 0)
		r = push(&q, root.dir);
	for (size_t i = 0; r == 0 && i < q.n; i++)
		r = look_at(iso, q.items[i], &q);
	free(q.items);
	iso_room_release(&q.room);
	return r == 0 ? 1 : disc_is_damage(r) ? 0 : r;
}
