/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The walk over the merged tree, with a stack of its own, and what it makes of the names it meets.
 *
 * While directories are listed three things are collected: the directories, the names that are staged or whose node has
 * a row (items), and the records of the base that a staged name hides (hidden): those are gone, or their nodes have
 * another name.  What lies below a directory that was removed is hidden, too, and is read only when a name is left
 * whose node came from nowhere.
 */
#include "fs/tree/staged_walk.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/grow.h"
#include "burner/base/own.h"
#include "burner/base/search.h"
#include "fs/tree/internal.h"

#define PATHS_BYTES (64ull << 20) /* and of each row as many as a path may have */

void staged_walk_release(struct walk *w)
{
	for (size_t i = 0; i < w->n_items; i++) {
		iso_entry_release(&w->items[i].base);
		free(w->items[i].owned);
	}
	for (size_t i = 0; i < w->n_hidden; i++) {
		iso_entry_release(&w->hidden[i]->entry);
		free(w->hidden[i]->name);
		free(w->hidden[i]);
	}
	for (size_t i = 0; i < w->n_dirs; i++)
		free(w->dirs[i].path);
	for (size_t i = 0; i < w->n_stack; i++)
		free(w->stack[i].path);
	free(w->stack);
	free(w->items);
	free(w->hidden);
	free(w->dirs);
	free(w->row_met);
	iso_room_release(&w->room_left);
}

/* ---- the snapshot ---- */

static int compare_nodes(const void *key, const void *element)
{
	uint64_t a = *(const uint64_t *)key, b = ((const struct stage_node *)element)->ino;

	return a < b ? -1 : a > b;
}

const struct stage_node *staged_row(const struct stage_snapshot *s, uint64_t ino)
{
	return bsearch(&ino, s->nodes, s->n_nodes, sizeof(*s->nodes), compare_nodes);
}

static bool parent_before(const void *list, size_t i, const void *key)
{
	return ((const struct stage_snapshot_name *)list)[i].parent < *(const uint64_t *)key;
}

size_t staged_names_of(const struct stage_snapshot *s, uint64_t parent)
{
	return search_first(s->names, s->n_names, &parent, parent_before);
}

struct range {
	size_t from, to;
	struct iso_entry *seen; /* what the base has under each name; mode 0: nothing */
};

static bool name_before(const void *list, size_t i, const void *key)
{
	return strcmp(((const struct stage_snapshot_name *)list)[i].name, key) < 0;
}

static size_t find_name(const struct walk *w, const struct range *r, const char *name)
{
	const struct stage_snapshot_name *names = w->snapshot->names + r->from;
	size_t n = r->to - r->from, i = search_first(names, n, name, name_before);

	return i < n && strcmp(names[i].name, name) == 0 ? i : SIZE_MAX;
}

/* ---- collecting ---- */

struct iso_entry staged_take(struct iso_entry *e)
{
	struct iso_entry taken = *e;

	memset(e, 0, sizeof(*e));
	return taken;
}

static int add_hidden(struct walk *w, uint64_t parent, const struct iso_entry *e)
{
	struct hidden *h;
	int r = grow(&w->hidden, &w->hidden_capacity, w->n_hidden, sizeof(struct hidden *));

	if (r)
		return r;
	h = calloc(1, sizeof(*h));
	if (!h)
		return -ENOMEM;
	w->hidden[w->n_hidden++] = h;
	h->parent = parent;
	h->ino = e->ino;
	h->name = strdup(e->name);
	h->entry = *e;
	h->entry.extents = NULL;
	h->entry.target = e->target ? strdup(e->target) : NULL;
	if (e->n_extents) {
		h->entry.extents = malloc(e->n_extents * sizeof(*e->extents));
		if (h->entry.extents)
			memcpy(h->entry.extents, e->extents, e->n_extents * sizeof(*e->extents));
	}
	return h->name && (!e->target || h->entry.target) && (!e->n_extents || h->entry.extents) ? 0 : -ENOMEM;
}

static int add_item(struct walk *w, const struct item *item)
{
	int r = grow(&w->items, &w->items_capacity, w->n_items, sizeof(struct item));

	if (r == 0)
		w->items[w->n_items++] = *item;
	return r;
}

