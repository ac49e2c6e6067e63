/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Parts instead of files: in the copy of the rows from which a span is found.
 */
#include <errno.h>

#include "burner/base/why.h"
#include "fs/tree/span_walk.h"

static int check_name(const struct stage_snapshot *rows, struct iso *base, const struct staged_dir *d, uint64_t parent,
		      const char *name)
{
	_cleanup_entry_ struct iso_entry e = {0};
	int r = span_name(rows, parent, name) ? 0 : -ENOENT;

	if (r < 0 && base && d && d->dir.bytes)
		r = iso_lookup(base, d->dir, name, &e);
	return r == -ENOENT ? 0 : r == 0 ? -EEXIST : r;
}

/* Nothing has one of the names that the parts get. */
static int check_names(const struct split *split, const struct tree_frozen *frozen, const struct staged_list *list,
		       char **ret_why)
{
	char own[NAME_MAX + 1];

	for (size_t i = 0; i < split->n_names; i++) {
		const struct split_name *n = &split->names[i];
		const struct staged_dir *d = staged_dir(list, n->parent);

		for (uint32_t k = 0; k < 2 * split->n_parts; k++) {
			int r = split_name(split, i, k % 2 ? SPLIT_TEXT : SPLIT_PART, k / 2, own);

			if (r == 0)
				r = check_name(frozen->snapshot, frozen->base, d, n->parent, own);
			if (r == -EEXIST)
				return why_set(ret_why, r,
					       "%s is larger than a disc, and cannot be split: %s, as a part would be "
					       "called, is there already: rename that",
					       n->path, own);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

int span_take_parts(struct span *s, size_t from, struct tree_frozen *frozen, const struct staged_list *list,
		    bool listed, char **ret_why)
{
	int r = 0;

	for (size_t i = from; r == 0 && i < s->n_splits; i++)
		r = check_names(&s->splits[i], frozen, list, ret_why);
	for (size_t i = from; r == 0 && i < s->n_splits; i++) {
		r = split_rows(&s->splits[i], frozen->snapshot, frozen->next_ino);
		frozen->next_ino += split_files(&s->splits[i]);
		s->splits_cost += split_more_cost(&s->splits[i], listed);
	}
	return r;
}

int span_split_rows(const struct span *s, struct stage_snapshot *rows)
{
	uint64_t ino = s->next_ino;
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->n_splits; i++) {
		r = split_rows(&s->splits[i], rows, ino);
		ino += split_files(&s->splits[i]);
	}
	return r;
}
