/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What may go to any disc, what each of it costs, and which disc takes it.
 *
 * The bound of a session with all that is staged is known (space.c), and what each new file and directory adds to it:
 * so what is left when all that may go anywhere is taken off is what this disc needs in any case.
 */
#include "fs/tree/span.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/grow.h"
#include "burner/base/path.h"
#include "burner/base/why.h"
#include "burner/format/bound.h"
#include "fs/iso/iso.h"
#include "fs/tree/internal.h"
#include "fs/tree/span_walk.h"
#include "fs/tree/staged.h"
#include "fs/tree/xattrs.h"

#define SET_DISC_SECTORS (BOUND_SESSION_SECTORS + 32u) /* of a further disc, besides what it takes */
#define CONTAINER_SECTORS 8u			       /* and of each directory that it repeats */
#define SPLIT_ROUNDS 3u				       /* parts may be split again, but not for ever */

struct finder {
	struct tree *t;
	unsigned flags; /* enum span_flags */
	struct tree_frozen frozen;
	struct staged_list *list;
	struct idset tied;     /* nodes of which the disc has something */
	bool changes_disc;     /* something can only go to this one */
	bool ways_changed;     /* a directory on it has other attributes */
	uint64_t *directories; /* of each row: what a new directory costs, bytes */
	uint64_t first, other; /* room of this disc, without what it needs in any case, and of the others; bytes */
	struct span *span;
	struct span_entry *todo; /* the next one last */
	size_t n_todo, todo_capacity;
	struct span_entry *bound; /* new directories, in which is something that can only go to this disc */
	size_t n_bound, bound_capacity;
};

void span_free(struct span *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++)
		free(s->entries[i].path);
	for (size_t i = 0; i < s->n_opened; i++)
		free(s->opened[i].entry.path);
	for (size_t i = 0; i < s->n_ways; i++)
		free(s->ways[i].name);
	for (size_t i = 0; i < s->n_tied; i++)
		free(s->tied[i].path);
	free(s->tied);
	free(s->ways);
	free(s->entries);
	free(s->opened);
	free(s->held);
	idset_release(&s->nodes);
	for (size_t i = 0; i < s->n_splits; i++)
		split_release(&s->splits[i]);
	free(s->splits);
	free(s);
}

/* All that was found. */
static void finder_clear(struct finder *f)
{
	for (size_t i = 0; i < f->n_todo; i++)
		free(f->todo[i].path);
	free(f->todo);
	for (size_t i = 0; i < f->n_bound; i++)
		free(f->bound[i].path);
	free(f->bound);
	free(f->directories);
	idset_release(&f->tied);
	staged_free(f->list);
	span_free(f->span);
	*f = (struct finder){.t = f->t, .flags = f->flags, .frozen = f->frozen};
}

static void finder_release(struct finder *f)
{
	finder_clear(f);
	tree_frozen_release(&f->frozen);
}

/* ---- what it costs ---- */

static bool lists_contents(const struct finder *f) { return f->t->options.pieces.share != SHARE_NONE; }

static uint64_t file_cost(const struct finder *f, const struct stage_node *row)
{
	uint64_t names = row->nlink ? row->nlink : 1;

	return S_ISREG(row->mode) ? split_file_cost(row->size, names, lists_contents(f)) / names : 0;
}

struct sum {
	struct finder *f;
	uint64_t cost, bytes;
	bool tied;
};

static int add_node(void *context, const struct span_node *n)
{
	struct sum *s = context;
	const struct stage_snapshot *rows = s->f->frozen.snapshot;

	if (n->ino == STAGE_WHITEOUT)
		return 0; /* removed while a session burned, which has not its directory */
	if (!n->row || idset_has(&s->f->tied, n->ino) || !span_row_is_new(n->row)) {
		s->tied = true;
		return 0;
	}
	s->cost += S_ISDIR(n->row->mode) ? s->f->directories[n->row - rows->nodes] : file_cost(s->f, n->row);
	s->bytes += S_ISREG(n->row->mode) ? n->row->size / (n->row->nlink ? n->row->nlink : 1) : 0;
	return 0;
}

