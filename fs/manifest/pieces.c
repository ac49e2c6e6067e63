/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pieces.c - how many files of several sections the base has in what a linked session replaces
 *
 * The base says how many it has in all.  Taken off are those in directories that are written, which the plan counts
 * anew, and those in directories that are no more: these are read for it, so this costs what was removed, not what the
 * disc has; and nothing as long as the base has none.  A file with several names is met under some of them, once.
 */
#include "fs/manifest/internal.h"

#include <errno.h>
#include <sys/stat.h>

static bool counts(const struct build *b)
{
	return b->linked && b->m->base_pieces && b->m->base_pieces != PIECES_UNKNOWN;
}

int build_note_pieces(struct build *b, const struct iso_entry *e)
{
	if (!counts(b) || e->n_sections < 2)
		return 0;
	if (e->nlink > 1 && numbers_first(&b->pieces, e->ino) != NUMBERS_NONE)
		return 0;
	b->m->replaced_pieces++;
	return e->nlink > 1 ? numbers_add(&b->pieces, e->ino, 0) : 0;
}

int build_note_removed(struct build *b, const struct iso_entry *e)
{
	struct removed removed = {e->ino, e->dir};
	int r;

	if (!counts(b) || !S_ISDIR(e->mode))
		return 0;
	r = bulk_grow(b->m->bulk, (void **)&b->removed, &b->removed_space, b->n_removed, sizeof(removed));
	if (!r)
		b->removed[b->n_removed++] = removed;
	return r;
}

/* Moved elsewhere, and its records were met there? */
static bool is_in_tree(const struct build *b, uint64_t ino)
{
	size_t row = build_find_row(b, ino);

	return row != SIZE_MAX && b->row_nodes[row] != NUMBERS_NONE;
}

static int count_directory(struct build *b, struct iso_extent at)
{
	_cleanup_(iso_dir_closep) struct iso_dir *dir = NULL;
	int r = iso_dir_open(b->frozen->base, at, &dir);

	while (!r) {
		_cleanup_entry_ struct iso_entry e = {.ino = 0};

		r = iso_dir_next(dir, &e);
		if (r <= 0)
			return r;
		r = S_ISDIR(e.mode) ? build_note_removed(b, &e) : build_note_pieces(b, &e);
	}
	return r;
}

/* The list grows by the directories below. */
static int count_removed(struct build *b)
{
	struct iso_room room;
	int r = 0;

	iso_room_init(b->frozen->base, &room);
	for (uint32_t i = 0; i < b->n_removed && !r; i++) {
		struct removed at = b->removed[i];

		if (is_in_tree(b, at.ino))
			continue;
		r = iso_room_take(&room, at.listing);
		if (!r)
			r = count_directory(b, at.listing);
		r = r < 0 ? r : 0;
	}
	iso_room_release(&room);
	return r;
}

/* What cannot be read any more is not needed: only how many they were is not known then. */
int build_count_pieces(struct build *b)
{
	int r = counts(b) ? count_removed(b) : 0;

	if (disc_is_damage(r)) {
		b->m->base_pieces = PIECES_UNKNOWN;
		r = 0;
	}
	return r;
}
