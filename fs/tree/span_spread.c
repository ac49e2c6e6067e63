/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which disc takes each entry, and what is held back for the next ones.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/bytes.h"
#include "burner/base/grow.h"
#include "burner/base/path.h"
#include "burner/base/printable.h"
#include "burner/base/why.h"
#include "fs/tree/span_walk.h"
#include "fs/tree/spread.h"
#include "fs/tree/staged.h"

/* ---- names of one file ---- */

struct link {
	uint64_t ino;
	size_t entry;
};
struct links {
	struct link *list;
	size_t n, capacity;
	size_t entry; /* whose names are met */
};

static int add_link(void *context, const struct span_node *n)
{
	struct links *l = context;

	if (!n->row || S_ISDIR(n->row->mode) || n->row->nlink < 2)
		return 0;
	if (grow(&l->list, &l->capacity, l->n, sizeof(*l->list)))
		return -ENOMEM;
	l->list[l->n++] = (struct link){n->ino, l->entry};
	return 0;
}

static int compare_links(const void *a, const void *b)
{
	const struct link *x = a, *y = b;

	if (x->ino != y->ino)
		return x->ino < y->ino ? -1 : 1;
	return x->entry < y->entry ? -1 : x->entry > y->entry;
}

static size_t group_of(const struct span *s, size_t entry)
{
	while (s->entries[entry].group != entry)
		entry = s->entries[entry].group;
	return entry;
}

static void join(struct span *s, size_t a, size_t b)
{
	size_t x = group_of(s, a), y = group_of(s, b);

	s->entries[x > y ? x : y].group = x > y ? y : x;
}

/* A file that has a name elsewhere stays where that is, and with it all that it is joined to. */
static void join_links(struct span *s, const struct stage_snapshot *rows, const struct links *l)
{
	for (size_t i = 0, end; i < l->n; i = end) {
		for (end = i; end < l->n && l->list[end].ino == l->list[i].ino; end++)
			join(s, l->list[i].entry, l->list[end].entry);
		if (end - i != staged_row(rows, l->list[i].ino)->nlink)
			s->entries[l->list[i].entry].here = true;
	}
	for (size_t i = 0; i < s->n; i++)
		s->entries[i].group = group_of(s, i);
	for (size_t i = 0; i < s->n; i++)
		if (s->entries[i].here)
			s->entries[s->entries[i].group].here = true;
	for (size_t i = 0; i < s->n; i++)
		s->entries[i].here = s->entries[s->entries[i].group].here;
}

/* ---- parts, and the texts beside them ---- */

static int compare_paths(const void *key, const void *entry)
{
	return strcmp(key, ((const struct span_entry *)entry)->path);
}

static int join_text(struct span *s, size_t text)
{
	const struct span_entry *e = &s->entries[text], *part;
	char name[NAME_MAX + 1];
	_free_ char *path = NULL;

	if (!split_part_of_text(e->name, name))
		return 0;
	if (asprintf(&path, "%.*s%s", (int)(e->name - e->path), e->path, name) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	part = bsearch(path, s->entries, s->n, sizeof(*s->entries), compare_paths);
	if (part)
		join(s, (size_t)(part - s->entries), text);
	return 0;
}

static int find_groups(struct span *s, const struct stage_snapshot *rows)
{
	struct links l = {0};
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->n; i++)
		r = join_text(s, i);
	for (l.entry = 0; r == 0 && l.entry < s->n; l.entry++)
		r = span_walk(rows, s->entries[l.entry].ino, add_link, &l);
	if (r == 0 && l.n)
		qsort(l.list, l.n, sizeof(*l.list), compare_links);
	if (r == 0)
		join_links(s, rows, &l);
	free(l.list);
	return r;
}

/* ---- discs ---- */

