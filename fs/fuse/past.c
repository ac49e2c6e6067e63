/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * past.c - .sessions in the root: which requests are of it, and what it refuses
 *
 * It stands where the tree has no such name, so nothing of the user's is ever behind it; and no such name is made there
 * while it stands.  In a listing it is only when that was asked for: find, du and backup programs do not come to it.
 */
#include <stdatomic.h>
#include <string.h>

#include "burner/base/log.h"
#include "fs/fuse/internal.h"

int past_getattr(struct server *s, uint64_t ino, struct stat *st)
{
	return is_past(s, ino) ? snapdir_getattr(s->snapdir, ino, st) : tree_getattr(s->tree, ino, st);
}

void forget(struct server *s, uint64_t ino, uint64_t n_lookups)
{
	if (is_past(s, ino))
		snapdir_forget(s->snapdir, ino, n_lookups);
	else
		tree_forget(s->tree, ino, n_lookups);
}

static bool is_its_name(const struct server *s, uint64_t parent, const char *name)
{
	return s->snapdir && parent == TREE_ROOT && !strcmp(name, HISTORY_DIRECTORY);
}

int past_lookup(struct server *s, uint64_t parent, const char *name, struct stat *st)
{
	return is_its_name(s, parent, name) ? snapdir_getattr(s->snapdir, SNAPDIR_ROOT, st) : -ENOENT;
}

/* Would the change be of .sessions itself?  Not where the tree has a file of that name. */
static int refuses_name(struct server *s, uint64_t parent, const char *name)
{
	struct stat st;

	if (!name || !is_its_name(s, parent, name))
		return 0;
	int r = tree_lookup(s->tree, parent, name, &st);
	if (r == 0)
		tree_forget(s->tree, st.st_ino, 1);
	return r == -ENOENT ? -EROFS : r;
}

int past_refuses(struct server *s, const struct request *request)
{
	if (is_past(s, request->ino) || is_past(s, request->other))
		return -EROFS;
	int r = refuses_name(s, request->ino, request->name);
	return r ? r : refuses_name(s, request->other, request->other_name);
}

double past_timeout(const struct server *s, uint64_t ino)
{
	return is_past(s, ino) && !snapdir_is_constant(s->snapdir, ino) ? 0.0 : KERNEL_TIMEOUT;
}

void past_say_stale(struct server *s)
{
	if (!atomic_exchange(&s->stale_said, true))
		log_warning(
			"%s: another program has changed it since it was mounted, and a session is not where it was; "
			"mount it again to see its sessions",
			s->options.source);
}
