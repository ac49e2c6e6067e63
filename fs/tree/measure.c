/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * measure.c - how large a foreign tree is as we would write it: one walk of the base, before the first change
 */
#include "burner/base/grow.h"
#include "burner/base/own.h"
#include "burner/format/bound.h"
#include "fs/tree/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Records that we would write: where sections lie one behind the other, those of the disc may be more, or fewer. */
static uint64_t records_of(const struct iso_entry *e)
{
	return S_ISREG(e->mode) ? (e->n_extents ? e->n_extents : 1) + e->size / SECTION_MAX_BYTES : 1;
}

/* Extended attributes of one name. What cannot be read is told by the commit. */
static int add_xattrs(struct iso *base, const struct iso_entry *e, uint64_t *bytes, uint64_t *names)
{
	_free_ uint8_t *set = NULL;
	size_t set_bytes;
	int r = e->xattrs_at ? iso_xattrs(base, e->xattrs_at, &set, &set_bytes) : 0;

	if (iso_xattrs_are_lost(r))
		set_bytes = XATTRS_BYTES_MAX;
	else if (r || !e->xattrs_at)
		return r;
	*bytes += bound_xattrs_bytes(set_bytes, records_of(e));
	(*names)++;
	return 0;
}

/* A foreign tree as we would write it. */
static int measure_foreign(struct iso *base, uint64_t *ret_sectors, uint64_t *ret_directories)
{
	_cleanup_entry_ struct iso_entry root = {0};
	struct iso_extent *stack = NULL;
	size_t n = 0, capacity = 0;
	uint64_t sectors = 0, directories = 0, tables = 2 * 10 + 2 * 10, links = 0, xattr_bytes = 0, xattr_names = 0;
	struct iso_room room;
	int r = iso_root(base, &root);

	if (!r)
		r = add_xattrs(base, &root, &xattr_bytes, &xattr_names);
	iso_room_init(base, &room);
	if (!r)
		r = iso_room_take(&room, root.dir);
	for (struct iso_extent at = root.dir; r == 0;) {
		_cleanup_(iso_dir_closep) struct iso_dir *d = NULL;
		struct bound_directory names = {.record_max = BOUND_RECORD_MAX,
						.joliet_max = BOUND_JOLIET_MAX,
						.area_max = BOUND_AREA_MAX};
		struct iso_entry e = {0};

		r = iso_dir_open(base, at, &d);
		if (r == 0)
			iso_dir_pass_gaps(d); /* the commit tells */
		while (r == 0 && (r = iso_dir_next(d, &e)) == 1) {
			struct bound_name b = bound_name(&(struct bound_entry){e.name, e.target, e.iso_name, e.mode,
									       bound_more_max(), .joins = true});

			bound_add(&names, &b, records_of(&e));
			tables += b.table;
			links += S_ISDIR(e.mode) || e.nlink > 1 ? BOUND_LINK_BYTES : 0;
			r = add_xattrs(base, &e, &xattr_bytes, &xattr_names);
			if (r == 0 && S_ISDIR(e.mode)) {
				r = iso_room_take(&room, e.dir);
				r = r > 0 ? -EBADMSG : r ? r : grow(&stack, &capacity, n, sizeof(*stack));
				if (r == 0)
					stack[n++] = e.dir;
			}
			iso_entry_release(&e);
		}
		sectors += bound_directory_sectors(&names);
		directories++;
		if (r < 0 || n == 0)
			break;
		at = stack[--n];
	}
	free(stack);
	iso_room_release(&room);
	sectors += bound_xattrs_sectors(xattr_bytes, xattr_names, sectors, directories);
	*ret_sectors = sectors + bound_table_sectors(tables) + sectors_of(links) + 1;
	*ret_directories = directories;
	return r;
}

/* Later than the rest: there are more directories than parents may be. */
static int measure_parents(struct tree *t)
{
	tree_lock(t);
	bool wanted = parents_wanted_locked(t);
	struct iso *base = wanted ? iso_ref(t->base) : NULL;
	uint64_t epoch = t->epoch, parents;
	bool ascending;
	tree_unlock(t);

	if (!wanted)
		return 0;
	int r = parents_count(base, &parents, &ascending);
	iso_unref(base);
	if (r < 0)
		return r == -EAGAIN ? r : -EIO;
	tree_lock(t);
	if (t->epoch == epoch) {
		t->space.base_parents = parents;
		t->space.parents_epoch = epoch + 1;
	}
	tree_unlock(t);
	if (!ascending)
		tree_cannot_link(t);
	return 0;
}

static int measure_tree(struct tree *t)
{
	tree_lock(t);
	if (t->space.base_known || t->space.damaged_epoch == t->epoch + 1) {
		int known = t->space.base_known ? 0 : -EBADMSG;

		tree_unlock(t);
		return known;
	}
	struct iso *base = iso_ref(t->base);
	uint64_t epoch = t->epoch, sectors, directories;
	tree_unlock(t);

	int r = measure_foreign(base, &sectors, &directories);
	if (r == 0 && iso_links_unknown(base))
		r = -EIO; /* it could not be read a while ago, and numbers were given */
	iso_unref(base);
	tree_lock(t);
	if (r < 0) {
		if (r == -EBADMSG && t->epoch == epoch)
			t->space.damaged_epoch = epoch + 1;
		tree_unlock(t);
		/* not understood completely: never to be appended to */
		return r == -EAGAIN || r == -EBADMSG ? r : -EIO;
	}
	if (t->epoch == epoch && !t->space.base_known) {
		t->space.base_tree = sectors;
		t->space.directories += directories;
		t->space.base_known = true;
		t->space.measured_epoch = epoch + 1;
		t->space.measured_tree = sectors;
		t->space.measured_directories = directories;
	}
	tree_unlock(t);
	return 0;
}

int space_measure(struct tree *t)
{
	int r = measure_tree(t);

	return r < 0 ? r : measure_parents(t);
}