static int too_large(const struct span *s, size_t group, uint64_t cost, const struct stage_snapshot *rows,
		     char **ret_why)
{
	const struct span_entry *e = &s->entries[group];
	const struct stage_node *row = staged_row(rows, e->ino);
	const char *what = cost > e->cost	     ? "with what has other names of its files" :
			   row && S_ISDIR(row->mode) ? "as a whole" :
						       "which is one file,";

	return why_set(ret_why, -EFBIG, "%s, %s is larger than a disc: it fits on none of the set%s", e->path, what,
		       row && S_ISREG(row->mode) ? ", unless it is split into parts (--split)" : "");
}

struct placing {
	struct span *span;
	const struct stage_snapshot *rows;
	const struct span_rooms *rooms;
	struct spread spread;
	uint64_t *costs; /* of each group, by its first entry */
	size_t n_splits; /* so many are done already */
	bool opens;	 /* something is to be opened before */
	char **ret_why;
};

static void placing_release(struct placing *p)
{
	spread_release(&p->spread);
	free(p->costs);
}

/* All entries of the group are names of one new file.  1, 0, -ENOMEM */
static int find_names(const struct placing *p, size_t group, struct split *ret)
{
	const struct span *s = p->span;
	const struct stage_node *row = staged_row(p->rows, s->entries[group].ino);
	size_t capacity = 0;

	if (!row || !S_ISREG(row->mode))
		return 0;
	*ret = (struct split){.ino = row->ino, .size = row->size};
	for (size_t i = group; i < s->n; i++) {
		const struct span_entry *e = &s->entries[i];

		if (e->group != group)
			continue;
		if (e->ino != row->ino)
			return 0;
		if (grow(&ret->names, &capacity, ret->n_names, sizeof(*ret->names)))
			return -ENOMEM;
		char *path = strdup(e->path);
		if (!path)
			return -ENOMEM;
		ret->names[ret->n_names++] = (struct split_name){e->parent, path, path_last(path)};
	}
	return ret->n_names == row->nlink;
}

/* Where its parts lie is found with the others, later: for those behind it their room is taken. */
static int place_parts(struct placing *p, const struct split *split)
{
	uint32_t disc;
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < split->n_parts; i++)
		r = spread_place(&p->spread,
				 split_file_cost(split_part_bytes(split, i), split->n_names, p->rooms->listed), &disc);
	return r;
}

/* -EFBIG: it is not to be, or cannot be split. */
static int split_group(struct placing *p, size_t group)
{
	struct span *s = p->span;
	struct split split = {0};
	struct split_rooms rooms = {.blank = p->rooms->other, .listed = p->rooms->listed};
	int r = p->rooms->may_split ? find_names(p, group, &split) : 0;

	for (size_t i = 0; i < p->spread.n; i++)
		rooms.left = max_u64(rooms.left, p->spread.left[i]);
	if (r == 0)
		r = -EFBIG;
	if (r > 0)
		r = split_plan(&split, &rooms);
	if (r == -ENAMETOOLONG)
		(void)why_set(p->ret_why, r, "%s is larger than a disc, and its name too long for names of parts",
			      s->entries[group].path);
	if (r == 0)
		r = place_parts(p, &split);
	if (r == 0 && grow(&s->splits, &s->splits_capacity, s->n_splits, sizeof(*s->splits)))
		r = -ENOMEM;
	if (r == 0)
		s->splits[s->n_splits++] = split;
	else
		split_release(&split);
	return r;
}

/* Directories that are together only for the names of some file: else than that their files are not.  Is there one? */
static bool open_group(struct placing *p, size_t group)
{
	struct span *s = p->span;
	bool opens = false;

	for (size_t i = group; i < s->n; i++) {
		const struct stage_node *row =
			s->entries[i].group == group ? staged_row(p->rows, s->entries[i].ino) : NULL;

		s->entries[i].opens |= row && S_ISDIR(row->mode);
		opens |= row && S_ISDIR(row->mode);
	}
	p->opens |= opens;
	return opens;
}

/* A group goes where there is room for all of it, in the place of its first entry. */
static int place(struct placing *p)
{
	struct span *s = p->span;
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->n; i++) {
		struct span_entry *e = &s->entries[i];

		if (e->group == i && !e->here)
			r = spread_place(&p->spread, p->costs[i], &e->disc);
		else
			e->disc = s->entries[e->group].disc;
		if (r == -EFBIG)
			r = open_group(p, i) ? 0 : split_group(p, i);
		if (r == -EFBIG)
			r = too_large(s, i, p->costs[i], p->rows, p->ret_why);
	}
	return r;
}

