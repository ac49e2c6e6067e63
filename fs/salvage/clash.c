/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * May what is staged for one session stand on another?  Three sides: the session it was staged for, the one that is
 * there now, the stage.  What the stage touches must be on the new one as it was on the old one:
 *	a file that it changes, renames, removes or replaces	the same record
 *	a name that it gives					free, as it was
 *	a directory that it has something in			a directory
 *	a directory that it removes or replaces			the same, with all below it
 * What it does not touch may be as it likes.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "burner/base/path.h"
#include "fs/salvage/internal.h"

#define DEPTH_MAX 1024u
#define WALK_MAX (1u << 20) /* entries below a directory that was removed */

static char *join(const char *path, const char *name)
{
	char *joined;

	return asprintf(&joined, "%s%s%s", path, *path ? "/" : "", name) < 0 ? NULL : joined;
}

/* ---- paths ---- */

static const struct staged_change *renamed(const struct staged_list *l, uint64_t ino)
{
	for (size_t i = 0; i < l->n_changes; i++)
		if (l->changes[i].kind == 'R' && l->changes[i].ino == ino)
			return &l->changes[i];
	return NULL;
}

static int disc_path(const struct staged_list *l, const struct staged_dir *d, unsigned depth, char **ret)
{
	const struct staged_change *c;
	const struct staged_dir *above;
	_free_ char *path = NULL;
	int r;

	*ret = NULL;
	if (depth > DEPTH_MAX)
		return -EBADMSG;
	if (!d->parent) {
		*ret = strdup("");
		return *ret ? 0 : -ENOMEM;
	}
	if (!d->dir.bytes)
		return 0; /* new */
	c = renamed(l, d->ino);
	if (c) {
		*ret = strdup(c->from);
		return *ret ? 0 : -ENOMEM;
	}
	above = staged_dir(l, d->parent);
	if (!above) {
		*ret = strdup(d->path);
		return *ret ? 0 : -ENOMEM;
	}
	r = disc_path(l, above, depth + 1, &path);
	if (r < 0)
		return r;
	if (!path)
		return -EBADMSG; /* one of the disc in a new one, and not by a name that it got */
	*ret = join(path, path_last(d->path));
	return *ret ? 0 : -ENOMEM;
}

int clash_disc_path(const struct staged_list *l, const struct staged_dir *d, char **ret)
{
	return disc_path(l, d, 0, ret);
}

int clash_lookup(struct iso *iso, struct iso_extent root, const char *path, struct iso_entry *ret)
{
	_free_ char *copy = strdup(path);
	struct iso_entry at = {0};
	char *rest = copy, *part;
	int r = copy ? iso_root(iso, &at) : -ENOMEM;

	if (r == 0 && root.bytes)
		at.dir = root;
	while (r == 0 && (part = strsep(&rest, "/")) && *part) {
		struct iso_entry next = {0};

		r = S_ISDIR(at.mode) ? iso_lookup(iso, at.dir, part, &next) : -ENOENT;
		iso_entry_release(&at);
		at = next;
	}
	if (r == 0)
		*ret = at;
	else
		iso_entry_release(&at);
	return r;
}

/* ---- records ---- */

static bool same_extents(const struct iso_entry *a, const struct iso_entry *b)
{
	if (a->n_extents != b->n_extents)
		return false;
	for (uint32_t i = 0; i < a->n_extents; i++)
		if (a->extents[i].pos != b->extents[i].pos || a->extents[i].length != b->extents[i].length)
			return false;
	return true;
}

static bool same_attributes(const struct iso_entry *a, const struct iso_entry *b)
{
	return a->mode == b->mode && a->uid == b->uid && a->gid == b->gid;
}

/* What cannot be read differs. */
static bool same_xattrs(struct clash_sides *c, const struct iso_entry *old, const struct iso_entry *now)
{
	const struct stage_node as_row = {.xattrs_at = old->xattrs_at};

	if (!old->xattrs_at || !now->xattrs_at)
		return old->xattrs_at == now->xattrs_at;
	return staged_xattrs_differ(&as_row, c->old, now) == 0;
}

