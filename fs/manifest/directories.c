/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/manifest/directories.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "burner/base/grow.h"

/* The list is the queue of the walk. */
struct walk {
	struct burn_directory *list;
	uint32_t n;
	size_t space;
	struct iso_room room;
	uint32_t start_lba;
};

static void walk_release(struct walk *w)
{
	free(w->list);
	iso_room_release(&w->room);
}

static int add(struct walk *w, const struct iso_entry *e)
{
	struct iso_extent dir = e->dir;
	int r = dir.lba < w->start_lba ? 0 : iso_room_take(&w->room, dir);

	if (r || dir.lba < w->start_lba)
		return r > 0 ? -EBADMSG : r;
	if (grow(&w->list, &w->space, w->n, sizeof(*w->list)))
		return -ENOMEM;
	w->list[w->n++] = (struct burn_directory){.ino = e->ino,
						  .lba = dir.lba,
						  .bytes = dir.bytes,
						  .sectors = (uint32_t)iso_entry_sectors(e)};
	return 0;
}

static int add_children(struct walk *w, struct iso *base, struct iso_extent dir)
{
	_cleanup_(iso_dir_closep) struct iso_dir *d = NULL;
	int r = iso_dir_open(base, dir, &d);

	while (!r) {
		_cleanup_entry_ struct iso_entry e = {.ino = 0};

		r = iso_dir_next(d, &e);
		if (r <= 0)
			return r;
		r = S_ISDIR(e.mode) ? add(w, &e) : 0;
	}
	return r;
}

static int by_ino(const void *a, const void *b)
{
	const struct burn_directory *x = a, *y = b;

	return (x->ino > y->ino) - (x->ino < y->ino);
}

int directories_of(struct iso *base, uint32_t start_lba, struct burn_directory **ret, size_t *ret_n)
{
	_cleanup_(walk_release) struct walk w = {.start_lba = start_lba};
	_cleanup_entry_ struct iso_entry root = {.ino = 0};
	int r = iso_root(base, &root);

	iso_room_init(base, &w.room);
	if (!r)
		r = add(&w, &root);
	for (uint32_t i = 0; !r && i < w.n; i++)
		r = add_children(&w, base, (struct iso_extent){w.list[i].lba, w.list[i].bytes});
	if (r)
		return r;
	qsort(w.list, w.n, sizeof(*w.list), by_ino);
	*ret_n = w.n;
	*ret = w.list;
	w.list = NULL;
	return 0;
}