static int place_all(struct span *s, const struct stage_snapshot *rows, const struct span_rooms *rooms, char **ret_why)
{
	uint64_t *costs = calloc(s->n + 1, sizeof(*costs));
	_cleanup_(placing_release) struct placing p = {
		.span = s, .rows = rows, .rooms = rooms, .costs = costs, .n_splits = s->n_splits, .ret_why = ret_why};
	uint64_t here = 0;
	int r;

	if (!costs)
		return -ENOMEM;
	for (size_t i = 0; i < s->n; i++) {
		costs[s->entries[i].group] += s->entries[i].cost;
		here += s->entries[i].here ? s->entries[i].cost : 0;
	}
	for (size_t i = 0; here > rooms->first && i < s->n; i++)
		if (s->entries[i].here && s->entries[i].group == i)
			(void)open_group(&p, i);
	if (here > rooms->first && !p.opens)
		return why_set(ret_why, -ENOSPC,
			       "what has other names on this disc can only go there, and needs %llu bytes more than it "
			       "has left",
			       (unsigned long long)(here - rooms->first));
	r = spread_init(&p.spread, rooms->first - min_u64(rooms->first, here), rooms->other);
	if (r == 0)
		r = place(&p);
	while (p.opens && s->n_splits > p.n_splits)
		split_release(&s->splits[--s->n_splits]);
	s->here_bytes += p.opens ? 0 : here;
	s->n_discs = (uint32_t)p.spread.n;
	return r ? r : p.opens ? SPAN_TO_OPEN : s->n_splits > p.n_splits ? SPAN_TO_SPLIT : 0;
}

/* ---- what is held ---- */

static void note_kept(struct span *s)
{
	for (size_t i = 0; i < s->n; i++)
		for (size_t at = s->entries[i].disc ? SPAN_NONE : s->entries[i].above; at != SPAN_NONE;
		     at = s->opened[at].entry.above)
			s->opened[at].kept = true;
}

static int add_held_node(void *context, const struct span_node *n)
{
	struct span *s = context;
	int r = n->row ? idset_reserve(&s->nodes, 1) : 0;

	if (r == 0 && n->row)
		idset_add(&s->nodes, n->ino);
	return r;
}

/* A directory that was opened, of which nothing is kept, waits as a whole. */
static int hold(struct span *s, const struct span_entry *e, const struct stage_snapshot *rows)
{
	size_t top = SPAN_NONE;

	for (size_t at = e->above; at != SPAN_NONE && !s->opened[at].kept; at = s->opened[at].entry.above)
		top = at;
	if (top != SPAN_NONE && s->opened[top].noted)
		return 0;
	if (top != SPAN_NONE) {
		s->opened[top].noted = true;
		e = &s->opened[top].entry;
	}
	s->held[s->n_held++] = e;
	return span_walk(rows, e->ino, add_held_node, s);
}

static int find_held(struct span *s, const struct stage_snapshot *rows)
{
	int r = 0;

	s->held = calloc(s->n + 1, sizeof(*s->held));
	if (!s->held)
		return -ENOMEM;
	note_kept(s);
	for (size_t i = 0; r == 0 && i < s->n; i++) {
		if (!s->entries[i].disc)
			continue;
		s->held_bytes += s->entries[i].bytes;
		r = hold(s, &s->entries[i], rows);
	}
	if (s->n_held && !s->held_bytes) /* names alone are something, too */
		s->held_bytes = SECTOR_BYTES;
	return r;
}

int span_spread(struct span *s, const struct stage_snapshot *rows, const struct span_rooms *rooms, char **ret_why)
{
	int r = find_groups(s, rows);

	if (r == 0)
		r = place_all(s, rows, rooms, ret_why);
	return r ? r : find_held(s, rows);
}