/* 1: it may go anywhere. */
static int measure(struct finder *f, struct span_entry *e)
{
	struct sum s = {.f = f};
	int r = span_walk(f->frozen.snapshot, e->ino, add_node, &s);

	e->cost = s.cost;
	e->bytes = s.bytes;
	return r < 0 ? r : !s.tied;
}

/* ---- the entries ---- */

static int add_entry(struct span_entry **list, size_t *capacity, size_t *n, struct span_entry *e)
{
	if (!e->path || grow(list, capacity, *n, sizeof(**list))) {
		free(e->path);
		return -ENOMEM;
	}
	e->name = path_last(e->path);
	(*list)[(*n)++] = *e;
	return 0;
}

/* A new directory that can only be here as a whole; what else can is left where it is. */
static bool is_bound(const struct finder *f, uint64_t ino)
{
	const struct stage_node *row = ino == STAGE_WHITEOUT ? NULL : staged_row(f->frozen.snapshot, ino);

	return row && S_ISDIR(row->mode) && span_row_is_new(row) && !idset_has(&f->tied, ino);
}

static int note_tied(struct span *s, const char *path, uint64_t bytes)
{
	char *copy = strdup(path);

	if (!copy || grow(&s->tied, &s->tied_capacity, s->n_tied, sizeof(*s->tied))) {
		free(copy);
		return -ENOMEM;
	}
	s->tied[s->n_tied++] = (struct span_tied){copy, bytes};
	return 0;
}

/* It may go anywhere, or some of it may. */
static int sort_out(struct finder *f, struct span_entry *e, bool anywhere)
{
	if (anywhere)
		return add_entry(&f->todo, &f->todo_capacity, &f->n_todo, e);
	if (is_bound(f, e->ino))
		return add_entry(&f->bound, &f->bound_capacity, &f->n_bound, e);
	int r = e->path ? note_tied(f->span, e->path, e->bytes) : -ENOMEM;

	free(e->path);
	return r;
}

static bool is_on_disc(const struct finder *f, uint64_t directory)
{
	const struct staged_dir *d = staged_dir(f->list, directory);

	return directory == TREE_ROOT || (d && d->dir.bytes);
}

/* What is new in directories that are on the disc; from the end, as they are taken from there. */
static int find_tops(struct finder *f)
{
	int r = 0;

	for (size_t i = f->list->n_changes; r == 0 && i-- > 0;) {
		const struct staged_change *c = &f->list->changes[i];
		struct span_entry e = {.parent = c->parent, .ino = c->ino, .above = SPAN_NONE};

		if (c->kind != 'A' || !c->named || !c->row || !is_on_disc(f, c->parent))
			continue;
		r = measure(f, &e);
		f->changes_disc |= r == 0;
		if (r < 0)
			continue;
		e.path = strdup(c->path);
		r = sort_out(f, &e, r > 0);
	}
	return r < 0 ? r : 0;
}

/* kept: some of it is here in any case */
static int open_entry(struct finder *f, struct span_entry *e, bool kept)
{
	const struct stage_snapshot *rows = f->frozen.snapshot;
	struct span *s = f->span;
	size_t first = staged_names_of(rows, e->ino), above = s->n_opened;
	int r = 0;

	if (grow(&s->opened, &s->opened_capacity, s->n_opened, sizeof(*s->opened))) {
		free(e->path);
		return -ENOMEM;
	}
	s->opened[s->n_opened++] = (struct span_opened){.entry = *e, .kept = kept};
	for (size_t i = staged_names_of(rows, e->ino + 1); r >= 0 && i-- > first;) {
		const struct stage_snapshot_name *name = &rows->names[i];
		struct span_entry below = {.parent = e->ino, .ino = name->ino, .above = above};

		r = measure(f, &below);
		if (r >= 0 && asprintf(&below.path, "%s/%s", e->path, name->name) < 0)
			below.path = NULL;
		if (r >= 0)
			r = sort_out(f, &below, r > 0);
	}
	return r < 0 ? r : 0;
}