/* A loop, of a damaged journal or disc: a directory with two names, or more directories than a disc has. */
static bool leads_in_circles(struct walk *w, const struct stage_node *row, struct iso_extent dir)
{
	bool *met = row ? &w->row_met[row - w->snapshot->nodes] : NULL;

	if (met && *met)
		return true;
	if (met)
		*met = true;
	return dir.bytes && iso_room_take(&w->room_left, dir) < 0;
}

static int push(struct walk *w, const struct visit *v)
{
	int r = grow(&w->stack, &w->stack_capacity, w->n_stack, sizeof(struct visit));

	if (r == 0)
		w->stack[w->n_stack++] = *v;
	return r;
}

char *staged_join(const char *path, const char *name)
{
	char *joined;

	return asprintf(&joined, "%s%s%s", path, *path ? "/" : "", name) < 0 ? NULL : joined;
}

int staged_count_path(struct walk *w, const char *path)
{
	w->path_bytes += strlen(path);
	return w->path_bytes > PATHS_BYTES + (w->snapshot->n_nodes + w->snapshot->n_names) * PATH_MAX ? -ENAMETOOLONG :
													0;
}

static int enter(struct walk *w, const struct visit *above, const char *name, uint64_t ino, struct iso_extent dir)
{
	struct visit v = {.ino = ino, .parent = above ? above->ino : 0, .dir = dir};
	int r;

	if (leads_in_circles(w, staged_row(w->snapshot, ino), dir))
		return -EBADMSG;
	v.path = above ? staged_join(above->path, name) : strdup("");
	if (!v.path)
		return -ENOMEM;
	r = staged_count_path(w, v.path);
	if (!r)
		r = push(w, &v);
	if (r)
		free(v.path);
	return r;
}

/* A directory that something is staged of or in. */
static int note(struct walk *w, struct visit *v)
{
	int r = v->noted ? 0 : grow(&w->dirs, &w->dirs_capacity, w->n_dirs, sizeof(struct staged_dir));

	if (r || v->noted)
		return r;
	struct staged_dir *d = &w->dirs[w->n_dirs];
	*d = (struct staged_dir){v->ino, v->parent, strdup(v->path), v->dir, staged_row(w->snapshot, v->ino)};
	if (!d->path)
		return -ENOMEM;
	w->n_dirs++;
	v->noted = true;
	return 0;
}

/* ---- one directory ---- */

int staged_xattrs_differ(const struct stage_node *row, struct iso *iso, const struct iso_entry *e)
{
	_free_ uint8_t *of_record = NULL, *of_row = NULL;
	size_t record_bytes = 0, row_bytes = row->xattrs_bytes;
	int r;

	if (e->xattrs_at && row->xattrs_at == e->xattrs_at)
		return 0;
	r = iso_xattrs(iso, e->xattrs_at, &of_record, &record_bytes);
	if (r == 0 && row->xattrs_at)
		r = iso_xattrs(iso, row->xattrs_at, &of_row, &row_bytes);
	if (r < 0)
		return iso_xattrs_are_lost(r) ? 1 : r;
	return record_bytes != row_bytes ||
	       (row_bytes && memcmp(of_record, of_row ? of_row : row->xattrs, row_bytes) != 0);
}

int staged_attributes_differ(const struct stage_node *row, struct iso *iso, const struct iso_entry *e)
{
	if (row->mode != e->mode || row->uid != e->uid || row->gid != e->gid)
		return 1;
	return staged_xattrs_differ(row, iso, e);
}

/* The row of a record, unless that only claims its number (serials.c). */
static const struct stage_node *row_of(const struct walk *w, const struct visit *at, const struct iso_entry *e)
{
	const struct stage_node *row = staged_row(w->snapshot, e->ino);

	if (!row || (row->mode & S_IFMT) != (e->mode & S_IFMT))
		return NULL;
	if (S_ISDIR(e->mode))
		return row->base_lba == e->dir.lba ? row : NULL;
	return row->nlink == 1 && row->parent && row->parent <= UINT32_MAX && row->parent != at->ino ? NULL : row;
}

