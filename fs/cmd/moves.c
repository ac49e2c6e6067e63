/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/cmd/moves.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "burner/base/path.h"

/* What it is called in that tree, when something came of it there; or NULL. */
static const char *name_in(const struct diff_change *c, bool older)
{
	if (c->kind == 'R')
		return older ? c->from : c->path;
	return c->kind == (older ? 'D' : 'A') ? c->path : NULL;
}

const struct diff_change *moves_nearest(const struct diff *d, const char *path, bool forward)
{
	const struct diff_change *best = NULL;
	size_t length = 0;

	for (size_t i = 0; i < d->n; i++) {
		const struct diff_change *c = &d->changes[i];
		const char *at = name_in(c, forward);

		if (!at || strlen(at) <= length || !path_is_inside(path, at) || (path[strlen(at)] && !S_ISDIR(c->mode)))
			continue;
		best = c;
		length = strlen(at);
	}
	return best;
}

int moves_carry(const struct diff *d, const char *path, bool forward, char **ret)
{
	const struct diff_change *c = moves_nearest(d, path, forward);
	char *made;

	*ret = NULL;
	if (!c || c->kind != 'R')
		return 0;
	if (asprintf(&made, "%s%s", name_in(c, !forward), path + strlen(name_in(c, forward))) < 0)
		return -ENOMEM;
	*ret = made;
	return 0;
}