static int take_entry(struct finder *f, struct span_entry *e)
{
	struct span *s = f->span;
	const struct stage_node *row = staged_row(f->frozen.snapshot, e->ino);

	if (row && S_ISDIR(row->mode) && e->cost > f->other && e->cost > f->first)
		return open_entry(f, e, false);
	if (grow(&s->entries, &s->capacity, s->n, sizeof(*s->entries))) {
		free(e->path);
		return -ENOMEM;
	}
	s->entries[s->n++] = *e;
	return 0;
}

static int compare_entries(const void *a, const void *b)
{
	return strcmp(((const struct span_entry *)a)->path, ((const struct span_entry *)b)->path);
}

/* Then all that is to be placed is there, in the order of the paths. */
static int open_large(struct finder *f)
{
	struct span *s = f->span;
	int r = 0;

	while (r == 0 && f->n_todo) {
		struct span_entry e = f->todo[--f->n_todo];

		r = take_entry(f, &e);
	}
	if (s->n)
		qsort(s->entries, s->n, sizeof(*s->entries), compare_entries);
	for (size_t i = 0; i < s->n; i++) {
		s->entries[i].group = i;
		s->entries[i].here = false;
	}
	return r;
}

/* Directories among them are opened, as span_spread() wants it. */
static int open_groups(struct finder *f)
{
	struct span *s = f->span;
	size_t n = s->n;
	int r = 0;

	s->n = 0;
	for (size_t i = 0; i < n; i++) {
		struct span_entry e = s->entries[i];

		if (!e.opens)
			s->entries[s->n++] = e;
		else if (r == 0)
			r = open_entry(f, &e, false);
		else
			free(e.path);
	}
	return r == 0 ? open_large(f) : r;
}

/* ---- rooms ---- */

/* What each new directory is counted with, and the room that there is; all of it as it is now. */
static int count_locked(struct finder *f, uint64_t *ret_body, uint64_t *ret_room)
{
	lock_assert(&f->t->lock);
	struct tree *t = f->t;
	const struct stage_snapshot *rows = f->frozen.snapshot;
	const struct disc_state *m = &t->space.medium;
	int r = t->frozen ? -EBUSY : space_counted_locked(t);

	if (r < 0)
		return r;
	for (size_t i = 0; i < rows->n_nodes; i++)
		f->directories[i] = touched_fresh_locked(t, rows->nodes[i].ino) * SECTOR_BYTES;
	*ret_body = space_body_locked(t);
	*ret_room = space_body_room(t, min_u64(space_medium_room_locked(t), host_room_locked(t)));
	uint64_t blank = m->tail_sectors + (m->overwritable ? SESSION_ALIGN_SECTORS : 0);
	f->other = !m->capacity_sectors ? UINT64_MAX :
					  space_body_room(t, m->capacity_sectors - min_u64(m->capacity_sectors, blank));
	return 0;
}

static uint64_t bytes_of(uint64_t sectors)
{
	return sectors > UINT64_MAX / SECTOR_BYTES ? UINT64_MAX : sectors * SECTOR_BYTES;
}

static uint64_t less(uint64_t a, uint64_t b) { return a - min_u64(a, b); }

/* What this disc needs in any case is what is left of all when that is taken off which may go anywhere. */
static void find_first(struct finder *f, uint64_t body, uint64_t room)
{
	uint64_t anywhere = 0;

	for (size_t i = 0; i < f->n_todo; i++)
		anywhere += f->todo[i].cost;
	f->span->here_bytes = less(bytes_of(body) + f->span->splits_cost, anywhere);
	f->first = less(bytes_of(room), f->span->here_bytes);
}

