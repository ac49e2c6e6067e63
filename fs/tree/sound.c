/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whether the rows of directories make a tree: each has one name, and all lead up to the root, or to a directory of the
 * base.  Who goes up from one (fs/tree/touched.c, file handles) would not come to an end otherwise.
 *
 * Where a directory is its staged name says.  The number of its parent in its own row is written later, after a rename:
 * a crash in between leaves the old one, which is put right here.
 */
#include "fs/tree/sound.h"

#include <errno.h>
#include <stdlib.h>

#include "burner/base/grow.h"

int ways_add(struct ways *w, uint64_t ino, uint64_t parent)
{
	if (grow(&w->list, &w->capacity, w->n, sizeof(*w->list)))
		return -ENOMEM;
	w->list[w->n++] = (struct way_row){.ino = ino, .parent = parent};
	return 0;
}

void ways_release(struct ways *w) { free(w->list); }

static int compare(const void *key, const void *element)
{
	uint64_t a = *(const uint64_t *)key, b = ((const struct way_row *)element)->ino;

	return a < b ? -1 : a > b;
}

static struct way_row *find(const struct ways *w, uint64_t ino)
{
	return w->n ? bsearch(&ino, w->list, w->n, sizeof(*w->list), compare) : NULL;
}

int ways_name_locked(struct tree *t, struct ways *w, uint64_t dir, struct node *child)
{
	lock_assert(&t->lock);
	struct way_row *row = find(w, child->ino);

	if (!row || row->ino == TREE_ROOT || row->named)
		return stage_blame(t->stage, "directory %llu has a second name, in directory %llu",
				   (unsigned long long)child->ino, (unsigned long long)dir);
	row->named = true;
	row->parent = dir;
	if (child->parent == dir)
		return 0;
	child->parent = dir;
	return stage_node_set_parent(t->stage, child->ino, dir);
}

/* From one directory upwards, to the root, to one that was met before, or to one without a row. */
static int check_way(struct tree *t, struct ways *w, struct way_row *row, uint32_t walk)
{
	while (row->ino != TREE_ROOT) {
		struct way_row *above = find(w, row->parent);

		row->seen = walk;
		if (!above && stage_node_exists(t->stage, row->parent))
			return stage_blame(t->stage, "directory %llu is in node %llu, which is none",
					   (unsigned long long)row->ino, (unsigned long long)row->parent);
		if (!above || (above->seen && above->seen != walk))
			return 0;
		if (above->seen == walk)
			return stage_blame(t->stage, "directory %llu is in itself, by %llu",
					   (unsigned long long)above->ino, (unsigned long long)row->ino);
		row = above;
	}
	return 0;
}

int ways_check_locked(struct tree *t, struct ways *w)
{
	lock_assert(&t->lock);
	int r = 0;

	for (size_t i = 0; r == 0 && i < w->n; i++)
		r = w->list[i].seen ? 0 : check_way(t, w, &w->list[i], (uint32_t)i + 1);
	return r;
}
