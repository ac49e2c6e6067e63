/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pieces.c - the files of a tree that have several sections, found by reading all of it
 *
 * Directories are read in the order in which they are met, each once and no more bytes of them than the disc has: no
 * recursion, and no loop of a damaged disc.
 */
#include "fs/iso/iso.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "burner/base/bytes.h"
#include "burner/base/idset.h"

struct waiting {
	char *path; /* without a slash at the end */
	struct iso_extent at;
};

struct walk {
	const struct iso_pieces *asked;
	struct iso *iso;
	struct waiting *list; /* from `first` on still to be read */
	size_t first, n, capacity;
	struct idset met, linked; /* blocks of directories; numbers of files with several names */
	struct iso_room room;
};

static void walk_release(struct walk *w)
{
	for (size_t i = w->first; i < w->n; i++)
		free(w->list[i].path);
	free(w->list);
	idset_release(&w->met);
	idset_release(&w->linked);
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

/* Another name of a file that was counted? */
static int is_known(struct walk *w, const struct iso_entry *e)
{
	int r = e->nlink > 1 ? idset_reserve(&w->linked, 1) : 0;

	if (r || e->nlink < 2)
		return r;
	if (idset_has(&w->linked, e->ino))
		return 1;
	idset_add(&w->linked, e->ino);
	return 0;
}

static int take_entry(struct walk *w, const char *path, const struct iso_entry *e, uint64_t *files)
{
	_free_ char *name = NULL;
	int known;

	if (!S_ISDIR(e->mode) && e->n_sections < 2)
		return 0;
	if (asprintf(&name, "%s/%s", path, e->name) < 0) {
		name = NULL;
		return -ENOMEM;
	}
	if (S_ISDIR(e->mode))
		return add_directory(w, TAKE_PTR(name), e->dir);
	known = is_known(w, e);
	if (known < 0)
		return known;
	*files += !known;
	return w->asked->found(w->asked->context, name, e);
}

static int read_directory(struct walk *w, const struct waiting *directory, uint64_t *files)
{
	_cleanup_(iso_dir_closep) struct iso_dir *dir = NULL;
	int r = iso_dir_open(w->iso, directory->at, &dir);

	while (!r) {
		_cleanup_entry_ struct iso_entry e = {.ino = 0};

		r = iso_dir_next(dir, &e);
		if (r <= 0)
			return r;
		r = take_entry(w, directory->path, &e, files);
	}
	return r;
}

int iso_pieces(struct iso *iso, const struct iso_pieces *asked, uint64_t *ret_files, char ret_where[ISO_WHERE_BYTES])
{
	_cleanup_(walk_release) struct walk w = {.asked = asked, .iso = iso};
	_cleanup_entry_ struct iso_entry root = {.ino = 0};
	uint64_t files = 0;
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
		r = read_directory(&w, &next, &files);
		free(next.path);
	}
	if (!r)
		*ret_files = files;
	return r;
}
