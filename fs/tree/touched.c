/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Touched directories: those that the next session writes because they or something below them changed, with what
 * they cost at most.
 *
 * Two figures are kept.  `cost` is what a full tree grows by: nothing for a directory in which no name is new.
 * `linked` is what a linked session pays: the whole directory, as it was and what it grows by.  Both follow from the
 * sums of its staged names (burner/format/bound.h).
 *
 * The table is closed upwards: a directory is in it only with all that lead to it, and each has a row in the stage,
 * of this generation, with the number of its parent and its listing in the base.  So whoever masters the session
 * finds the way from the root down to every change without reading a directory that has not changed.
 * dirty_ancestors_locked() is called before any change.
 *
 * While a session burns its entries stay, as `burned`: what they cost there is what they cost the next one to begin
 * with.
 */
#include "burner/base/grow.h"
#include "burner/base/hash.h"
#include "burner/format/bound.h"
#include "fs/tree/clashes.h"
#include "fs/tree/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FOREIGN_RECORD_FACTOR 5u /* our records may be so much longer than those of a foreign directory */

struct touched {
	struct touched *hash_next;
	uint64_t ino;
	uint64_t base_sectors;	      /* that it takes in the base, in both trees … */
	uint64_t records, areas;      /* … of that at most: Rock Ridge records, continuation areas */
	struct bound_directory names; /* staged */
	struct bound_directory first; /* fresh: the same, if each gets its first Joliet name … */
	struct clashes clashes;	      /* … which these do not */
	bool fresh;		      /* new directory: not in the base */
	bool burned;		      /* of the session that is being burned, not touched since */
	uint64_t cost, linked;	      /* sectors counted for it in t->space.names, .linked */
};

static struct touched **touched_link(struct space *s, uint64_t ino)
{
	struct touched **link = &s->touched[hash_number(s->seed, ino) & (TOUCHED_BUCKETS - 1)];

	while (*link && (*link)->ino != ino)
		link = &(*link)->hash_next;
	return link;
}

static struct touched *touched_find(struct space *s, uint64_t ino)
{
	struct touched *d = *touched_link(s, ino);

	return d && !d->burned ? d : NULL;
}

static void touched_free(struct touched *d)
{
	clashes_release(&d->clashes);
	free(d);
}

bool touched_has_locked(struct tree *t, uint64_t ino)
{
	lock_assert(&t->lock);
	return touched_find(&t->space, ino) != NULL;
}

uint64_t touched_fresh_locked(struct tree *t, uint64_t ino)
{
	lock_assert(&t->lock);
	const struct touched *d = touched_find(&t->space, ino);

	return d && d->fresh ? d->cost : 0;
}

/* Of a directory that is on the disc the other names are not known. */
static uint64_t fresh_sectors(const struct touched *d)
{
	uint64_t each = bound_directory_sectors(&d->names), taken = d->clashes.taken;

	return taken >= each ? each : min_u64(each, bound_directory_sectors(&d->first) + bound_clash_sectors(taken));
}

static void touched_count(struct space *s, struct touched *d)
{
	s->names -= d->cost;
	s->linked -= d->linked;
	d->cost = d->fresh ? fresh_sectors(d) : bound_growth_sectors(&d->names, d->records, d->areas);
	d->linked = d->base_sectors + d->cost;
	s->names += d->cost;
	s->linked += d->linked;
}

/* As it is in the base. */
static void take_base(const struct space *s, struct touched *d, uint64_t base_bytes, uint64_t base_sectors)
{
	d->base_sectors = base_sectors || !base_bytes ? base_sectors : s->base_tree;
	if (base_bytes)
		d->base_sectors = space_with_nanoseconds(s, d->base_sectors, 1);
	d->records = sectors_of(base_bytes) * (s->base_ours ? 1 : FOREIGN_RECORD_FACTOR);
	d->records = base_bytes ? space_with_nanoseconds(s, d->records, 1) : 0;
	d->areas = s->base_ours ? d->base_sectors - min_u64(d->base_sectors, d->records) : UINT32_MAX;
}

/* As the session that burns leaves it; what that costs is no part of the sums any more. */
static void take_burned(const struct space *s, struct touched *d)
{
	uint64_t all = max_u64(d->linked, d->records + d->cost);

	clashes_release(&d->clashes);
	*d = (struct touched){.hash_next = d->hash_next,
			      .base_sectors = all,
			      .records = all,
			      .areas = s->base_ours ? all : UINT32_MAX};
}

static int touched_add(struct space *s, uint64_t ino, uint64_t base_bytes, uint64_t base_sectors)
{
	struct touched **link = touched_link(s, ino), *d = *link;

	if (d && !d->burned)
		return 0;
	if (d) {
		take_burned(s, d);
	} else {
		d = *link = calloc(1, sizeof(*d));
		if (!d)
			return -ENOMEM;
		take_base(s, d, base_bytes, base_sectors);
		d->fresh = base_bytes == 0;
	}
	d->ino = ino;
	s->n_touched++;
	touched_count(s, d);
	return 0;
}