static void find_other(struct finder *f)
{
	uint64_t containers = 0;

	for (size_t i = 0; i < f->list->n_dirs; i++)
		containers += is_on_disc(f, f->list->dirs[i].ino);
	f->other = less(bytes_of(f->other), bytes_of(SET_DISC_SECTORS + containers * CONTAINER_SECTORS));
}

/* There is no room for all of the directories in which something can only be here: for what else is in them there may
 * be elsewhere. */
static int open_bound(struct finder *f)
{
	int r = 0;

	while (r == 0 && f->n_bound) {
		struct span_entry e = f->bound[--f->n_bound];

		r = open_entry(f, &e, true);
	}
	return r;
}

/* Of the disc they have something: a record, or pieces of its content. */
static int find_tied(struct finder *f)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < f->list->n_changes; i++) {
		const struct staged_change *c = &f->list->changes[i];

		/* Directories above what is new are no change of their own. */
		bool way = c->kind == 'M' && c->row && S_ISDIR(c->row->mode);
		f->ways_changed |= way;
		f->changes_disc |= c->kind != 'A' && !way;
		if (c->kind != 'A' && !way)
			r = note_tied(f->span, c->path, c->bytes);
		if (c->kind == 'A' || !c->ino)
			continue;
		if (r == 0)
			r = idset_reserve(&f->tied, 1);
		if (r == 0)
			idset_add(&f->tied, c->ino);
	}
	return r;
}

/* It is in no list of changes, as it has no name. */
static int look_at_root(struct finder *f)
{
	const struct stage_node *row = staged_row(f->frozen.snapshot, TREE_ROOT);
	_cleanup_entry_ struct iso_entry root = {0};
	int r = row && f->frozen.base ? iso_root(f->frozen.base, &root) : -ENODATA;

	if (r < 0)
		return r == -ENODATA ? 0 : r;
	r = staged_attributes_differ(row, f->frozen.base, &root);
	f->ways_changed |= r > 0;
	return r < 0 ? r : 0;
}

static int find_ways(struct finder *f)
{
	struct span *s = f->span;

	s->ways = calloc(f->list->n_dirs + 1, sizeof(*s->ways));
	if (!s->ways)
		return -ENOMEM;
	for (size_t i = 0; i < f->list->n_dirs; i++) {
		const struct staged_dir *d = &f->list->dirs[i];
		const char *slash = strrchr(d->path, '/');
		struct span_way *w = &s->ways[s->n_ways];

		if (!d->dir.bytes || d->ino == TREE_ROOT)
			continue;
		*w = (struct span_way){d->ino, d->parent, strdup(slash ? slash + 1 : d->path)};
		if (!w->name)
			return -ENOMEM;
		s->n_ways++;
	}
	return 0;
}

/* What is staged, and what of it the disc has a part in. */
static int look(struct finder *f)
{
	int r;

	f->directories = calloc(f->frozen.snapshot->n_nodes + 1, sizeof(*f->directories));
	r = f->directories ? staged_find(f->frozen.snapshot, f->frozen.base, &f->list) : -ENOMEM;
	if (r == 0)
		r = find_tied(f);
	if (r == 0)
		r = look_at_root(f);
	return r == 0 ? find_ways(f) : r;
}

/* What may go anywhere, and what room there is for it. */
static int measure_all(struct finder *f, uint64_t *ret_room, char **ret_why)
{
	uint64_t body = 0, room = 0;
	int r;

	tree_lock(f->t);
	r = count_locked(f, &body, &room);
	tree_unlock(f->t);
	if (r == 0)
		r = find_tops(f);
	if (r < 0)
		return r;
	find_first(f, body, room);
	find_other(f);
	if (f->span->here_bytes > bytes_of(room) && f->n_bound) {
		r = open_bound(f);
		find_first(f, body, room);
	}
	*ret_room = bytes_of(room);
	/* A disc without room for any session is full, and no more than that, when nothing has to go there. */
	if (r == 0 && f->changes_disc && f->span->here_bytes > *ret_room)
		r = why_set(ret_why, -ENOSPC,
			    "what can only go to this disc, as it changes what is on it, needs %" PRIu64
			    " bytes more than it has left: 'cdappendfs-info --changes' lists it, among others, and "
			    "'cdappendfs-sync --discard PATH' drops some of it",
			    f->span->here_bytes - *ret_room);
	return r;
}

