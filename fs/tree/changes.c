/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is staged, as paths.
 */
#include <errno.h>

#include "fs/tree/internal.h"
#include "fs/tree/staged.h"

int tree_changes(struct tree *t,
		 int (*emit)(void *context, char kind, const char *path, const char *from, uint64_t bytes),
		 void *context)
{
	_cleanup_(tree_frozen_release) struct tree_frozen frozen = {0};
	_cleanup_(staged_freep) struct staged_list *l = NULL;
	int r = tree_preview(t, 0, &frozen);

	if (r == -ENODATA)
		return 0;
	if (r == 0)
		r = staged_find(frozen.snapshot, frozen.base, &l);
	for (size_t i = 0; r == 0 && i < l->n_changes; i++) {
		const struct staged_change *c = &l->changes[i];

		r = emit(context, c->kind, c->path, c->from, c->bytes);
	}
	return r;
}