int touched_directory_locked(struct tree *t, const struct node *dir)
{
	lock_assert(&t->lock);
	return touched_add(&t->space, dir->ino, dir->base_dir.bytes, dir->base_sectors);
}

static void reset_sums(struct space *s) { s->names = s->linked = s->record_bytes = s->table_bytes = s->n_touched = 0; }

void touched_clear(struct space *s)
{
	for (size_t i = 0; i < TOUCHED_BUCKETS; i++) {
		for (struct touched *d = s->touched[i], *next; d; d = next) {
			next = d->hash_next;
			touched_free(d);
		}
		s->touched[i] = NULL;
	}
	reset_sums(s);
}

/* What comes now comes to the tree of the session that burns. */
void touched_freeze(struct tree *t)
{
	struct space *s = &t->space;
	uint64_t tables = bound_table_sectors(s->table_bytes), links = space_link_bytes(s);

	for (size_t i = 0; i < TOUCHED_BUCKETS; i++)
		for (struct touched *d = s->touched[i]; d; d = d->hash_next) {
			d->burned = true;
			clashes_release(&d->clashes);
		}
	s->base_tree += s->names + tables + sectors_of(links) + 1 + space_xattrs_sectors(t);
	s->tables += tables;
	s->links_bytes += links;
	s->links_sectors += s->linked + space_xattrs_sectors(t);
	s->xattrs_burned = space_xattrs_sectors(t);
	s->base_summed = t->options.md5;
	reset_sums(s);
}

const char *touched_check_locked(struct tree *t)
{
	struct space *s = &t->space;
	uint64_t names = 0, linked = 0, n = 0;

	lock_assert(&t->lock);
	for (size_t i = 0; i < TOUCHED_BUCKETS; i++) {
		for (struct touched *d = s->touched[i]; d; d = d->hash_next) {
			if (*touched_link(s, d->ino) != d)
				return "a touched directory that is not found, or twice there";
			if (d->burned)
				continue;
			names += d->cost;
			linked += d->linked;
			n++;
		}
	}
	return names == s->names && linked == s->linked && n == s->n_touched ? NULL : "the sums of touched directories";
}

/* ---- staged names ---- */

static struct bound_name name_bound(const struct touched *d, const char *name, const struct node *child, bool first)
{
	uint32_t more = bound_more(child->mode, zisofs_used(&child->zisofs));

	return bound_name(&(struct bound_entry){name, child->target, .mode = child->mode, .more = more,
						.joins = !d->fresh, .first = first});
}

void touched_name_locked(struct tree *t, uint64_t dir, const char *name, const struct node *child)
{
	lock_assert(&t->lock);
	struct touched *d = touched_find(&t->space, dir);

	if (!d)
		return;
	struct bound_name b = name_bound(d, name, child, false),
			  first = b.may_clash ? name_bound(d, name, child, true) : b;
	bound_add(&d->names, &b, 1);
	bound_add(&d->first, &first, 1);
	if (d->fresh && b.joliet)
		clashes_add(&d->clashes, name);
	t->space.record_bytes += b.record;
	t->space.table_bytes += b.table;
	touched_count(&t->space, d);
}

int space_add_name_locked(struct tree *t, struct node *dir, const char *name, const struct node *child)
{
	lock_assert(&t->lock);
	uint64_t before = space_body_locked(t);
	bool first = !touched_has_locked(t, dir->ino), links = !S_ISDIR(child->mode) && child->nlink > 1;
	int r = touched_directory_locked(t, dir);

	if (r < 0)
		return r;
	touched_name_locked(t, dir->ino, name, child);
	/* Its pairs in the link table were counted with the node, before. */
	if ((space_body_locked(t) <= before && !links) || space_fits_locked(t))
		return 0;
	/* Refused, and counted no more: neither the name nor that the directory is touched. */
	space_remove_name_locked(t, dir->ino, name, child);
	if (first)
		space_remove_directory_locked(t, dir->ino);
	return -ENOSPC;
}

void space_remove_name_locked(struct tree *t, uint64_t dir, const char *name, const struct node *child)
{
	lock_assert(&t->lock);
	struct touched *d = touched_find(&t->space, dir);

	if (!d)
		return;
	struct bound_name b = name_bound(d, name, child, false),
			  first = b.may_clash ? name_bound(d, name, child, true) : b;
	bound_remove(&d->names, &b);
	bound_remove(&d->first, &first);
	if (d->fresh && b.joliet)
		clashes_remove(&d->clashes, name);
	t->space.record_bytes -= min_u64(b.record, t->space.record_bytes);
	t->space.table_bytes -= min_u64(b.table, t->space.table_bytes);
	touched_count(&t->space, d);
}

int space_add_directory_locked(struct tree *t, uint64_t ino)
{
	lock_assert(&t->lock);
	int r = touched_add(&t->space, ino, 0, 0);

	if (r < 0 || space_fits_locked(t))
		return r;
	space_remove_directory_locked(t, ino);
	return -ENOSPC;
}

