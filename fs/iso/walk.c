/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * walk.c - what is found by reading all of a tree
 *
 * Directories are read in the order in which they are met, each once and no more bytes of them than the disc has: no
 * recursion, and no loop of a damaged disc.
 */
#include "fs/iso/internal.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "burner/base/idset.h"

struct waiting {
	char *path; /* without a slash at the end */
	struct iso_extent at;
};

struct walk {
	const struct iso_walk *asked;
	struct iso *iso;
	struct waiting *list; /* from `first` on still to be read */
	size_t first, n, capacity;
	struct idset met; /* blocks of directories */
	struct iso_room room;
};

static void walk_release(struct walk *w)
{
	for (size_t i = w->first; i < w->n; i++)
		free(w->list[i].path);
	free(w->list);
	idset_release(&w->met);
}

static int add_directory(struct walk *w, char *path, struct iso_extent at)
{
	int r = idset_reserve(&w->met, 1);

	if (!r)
		r = idset_has(&w->met, at.lba) ? -EBADMSG : iso_room_take(&w->room, at);
	if (!r && w->n == w->capacity) {
		struct waiting *grown = reallocarray(w->list, w->capacity * 2 + 64, sizeof(*grown));

		if (grown) {
			w->list = grown;
			w->capacity = w->capacity * 2 + 64;
		}
		r = grown ? 0 : -ENOMEM;
	}
	if (r) {
		free(path);
		return r;
	}
	idset_add(&w->met, at.lba);
	w->list[w->n++] = (struct waiting){path, at};
	return 0;
}

static int take_entry(struct walk *w, const char *path, const struct iso_entry *e)
{
	char *below;
	int r = w->asked->entry(w->asked->context, path, e);

	if (r || !S_ISDIR(e->mode))
		return r;
	return asprintf(&below, "%s/%s", path, e->name) < 0 ? -ENOMEM : add_directory(w, below, e->dir);
}

static int read_directory(struct walk *w, const struct waiting *directory)
{
	_cleanup_(iso_dir_closep) struct iso_dir *dir = NULL;
	int r = iso_dir_open(w->iso, directory->at, &dir);

	if (!r && w->asked->directory)
		w->asked->directory(w->asked->context);
	while (!r) {
		_cleanup_entry_ struct iso_entry e = {.ino = 0};

		r = iso_dir_next(dir, &e);
		if (r <= 0)
			return r;
		r = take_entry(w, directory->path, &e);
	}
	return r;
}

int iso_walk(struct iso *iso, const struct iso_walk *asked, char ret_where[ISO_WHERE_BYTES])
{
	_cleanup_(walk_release) struct walk w = {.asked = asked, .iso = iso};
	_cleanup_entry_ struct iso_entry root = {.ino = 0};
	char *top;
	int r = iso_root(iso, &root);

	iso_room_init(iso, &w.room);
	snprintf(ret_where, ISO_WHERE_BYTES, "/");
	if (r)
		return r;
	top = strdup("");
	r = top ? add_directory(&w, top, root.dir) : -ENOMEM;
	while (!r && w.first < w.n) {
		struct waiting next = w.list[w.first++];

		snprintf(ret_where, ISO_WHERE_BYTES, "%s/", next.path);
		r = read_directory(&w, &next);
		free(next.path);
	}
	return r;
}