/* Under a name that is not staged: its node, if that has a row. */
static int base_entry(struct walk *w, struct visit *at, struct iso_entry *e)
{
	const struct stage_node *row = row_of(w, at, e);
	struct iso_extent dir = e->dir;
	struct item item = {.parent = at->ino, .ino = e->ino, .row = row, .kind = 'M'};
	bool is_directory = S_ISDIR(e->mode);
	int r = 0;

	if (is_directory && row)
		dir = (struct iso_extent){row->base_lba, row->base_bytes};
	if (is_directory)
		r = enter(w, at, e->name, e->ino, dir);
	if (r || !row)
		return r;
	r = is_directory ? staged_attributes_differ(row, w->base, e) : 1;
	if (r <= 0)
		return r;
	r = note(w, at);
	item.owned = strdup(e->name);
	item.name = item.owned;
	if (r || !item.owned) {
		free(item.owned);
		return r ? r : -ENOMEM;
	}
	item.base = staged_take(e);
	r = add_item(w, &item);
	if (r) {
		free(item.owned);
		iso_entry_release(&item.base);
	}
	return r;
}

static int hidden_entry(struct walk *w, const struct visit *v, const struct iso_entry *e)
{
	int r = add_hidden(w, v->ino, e);

	if (r || !S_ISDIR(e->mode))
		return r;
	r = iso_room_take(&w->room_left, e->dir);
	return r < 0 ? r : push(w, &(struct visit){.ino = e->ino, .parent = v->ino, .dir = e->dir, .removed = true});
}

static int list_base(struct walk *w, struct visit *v, struct range *range)
{
	_cleanup_(iso_dir_closep) struct iso_dir *d = NULL;
	struct iso_entry e = {0};
	int r;

	if (!w->base || !v->dir.bytes)
		return 0;
	r = iso_dir_open(w->base, v->dir, &d);
	if (r == 0)
		iso_dir_pass_gaps(d); /* what is staged there is listed all the same */
	while (r == 0 && (r = iso_dir_next(d, &e)) == 1) {
		size_t i = v->removed ? SIZE_MAX : find_name(w, range, e.name);

		r = 0;
		if (v->removed) {
			r = hidden_entry(w, v, &e);
		} else if (i != SIZE_MAX) {
			if (w->snapshot->names[range->from + i].ino != e.ino)
				r = add_hidden(w, v->ino, &e);
			iso_entry_release(&range->seen[i]);
			range->seen[i] = staged_take(&e);
		} else {
			r = base_entry(w, v, &e);
		}
		iso_entry_release(&e);
	}
	return r;
}

/* 1, 0, or an error. */
static int is_same_directory(const struct walk *w, const struct stage_node *row, const struct iso_entry *e)
{
	if (!row || !S_ISDIR(row->mode) || !S_ISDIR(e->mode) || e->ino != row->ino || row->base_lba != e->dir.lba)
		return 0;
	int r = staged_attributes_differ(row, w->base, e);

	return r < 0 ? r : !r;
}

static int staged_entry(struct walk *w, const struct visit *at, size_t i, struct iso_entry *seen)
{
	const struct stage_snapshot_name *name = &w->snapshot->names[i];
	struct item item = {.parent = at->ino, .ino = name->ino, .name = name->name, .named = true};
	int r;

	item.base = staged_take(seen);
	item.unread = !w->base && at->dir.bytes;
	item.row = name->ino == STAGE_WHITEOUT ? NULL : staged_row(w->snapshot, name->ino);
	r = is_same_directory(w, item.row, &item.base);
	item.same = r > 0;
	if (r >= 0)
		r = add_item(w, &item);
	if (r) {
		iso_entry_release(&item.base);
		return r;
	}
	if (item.row && S_ISDIR(item.row->mode))
		return enter(w, at, name->name, name->ino,
			     (struct iso_extent){item.row->base_lba, item.row->base_bytes});
	return 0;
}

static int visit(struct walk *w, struct visit *v)
{
	struct range range = {.from = staged_names_of(w->snapshot, v->ino),
			      .to = staged_names_of(w->snapshot, v->ino + 1)};
	size_t n = range.to - range.from;
	int r;

	range.seen = calloc(n + 1, sizeof(*range.seen));
	r = range.seen ? 0 : -ENOMEM;
	if (r == 0 && !v->removed && (n || staged_row(w->snapshot, v->ino)))
		r = note(w, v);
	if (r == 0)
		r = list_base(w, v, &range);
	for (size_t i = 0; r == 0 && !v->removed && i < n; i++)
		r = staged_entry(w, v, range.from + i, &range.seen[i]);
	for (size_t i = 0; range.seen && i < n; i++)
		iso_entry_release(&range.seen[i]);
	free(range.seen);
	return r;
}