/* SPAN_TO_SPLIT: once more, with parts instead of some files. */
static int find(struct finder *f, char **ret_why)
{
	uint64_t room = 0;
	int r = look(f);

	if (r == 0)
		r = measure_all(f, &room, ret_why);
	if (r < 0)
		return r;
	f->span->ways_changed = f->ways_changed && f->span->here_bytes <= room;
	for (size_t i = 0; r == 0 && i < f->n_bound; i++)
		r = note_tied(f->span, f->bound[i].path, f->bound[i].bytes);
	if (r < 0)
		return r;
	r = open_large(f);
	if (r < 0)
		return r;
	const struct span_rooms rooms = {f->first, f->other, f->flags & SPAN_SPLIT, lists_contents(f)};
	while ((r = span_spread(f->span, f->frozen.snapshot, &rooms, ret_why)) == SPAN_TO_OPEN) {
		r = open_groups(f);
		if (r < 0)
			break;
	}
	return r;
}

/* From n on the splits are new: the copy gets their parts, and all else that was found is forgotten. */
static int go_on_with_parts(struct finder *f, size_t n, char **ret_why)
{
	struct span *fresh = calloc(1, sizeof(*fresh)), *s = f->span;
	int r = fresh ? span_take_parts(s, n, &f->frozen, f->list, lists_contents(f), ret_why) : -ENOMEM;

	if (fresh) {
		*fresh = (struct span){.next_ino = s->next_ino,
				       .splits = s->splits,
				       .n_splits = s->n_splits,
				       .splits_capacity = s->splits_capacity,
				       .splits_cost = s->splits_cost};
		s->splits = NULL;
		s->n_splits = 0;
	}
	finder_clear(f);
	f->span = fresh;
	return r;
}

int span_find(struct tree *t, unsigned flags, struct span **ret, char **ret_why)
{
	_cleanup_(finder_release) struct finder f = {.t = t, .flags = flags};
	size_t n = 0;
	int r;

	f.span = calloc(1, sizeof(*f.span));
	r = f.span ? tree_preview(t, 0, &f.frozen) : -ENOMEM;
	if (r < 0)
		return r;
	f.span->next_ino = f.frozen.next_ino;
	for (unsigned round = 1; (r = find(&f, ret_why)) > 0; round++) {
		f.flags = round < SPLIT_ROUNDS ? flags : flags & ~(unsigned)SPAN_SPLIT;
		r = go_on_with_parts(&f, n, ret_why);
		if (r < 0)
			return r;
		n = f.span->n_splits;
	}
	if (r == 0)
		*ret = TAKE_PTR(f.span);
	return r;
}

static int keep_attributes_locked(struct tree *t, uint64_t ino)
{
	lock_assert(&t->lock);
	struct fetched f = {0};
	struct node *n;
	int r = node_with_xattrs_locked(t, ino, &f, &n);

	if (r == 0 && n->xattrs_at) {
		xattrs_load_locked(t, n, &f);
		space_node_locked(t, n);
		node_changed_locked(t, n);
	}
	if (r == 0)
		node_unused_locked(t, n);
	fetched_release(&f);
	return r == -ENOMEM || r == -EAGAIN ? r : 0;
}

int span_keep_attributes(struct tree *t, const struct span *s)
{
	int r = 0;

	if (!s->n_held)
		return 0;
	tree_lock(t);
	if (t->base)
		r = keep_attributes_locked(t, TREE_ROOT);
	for (size_t i = 0; r == 0 && i < s->n_ways; i++)
		r = keep_attributes_locked(t, s->ways[i].ino);
	tree_unlock(t);
	return r;
}
