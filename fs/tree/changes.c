/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is staged, as paths.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "burner/base/bytes.h"
#include "burner/base/idset.h"
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

/* costed: files with several names that were told. */
static int emit_cost(const struct tree *t, const struct staged_change *c, struct idset *costed, struct tree_change *ret)
{
	int r = idset_reserve(costed, 1);

	*ret = (struct tree_change){c->kind, is_directory(c), c->path, c->from, c->bytes, 0};
	if (r || !c->row || !S_ISREG(c->row->mode) || idset_has(costed, c->ino))
		return r;
	ret->cost_bytes = content_cost(t, c->row);
	if (c->row->nlink > 1)
		idset_add(costed, c->ino);
	return 0;
}

int tree_changes(struct tree *t, int (*emit)(void *context, const struct tree_change *c), void *context)
{
	_cleanup_(tree_frozen_release) struct tree_frozen frozen = {0};
	_cleanup_(staged_freep) struct staged_list *l = NULL;
	struct idset costed = {0};
	int r = find_changes(t, &frozen, &l);

	for (size_t i = 0; r == 0 && i < l->n_changes; i++) {
		struct tree_change change;

		r = emit_cost(t, &l->changes[i], &costed, &change);
		if (!r)
			r = emit(context, &change);
	}
	idset_release(&costed);
	return r == -ENODATA ? 0 : r;
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