static int run(struct walk *w)
{
	int r = 0;

	while (r == 0 && w->n_stack) {
		struct visit v = w->stack[--w->n_stack];

		r = visit(w, &v);
		free(v.path);
	}
	return r;
}

/* ---- without the disc ----
 * Names of directories that are in their place on it are not in the stage; whose child one is, is. */

static const struct staged_dir *noted(const struct walk *w, uint64_t ino)
{
	for (size_t i = 0; i < w->n_dirs; i++)
		if (w->dirs[i].ino == ino)
			return &w->dirs[i];
	return NULL;
}

static int enter_lost(struct walk *w, const struct staged_dir *above, const struct stage_node *row)
{
	struct visit at = {.ino = above->ino, .path = above->path};
	char name[40];

	snprintf(name, sizeof(name), "directory.%llu", (unsigned long long)row->ino);
	return enter(w, &at, name, row->ino, (struct iso_extent){row->base_lba, row->base_bytes});
}

static int find_lost_dirs(struct walk *w)
{
	const struct stage_snapshot *s = w->snapshot;
	bool found = true;
	int r = 0;

	while (r == 0 && found) {
		found = false;
		for (size_t i = 0; r == 0 && i < s->n_nodes; i++) {
			const struct stage_node *row = &s->nodes[i];
			const struct staged_dir *above =
				S_ISDIR(row->mode) && !w->row_met[i] ? noted(w, row->parent) : NULL;

			if (!above)
				continue;
			found = true;
			r = enter_lost(w, above, row);
			if (r == 0)
				r = run(w);
		}
	}
	return r;
}

static bool has_item(const struct walk *w, uint64_t ino)
{
	for (size_t i = 0; i < w->n_items; i++)
		if (w->items[i].ino == ino)
			return true;
	return false;
}

static int find_lost_files(struct walk *w)
{
	const struct stage_snapshot *s = w->snapshot;
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->n_nodes; i++) {
		const struct stage_node *row = &s->nodes[i];
		struct item item = {.parent = row->parent, .ino = row->ino, .row = row};

		if (S_ISDIR(row->mode) || has_item(w, row->ino))
			continue;
		if (!noted(w, row->parent))
			item.parent = TREE_ROOT;
		if (asprintf(&item.owned, "file.%llu", (unsigned long long)row->ino) < 0)
			return -ENOMEM;
		item.name = item.owned;
		r = add_item(w, &item);
		if (r)
			free(item.owned);
	}
	return r;
}

static int begin(struct walk *w)
{
	const struct stage_node *row = staged_row(w->snapshot, TREE_ROOT);
	struct iso_extent dir = {0};
	int r = 0;

	w->row_met = calloc(w->snapshot->n_nodes + 1, sizeof(bool));
	if (!w->row_met)
		return -ENOMEM;
	iso_room_init(w->base, &w->room_left);
	if (row) {
		dir = (struct iso_extent){row->base_lba, row->base_bytes};
	} else if (w->base) {
		_cleanup_entry_ struct iso_entry root = {0};

		r = iso_root(w->base, &root);
		dir = root.dir;
	}
	return r ? r : enter(w, NULL, "", TREE_ROOT, dir);
}

int staged_walk(struct walk *w)
{
	int r = begin(w);

	if (r == 0)
		r = run(w);
	if (r == 0 && !w->base)
		r = find_lost_dirs(w);
	return r == 0 && !w->base ? find_lost_files(w) : r;
}

int staged_walk_removed(struct walk *w)
{
	size_t n = w->n_hidden;
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		const struct hidden *h = w->hidden[i];

		if (!h->moved && S_ISDIR(h->entry.mode))
			r = push(w, &(struct visit){.ino = h->entry.ino, .dir = h->entry.dir, .removed = true});
	}
	return r ? r : run(w);
}