/* Of directories only that both are: what is in them is another question.  Not how many names a file has: programs that
 * do not know of hard links count one. */
static bool same_record(struct clash_sides *c, const struct iso_entry *a, const struct iso_entry *b)
{
	if (S_ISDIR(a->mode) || S_ISDIR(b->mode))
		return S_ISDIR(a->mode) && S_ISDIR(b->mode);
	return same_attributes(a, b) && same_xattrs(c, a, b) && a->size == b->size && a->rdev == b->rdev &&
	       a->mtime.tv_sec == b->mtime.tv_sec && same_extents(a, b) &&
	       memcmp(&a->zisofs, &b->zisofs, sizeof(a->zisofs)) == 0 &&
	       strcmp(a->target ? a->target : "", b->target ? b->target : "") == 0;
}

/* ---- telling ---- */

static void clash(struct clash_sides *c, const char *path, const char *what)
{
	c->n_clashes++;
	c->tell->missing(c->tell->context, path, what);
}

/* ---- a directory with all below it ---- */

struct pair {
	struct iso_extent old, now;
};
struct pairs {
	struct pair *all;
	size_t n;
	uint64_t seen;
};

static int add_pair(struct pairs *p, struct iso_extent old, struct iso_extent now)
{
	struct pair *grown = reallocarray(p->all, p->n + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	p->all = grown;
	grown[p->n++] = (struct pair){old, now};
	return ++p->seen > WALK_MAX ? -EBADMSG : 0;
}

static int count_entries(struct iso *iso, struct iso_extent dir, uint64_t *ret)
{
	_cleanup_(iso_dir_closep) struct iso_dir *d = NULL;
	int r = iso_dir_open(iso, dir, &d);

	*ret = 0;
	while (r == 0 || r == 1) {
		_cleanup_entry_ struct iso_entry e = {0};

		r = iso_dir_next_name(d, &e);
		if (r <= 0)
			break;
		++*ret;
	}
	return r;
}

/* 1: they differ. */
static int compare_pair(struct clash_sides *c, struct pair at, struct pairs *more)
{
	_cleanup_(iso_dir_closep) struct iso_dir *d = NULL;
	uint64_t n_old = 0, n_now;
	int r = count_entries(c->now, at.now, &n_now);

	if (r == 0)
		r = iso_dir_open(c->old, at.old, &d);
	while (r == 0) {
		_cleanup_entry_ struct iso_entry e = {0}, now = {0};

		r = iso_dir_next(d, &e);
		if (r <= 0)
			return r < 0 ? r : n_old != n_now;
		n_old++;
		r = ++more->seen > WALK_MAX ? -EBADMSG : iso_lookup(c->now, at.now, e.name, &now);
		if (r == -ENOENT || (r == 0 && !same_record(c, &e, &now)))
			return 1;
		if (r == 0 && S_ISDIR(e.mode))
			r = add_pair(more, e.dir, now.dir);
	}
	return r;
}

static int compare_below(struct clash_sides *c, const struct iso_entry *old, const struct iso_entry *now)
{
	struct pairs p = {0};
	int r = add_pair(&p, old->dir, now->dir);

	while (r == 0 && p.n)
		r = compare_pair(c, p.all[--p.n], &p);
	free(p.all);
	return r;
}

/* ---- what is touched ---- */

static bool is_moved(const struct staged_list *l, uint64_t ino) { return renamed(l, ino) != NULL; }

/* A name row in a directory of the disc: what it hides must be what it was. */
static int check_slot(struct clash_sides *c, const struct staged_dir *d, struct iso_extent now_dir,
		      const struct stage_snapshot_name *name)
{
	_cleanup_entry_ struct iso_entry old = {0}, now = {0};
	_free_ char *path = join(d->path, name->name);
	int was, is, r = 0;

	if (!path)
		return -ENOMEM;
	was = c->old && d->dir.bytes ? iso_lookup(c->old, d->dir, name->name, &old) : -ENOENT;
	is = iso_lookup(c->now, now_dir, name->name, &now);
	if ((was && was != -ENOENT) || (is && is != -ENOENT))
		return was && was != -ENOENT ? was : is;
	if (was && is)
		return 0;
	if (was)
		clash(c, path,
		      name->ino == STAGE_WHITEOUT ? "removed here, and made on the disc since" :
						    "made here, and on the disc, too");
	else if (is && name->ino == STAGE_WHITEOUT && !is_moved(c->list, old.ino))
		return 0; /* gone on both sides */
	else if (is)
		clash(c, path, "changed here, and removed from the disc");
	else if (!same_record(c, &old, &now))
		clash(c, path, "changed here, and on the disc, too");
	else if (S_ISDIR(old.mode) && old.ino != name->ino && !is_moved(c->list, old.ino)) {
		r = compare_below(c, &old, &now);
		if (r == 1)
			clash(c, path, "a directory that was removed here, in which the disc has changes");
	}
	return r < 0 ? r : 0;
}

static int check_names(struct clash_sides *c, const struct staged_dir *d, struct iso_extent now_dir)
{
	int r = 0;

	for (size_t i = staged_names_of(c->rows, d->ino);
	     r == 0 && i < c->rows->n_names && c->rows->names[i].parent == d->ino; i++)
		r = check_slot(c, d, now_dir, &c->rows->names[i]);
	return r;
}

/* Attributes that both sides changed. */
static bool attributes_clash(const struct stage_node *row, const struct iso_entry *old, const struct iso_entry *now)
{
	bool here = row->mode != old->mode || row->uid != old->uid || row->gid != old->gid;

	return here && !same_attributes(old, now) &&
	       (row->mode != now->mode || row->uid != now->uid || row->gid != now->gid);
}

static int check_dir(struct clash_sides *c, const struct staged_dir *d)
{
	_cleanup_entry_ struct iso_entry old = {0}, now = {0};
	_free_ char *path = NULL;
	int r = clash_disc_path(c->list, d, &path);

	if (r < 0 || !path)
		return r;
	r = clash_lookup(c->now, (struct iso_extent){0}, path, &now);
	if (r < 0 && r != -ENOENT)
		return r;
	if (r == -ENOENT || !S_ISDIR(now.mode)) {
		clash(c, *path ? path : "/",
		      "a directory that something is staged in, and which the disc has not any more");
		return 0;
	}
	r = c->old && d->row ? clash_lookup(c->old, c->old_root, path, &old) : -ENOENT;
	if (r < 0 && r != -ENOENT)
		return r;
	if (r == 0 && attributes_clash(d->row, &old, &now))
		clash(c, *path ? path : "/", "mode or owner changed here, and on the disc, too");
	return check_names(c, d, now.dir);
}

/* Files in their place, and those that got another name, from wherever it was. */
static int check_file(struct clash_sides *c, const struct staged_change *change)
{
	_cleanup_entry_ struct iso_entry now = {0};
	const struct staged_dir *d = staged_dir(c->list, change->parent);
	_free_ char *above = NULL, *path = NULL;
	int r;

	if (S_ISDIR(change->base.mode))
		return 0;
	if (change->kind == 'R') {
		path = strdup(change->from);
	} else {
		r = d ? clash_disc_path(c->list, d, &above) : -EBADMSG;
		if (r < 0 || !above)
			return r;
		path = join(above, change->name);
	}
	if (!path)
		return -ENOMEM;
	r = clash_lookup(c->now, (struct iso_extent){0}, path, &now);
	if (r < 0 && r != -ENOENT)
		return r;
	if (r == -ENOENT)
		clash(c, change->path, "changed here, and removed from the disc");
	else if (!same_record(c, &change->base, &now))
		clash(c, change->path, "changed here, and on the disc, too");
	return 0;
}

int clash_check(struct clash_sides *c)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < c->list->n_dirs; i++)
		r = check_dir(c, &c->list->dirs[i]);
	for (size_t i = 0; r == 0 && i < c->list->n_changes; i++) {
		const struct staged_change *change = &c->list->changes[i];
		bool in_place = change->kind == 'M' && change->base.mode && change->base.ino == change->ino;

		/* A name in a directory of the disc was checked with that. */
		if ((in_place && !change->named) || change->kind == 'R')
			r = check_file(c, change);
	}
	return r;
}
