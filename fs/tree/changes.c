/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is staged, as paths.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "burner/base/bytes.h"
#include "burner/base/idset.h"
#include "burner/base/time.h"
#include "burner/format/pieces.h"
#include "fs/tree/internal.h"
#include "fs/tree/staged.h"

static int find_changes(struct tree *t, struct tree_frozen *frozen, struct staged_list **ret)
{
	int r = tree_preview(t, 0, frozen);

	return r ? r : staged_find(frozen->snapshot, frozen->base, ret);
}

/* By the rule of burner/session/sections.c: parts of it stay where they are, if that is worth their sections. */
static uint64_t content_cost(const struct tree *t, const struct stage_node *row)
{
	const struct pieces_rule *rule = &t->options.pieces;
	uint64_t kept = 0, sections = 0, end = 0;
	bool fresh = false;

	for (uint32_t i = 0; i < row->n_extents; i++) {
		const struct extent *e = &row->extents[i];
		bool stays = e->kind == EXTENT_DISC;
		struct extent part;

		sections += stays || !fresh;
		fresh = !stays;
		end = e->offset + e->length;
		if (stays && pieces_keepable(e, row->size, 0, &part))
			kept += part.length;
	}
	sections += end < row->size && !fresh; /* a hole at its end */
	/* One that is compressed on the disc is as it was. */
	if (zisofs_used(&row->zisofs) || (kept == row->size && sections <= 1))
		return 0;
	if (sections > 1 && rule->share != SHARE_BLOCKS && !pieces_pay(rule, row->size, kept, sections, row->nlink))
		kept = 0;
	return round_up(row->size - kept, SECTOR_BYTES);
}

static bool is_directory(const struct staged_change *c) { return S_ISDIR(c->row ? c->row->mode : c->base.mode); }

/* What a record and its row tell differently; of one in the place of another file the content is another. */
static int find_differences(struct iso *base, const struct staged_change *c, struct tree_change *to)
{
	const struct stage_node *row = c->row;
	const bool other = c->base.ino != c->ino;
	int r;

	if ((c->kind != 'M' && c->kind != 'R') || !row)
		return 0;
	to->content = other || (S_ISREG(row->mode) && (row->base_lba || c->bytes || row->size != c->base.size));
	to->links = !other && !S_ISDIR(row->mode) && row->nlink != c->base.nlink;
	r = !S_ISDIR(row->mode) && !same_time(row->mtime, c->base.mtime) ?
		    1 :
		    staged_attributes_differ(row, base, &c->base);
	to->attributes = r > 0;
	return r < 0 ? r : 0;
}

struct telling {
	const struct tree *t;
	struct iso *base;
	struct idset costed; /* files with several names that were told */
	int (*emit)(void *context, const struct tree_change *c);
	void *context;
};

static int find_cost(struct telling *l, const struct staged_change *c, struct tree_change *to)
{
	int r = idset_reserve(&l->costed, 1);

	if (r || !c->row || !S_ISREG(c->row->mode) || idset_has(&l->costed, c->ino))
		return r;
	to->cost_bytes = content_cost(l->t, c->row);
	if (c->row->nlink > 1)
		idset_add(&l->costed, c->ino);
	return 0;
}

static int emit_change(struct telling *l, const struct staged_change *c)
{
	struct tree_change change = {
		.kind = c->kind, .directory = is_directory(c), .path = c->path, .from = c->from, .bytes = c->bytes};
	int r = find_cost(l, c, &change);

	if (!r)
		r = find_differences(l->base, c, &change);
	return r ? r : l->emit(l->context, &change);
}

/* It has no name that could be in a list. */
static int emit_root(struct telling *l, const struct stage_snapshot *snapshot)
{
	const struct stage_node *row = staged_row(snapshot, TREE_ROOT);
	_cleanup_entry_ struct iso_entry root = {0};
	int r = row && l->base ? iso_root(l->base, &root) : -ENODATA;

	if (!r)
		r = staged_attributes_differ(row, l->base, &root);
	if (r <= 0)
		return r == -ENODATA ? 0 : r;
	return l->emit(l->context,
		       &(struct tree_change){.kind = 'M', .directory = true, .attributes = true, .path = "."});
}

static int place_of_root(struct iso *base, uint32_t *ret)
{
	_cleanup_entry_ struct iso_entry root = {0};
	int r = base && ret ? iso_root(base, &root) : 0;

	if (ret)
		*ret = root.dir.lba;
	return r;
}

int tree_changes(struct tree *t, int (*emit)(void *context, const struct tree_change *c), void *context,
		 uint32_t *ret_root_lba)
{
	_cleanup_(tree_frozen_release) struct tree_frozen frozen = {0};
	_cleanup_(staged_freep) struct staged_list *l = NULL;
	_cleanup_(iso_unrefp) struct iso *base = tree_base_ref(t);
	struct telling telling = {.t = t, .emit = emit, .context = context};
	int r = find_changes(t, &frozen, &l);

	if (r == -ENODATA)
		return place_of_root(base, ret_root_lba);
	if (!r)
		r = place_of_root(frozen.base, ret_root_lba);
	telling.base = frozen.base;
	if (!r)
		r = emit_root(&telling, frozen.snapshot);
	for (size_t i = 0; r == 0 && i < l->n_changes; i++)
		r = emit_change(&telling, &l->changes[i]);
	idset_release(&telling.costed);
	return r;
}

/* In the words of iso_shown_name(). */
static int tell_staged(const struct iso_shown *asked, const struct staged_change *c)
{
	_free_ char *path = NULL;

	if ((c->kind != 'A' && c->kind != 'R') || !c->row || !(S_ISREG(c->row->mode) || S_ISDIR(c->row->mode)))
		return 0;
	if (asprintf(&path, "/%s", c->path) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	return iso_shown_name(asked, path, 0, 0);
}

int tree_shown_names(struct tree *t, const struct iso_shown *asked, const struct iso_shown *staged,
		     char ret_where[ISO_WHERE_BYTES])
{
	_cleanup_(iso_unrefp) struct iso *base = tree_base_ref(t);
	_cleanup_(tree_frozen_release) struct tree_frozen frozen = {0};
	_cleanup_(staged_freep) struct staged_list *l = NULL;
	int r = base ? iso_shown_names(base, asked, ret_where) : 0;

	if (r || !staged)
		return r;
	r = find_changes(t, &frozen, &l);
	for (size_t i = 0; !r && i < l->n_changes; i++)
		r = tell_staged(staged, &l->changes[i]);
	return r == -ENODATA ? 0 : r;
}