void space_remove_directory_locked(struct tree *t, uint64_t ino)
{
	lock_assert(&t->lock);
	struct touched **link = touched_link(&t->space, ino), *d = *link;

	if (!d || d->burned)
		return;
	t->space.names -= d->cost;
	t->space.linked -= d->linked;
	t->space.n_touched--;
	*link = d->hash_next;
	touched_free(d);
}

/* ---- the way up ---- */

struct way {
	struct node **nodes;
	size_t n, capacity;
};

static int way_add(struct way *w, struct node *n)
{
	if (grow(&w->nodes, &w->capacity, w->n, sizeof(*w->nodes)))
		return -ENOMEM;
	n->n_pins++;
	w->nodes[w->n++] = n;
	return 0;
}

/* The directory of that number; NULL: where it is is not known here, and the next tree is a full one. */
static int way_up_locked(struct tree *t, uint64_t ino, struct node **ret)
{
	lock_assert(&t->lock);
	int r = node_from_number_locked(t, ino, ret);

	if (r == 0 && !S_ISDIR((*ret)->mode)) {
		node_unused_locked(t, *ret);
		r = -ENOENT;
	}
	if (r != -ENOENT)
		return r;
	t->space.astray = true;
	*ret = NULL;
	return 0;
}

/* The directories from dir upwards that are not touched yet.  Rows may be anything: those that lead in a circle come
 * by a node again that was marked, at the latest after twice as many steps as there are. */
static int way_collect_locked(struct tree *t, struct node *dir, struct way *w)
{
	lock_assert(&t->lock);
	const struct node *marked = NULL;
	struct node *n = dir;

	while (!touched_has_locked(t, n->ino)) {
		struct node *above;
		int r = n == marked ? -EBADMSG : way_add(w, n);

		if (r < 0 || n == t->root)
			return r;
		if ((w->n & (w->n - 1)) == 0)
			marked = n;
		r = way_up_locked(t, n->parent, &above);
		if (r < 0 || !above)
			return r;
		n = above;
	}
	return 0;
}

static int way_enter_locked(struct tree *t, const struct way *w)
{
	lock_assert(&t->lock);
	uint64_t before = space_body_locked(t);
	int r = 0;

	for (size_t i = 0; r == 0 && i < w->n; i++) {
		r = space_xattrs_locked(t, w->nodes[i], w->nodes[i]->xattrs_bytes);
		if (r == 0)
			r = touched_directory_locked(t, w->nodes[i]);
	}
	if (r == 0 && space_body_locked(t) > before && !space_fits_locked(t))
		r = -ENOSPC;
	stage_lock(t->stage);
	for (size_t i = 0; r == 0 && i < w->n; i++)
		r = node_put_locked(t, w->nodes[i]);
	stage_unlock(t->stage);
	for (size_t i = 0; r < 0 && i < w->n; i++)
		space_remove_directory_locked(t, w->nodes[i]->ino);
	return r;
}

int dirty_ancestors_locked(struct tree *t, struct node *dir)
{
	lock_assert(&t->lock);
	struct way w = {0};
	int r;

	if (serials_contradict_locked(t))
		return -EROFS;
	if (dir->orphan || touched_has_locked(t, dir->ino))
		return 0;
	r = way_collect_locked(t, dir, &w);
	if (r == 0)
		r = way_enter_locked(t, &w);
	for (size_t i = 0; i < w.n; i++) {
		w.nodes[i]->n_pins--;
		if (w.nodes[i] != dir)
			node_unused_locked(t, w.nodes[i]);
	}
	free(w.nodes);
	return r;
}

/* Has it names in the base besides the one in n->parent?  All names of a file that is not in it are staged, so their
 * directories are touched. */
bool way_unknown_locked(const struct tree *t, const struct node *n)
{
	lock_assert(&t->lock);
	return !S_ISDIR(n->mode) && n->ino < t->space.new_ino && (n->nlink > 1 || !n->parent);
}

/* Where they are is not known here: room for all directories that hold names of such files. */
static int way_links_locked(struct tree *t)
{
	lock_assert(&t->lock);
	struct space *s = &t->space;
	uint64_t before = space_body_locked(t);

	if (s->links)
		return 0;
	s->links = true;
	if (space_body_locked(t) <= before || space_fits_locked(t))
		return 0;
	s->links = false;
	return -ENOSPC;
}

int dirty_ancestors_of_locked(struct tree *t, struct node *n)
{
	lock_assert(&t->lock);
	struct node *parent;
	int r = 0;

	if (S_ISDIR(n->mode))
		return dirty_ancestors_locked(t, n);
	if (serials_contradict_locked(t))
		return -EROFS;
	if (n->orphan)
		return 0;
	r = space_xattrs_locked(t, n, n->xattrs_bytes);
	if (r == 0 && way_unknown_locked(t, n))
		r = way_links_locked(t);
	if (r < 0 || !n->parent || touched_has_locked(t, n->parent))
		return r;
	r = way_up_locked(t, n->parent, &parent);
	if (r < 0 || !parent)
		return r;
	r = dirty_ancestors_locked(t, parent);
	node_unused_locked(t, parent);
	return r;
}
