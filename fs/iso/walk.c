/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * walk.c - all of a tree, with paths
 *
 * Directories are read in the order in which they are met, each once and no more bytes of them than the disc has: no
 * recursion, and no loop of a damaged disc.
 */
#include "fs/iso/iso.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "burner/base/bytes.h"
#include "burner/base/grow.h"
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
	char *path; /* of the entry that is looked at */
	size_t path_bytes;
	struct iso_room room;
};

static void walk_release(struct walk *w)
{
	for (size_t i = w->first; i < w->n; i++)
		free(w->list[i].path);
	free(w->list);
	free(w->path);
	iso_room_release(&w->room);
}

/* What its caller says of a directory that cannot be read. */
static int lost(const struct walk *w, const char *path, struct iso_extent at, int error)
{
	if (!w->asked->lost || !disc_is_damage(error))
		return error;
	return w->asked->lost(w->asked->context, path[0] ? path : "/", at, error);
}

static int add_directory(struct walk *w, const char *path, struct iso_extent at)
{
	int r = iso_room_take(&w->room, at);

	if (r)
		return lost(w, path, at, r < 0 ? r : -EBADMSG);
	if (grow(&w->list, &w->capacity, w->n, sizeof(*w->list)))
		return -ENOMEM;
	w->list[w->n] = (struct waiting){strdup(path), at};
	if (!w->list[w->n].path)
		return -ENOMEM;
	w->n++;
	return 0;
}

static int join(struct walk *w, const char *directory, const char *name)
{
	size_t bytes = strlen(directory) + 1 + strlen(name) + 1;

	if (bytes > w->path_bytes) {
		char *grown = realloc(w->path, 2 * bytes);

		if (!grown)
			return -ENOMEM;
		w->path = grown;
		w->path_bytes = 2 * bytes;
	}
	snprintf(w->path, w->path_bytes, "%s/%s", directory, name);
	return 0;
}

static int read_directory(struct walk *w, const struct waiting *directory)
{
	_cleanup_(iso_dir_closep) struct iso_dir *dir = NULL;
	int r = iso_dir_open(w->iso, directory->at, &dir);

	while (!r) {
		_cleanup_entry_ struct iso_entry e = {.ino = 0};

		r = iso_dir_next(dir, &e);
		if (r <= 0)
			break;
		r = join(w, directory->path, e.name);
		if (!r)
			r = w->asked->found(w->asked->context, w->path, &e);
		if (r)
			return r;
		if (S_ISDIR(e.mode))
			r = add_directory(w, w->path, e.dir);
		if (r)
			return r;
	}
	return r ? lost(w, directory->path, directory->at, r) : 0;
}

/* Where it begins, and what that is called. */
static int find_top(struct walk *w, struct iso_entry *ret)
{
	const char *below = w->asked->below;
	int r;

	if (!below || !below[0])
		return iso_root(w->iso, ret);
	r = iso_lookup_path(w->iso, below, ret);
	return r ? r : join(w, "", below);
}

int iso_walk(struct iso *iso, const struct iso_walk *asked, char ret_where[ISO_WHERE_BYTES])
{
	_cleanup_(walk_release) struct walk w = {.asked = asked, .iso = iso};
	_cleanup_entry_ struct iso_entry top = {.ino = 0};
	int r = find_top(&w, &top);
	_free_ char *path = strdup(w.path ? w.path : "");

	iso_room_init(iso, &w.room);
	snprintf(ret_where, ISO_WHERE_BYTES, "/%s", asked->below ? asked->below : "");
	if (!path)
		return -ENOMEM;
	if (!r)
		r = asked->found(asked->context, path[0] ? path : "/", &top);
	else
		r = lost(&w, path, top.dir, r);
	if (!r && top.dir.bytes)
		r = add_directory(&w, path, top.dir);
	while (!r && w.first < w.n) {
		struct waiting next = w.list[w.first++];

		snprintf(ret_where, ISO_WHERE_BYTES, "%s/", next.path);
		r = read_directory(&w, &next);
		free(next.path);
	}
	return r;
}
