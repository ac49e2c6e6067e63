/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is staged, as paths.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "fs/tree/internal.h"
#include "fs/tree/staged.h"

static int find_changes(struct tree *t, struct tree_frozen *frozen, struct staged_list **ret)
{
	int r = tree_preview(t, 0, frozen);

	return r ? r : staged_find(frozen->snapshot, frozen->base, ret);
}

int tree_changes(struct tree *t,
		 int (*emit)(void *context, char kind, const char *path, const char *from, uint64_t bytes),
		 void *context)
{
	_cleanup_(tree_frozen_release) struct tree_frozen frozen = {0};
	_cleanup_(staged_freep) struct staged_list *l = NULL;
	int r = find_changes(t, &frozen, &l);

	for (size_t i = 0; r == 0 && i < l->n_changes; i++) {
		const struct staged_change *c = &l->changes[i];

		r = emit(context, c->kind, c->path, c->from, c->bytes);
	}
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
