/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tables.c - path tables (ECMA-119 9.4)
 *
 * A path table lists all directories, breadth first: the children of the first directory, of the second … each as
 * (identifier, extent, number of the parent).  So the children of one directory stand in one run, and runs ascend
 * with the number of the parent.
 *
 * In a full tree that is the order of plan_tree.directories.  A linked session knows only the directories it writes.
 * The walk goes through the same queue, and takes the children of a directory that stays from the base's table, where
 * nothing below it has changed but the numbers. The queue holds ranges, since children of one directory have numbers
 * that follow each other; the base is read in pieces. So memory follows the number of directories written, not of
 * those that are.
 *
 * Numbers of parents have 16 bits.  When a directory with directories would get a larger one, because too many without
 * any come before it, all of a full tree that have some stand first, and the others behind them, each part in the
 * usual order.  Readers that go by names do not mind; Windows knows no more than 65,535 directories in any case.
 *
 * The base is checked once before: both forms of its table must say the same, numbers must ascend, there must be as
 * many directories as its descriptor says, and all sub-directories that stay must be there with their names.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "burner/base/grow.h"
#include "burner/format/path_table.h"
#include "burner/session/internal.h"
#include "burner/session/record.h"
#include "burner/base/search.h"

#define WINDOW_BYTES (32u << 10)
#define MARK_EVERY 64u

struct table_entry {
	unsigned bytes;
	uint32_t lba, parent; /* parent: its number, from 1 */
	uint8_t identifier[256];
};

/* ---- the base's table, read forwards ---- */

struct cursor {
	const struct manifest *manifest;
	uint32_t lba, bytes; /* of the table */
	enum path_table_type type;
	uint32_t at, number; /* of the next entry: byte, number from 1 */
	uint32_t first, n;   /* bytes of the table in the window */
	uint8_t *window;
};

static int cursor_open(struct cursor *c, const struct burn_plan *p, enum tree_kind kind, enum path_table_type type)
{
	const struct manifest_table *t = &p->manifest->tables[kind];

	*c = (struct cursor){
		.manifest = p->manifest, .lba = t->lba[type], .bytes = t->bytes, .type = type, .number = 1};
	c->window = malloc(WINDOW_BYTES);
	return c->window ? 0 : -ENOMEM;
}

static void cursor_close(struct cursor *c) { free(c->window); }

/* So many bytes from the next entry on. */
static int cursor_have(struct cursor *c, uint32_t bytes, const uint8_t **ret)
{
	int r;

	if (bytes > c->bytes - c->at)
		return -EUCLEAN;
	if (c->at < c->first || c->at + bytes > c->first + c->n) {
		c->first = c->at;
		c->n = (uint32_t)min_u64(WINDOW_BYTES, c->bytes - c->at);
		r = c->manifest->read_disc(c->manifest->context, (uint64_t)c->lba * SECTOR_BYTES + c->at, c->window,
					   c->n);
		if (r) {
			c->n = 0;
			return r;
		}
	}
	*ret = c->window + (c->at - c->first);
	return 0;
}

/* 1 and an entry, 0 at the end; -EUCLEAN: it is none. */
static int cursor_next(struct cursor *c, struct table_entry *ret)
{
	const uint8_t *bytes;
	struct path_record e;
	int r;

	if (c->at == c->bytes)
		return 0;
	r = cursor_have(c, PATH_RECORD_FIXED_BYTES, &bytes);
	if (r)
		return r;
	if (path_record_decode(bytes, c->type, &e) < 0 || e.attribute_blocks ||
	    (c->number > 1 && e.parent >= c->number))
		return -EUCLEAN;
	ret->bytes = e.identifier_bytes;
	ret->lba = e.lba;
	ret->parent = e.parent;
	r = cursor_have(c, PATH_RECORD_FIXED_BYTES + ret->bytes, &bytes);
	if (r)
		return r;
	memcpy(ret->identifier, bytes + PATH_RECORD_FIXED_BYTES, ret->bytes);
	c->at += path_record_bytes(ret->bytes);
	c->number++;
	return c->at > c->bytes ? -EUCLEAN : 1;
}

/* ---- checking it ---- */

/* Every MARK_EVERYth entry, from the second on: where it is. */
struct mark {
	uint32_t at, number, parent;
};

struct base_table {
	struct mark *marks;
	size_t n_marks;
	uint32_t *numbers; /* in the base, of manifest.kept[] */
};

void base_table_free(struct base_table *t)
{
	if (!t)
		return;
	free(t->marks);
	free(t->numbers);
	free(t);
}
DEFINE_FREEP(struct base_table, base_table_free)

/* A sub-directory that stays, by its extent. */
struct stay {
	uint32_t lba, kept, entry;
};

static int compare_stays(const void *a, const void *b)
{
	const struct stay *x = a, *y = b;

	return x->lba < y->lba ? -1 : x->lba > y->lba;
}

static bool stay_before(const void *list, size_t i, const void *key)
{
	return ((const struct stay *)list)[i].lba < *(const uint32_t *)key;
}

/* Ascending; as many as manifest.kept has. */
static int list_stays(const struct burn_plan *p, enum tree_kind kind, struct stay **ret)
{
	const struct manifest *m = p->manifest;
	struct stay *list = calloc((size_t)m->n_kept + 1, sizeof(*list));
	uint32_t n = 0;

	if (!list)
		return -ENOMEM;
	for (uint32_t i = 0; i < m->n_entries; i++) {
		uint32_t node = m->entries[i].node, kept = m->nodes[node].kept;

		if (kept && n < m->n_kept)
			list[n++] = (struct stay){plan_place_of(p, kind, node).lba, kept - 1, i};
	}
	qsort(list, n, sizeof(*list), compare_stays);
	*ret = list;
	return n == m->n_kept ? 0 : -EINVAL;
}

static const uint8_t *identifier_of(const struct burn_plan *p, enum tree_kind kind, uint32_t entry, unsigned *ret_bytes)
{
	*ret_bytes = kind == TREE_ROCK_RIDGE ? p->entries[entry].iso_bytes : p->entries[entry].joliet_bytes;
	return kind == TREE_ROCK_RIDGE ? p->entries[entry].iso : p->entries[entry].joliet;
}

/* Is it one of those that stay? Then it has its name, and is met once. */
static int meet(const struct burn_plan *p, enum tree_kind kind, const struct stay *stays, struct base_table *t,
		const struct table_entry *e, uint32_t number)
{
	size_t i = search_first(stays, p->manifest->n_kept, &e->lba, stay_before);
	const uint8_t *identifier;
	unsigned bytes;

	if (i == p->manifest->n_kept || stays[i].lba != e->lba)
		return 0;
	identifier = identifier_of(p, kind, stays[i].entry, &bytes);
	if (t->numbers[stays[i].kept] || bytes != e->bytes || memcmp(identifier, e->identifier, bytes) != 0)
		return -EUCLEAN;
	t->numbers[stays[i].kept] = number;
	return 0;
}

static bool entries_equal(const struct table_entry *a, const struct table_entry *b)
{
	return a->bytes == b->bytes && a->lba == b->lba && a->parent == b->parent &&
	       memcmp(a->identifier, b->identifier, a->bytes) == 0;
}

static int check_entries(const struct burn_plan *p, enum tree_kind kind, const struct stay *stays, struct base_table *t)
{
	_cleanup_(cursor_close) struct cursor l = {.window = NULL}, m = {.window = NULL};
	struct table_entry e, other;
	uint32_t parent = 1, n = 0;
	int more = cursor_open(&l, p, kind, PATH_TABLE_L);

	if (!more)
		more = cursor_open(&m, p, kind, PATH_TABLE_M);
	while (!more) {
		uint32_t at = l.at;

		more = cursor_next(&l, &e);
		if (more > 0)
			more = cursor_next(&m, &other) == 1 && entries_equal(&e, &other) && e.parent >= parent &&
					       n < p->manifest->base_directories ?
				       0 :
				       -EUCLEAN;
		else
			break;
		if (!more && ++n > 1) {
			if ((n - 2) % MARK_EVERY == 0)
				t->marks[t->n_marks++] = (struct mark){at, n, e.parent};
			more = meet(p, kind, stays, t, &e, n);
		}
		parent = e.parent;
	}
	return more ? more : n == p->manifest->base_directories ? 0 : -EUCLEAN;
}

static int base_table_new(const struct burn_plan *p, enum tree_kind kind, struct base_table **ret)
{
	_cleanup_(base_table_freep) struct base_table *t = calloc(1, sizeof(*t));
	_free_ struct stay *stays = NULL;
	int r = t ? list_stays(p, kind, &stays) : -ENOMEM;

	if (r)
		return r;
	if (p->manifest->base_directories > p->manifest->tables[kind].bytes / PATH_RECORD_MIN)
		return -EUCLEAN;
	t->marks = calloc(p->manifest->base_directories / MARK_EVERY + 1, sizeof(*t->marks));
	t->numbers = calloc((size_t)p->manifest->n_kept + 1, sizeof(*t->numbers));
	if (!t->marks || !t->numbers)
		return -ENOMEM;
	r = check_entries(p, kind, stays, t);
	for (uint32_t i = 0; i < p->manifest->n_kept && !r; i++)
		r = t->numbers[i] ? 0 : -EUCLEAN;
	if (r)
		return r;
	*ret = TAKE_PTR(t);
	return 0;
}

/* ---- the walk ---- */

/* Directories whose children are still to be listed: of plan_tree.directories by index, or of the base by number. */
struct range {
	uint32_t first, n;
	bool of_base;
};

struct table_walk {
	const struct burn_plan *plan;
	enum tree_kind kind;
	struct range *queue;
	size_t head, end, room;
	/* The directory whose children are listed now. */
	bool open, of_base;
	uint32_t directory; /* index, or number in the base */
	uint32_t position;  /* in its order */
	uint32_t number;    /* in this table; 0: the root is still to come */
	bool leaves;	    /* parents_first: those are done */
	struct cursor cursor;
	struct table_entry next; /* of the base */
	bool has_next;
	uint32_t sought; /* children of this one were looked for last */
};

static int enqueue(struct table_walk *w, uint32_t directory, bool of_base)
{
	struct range *last = w->end > w->head ? &w->queue[w->end - 1] : NULL;

	if (last && last->of_base == of_base && last->first + last->n == directory) {
		last->n++;
		return 0;
	}
	if (w->end == w->room && w->head > w->room / 2) {
		memmove(w->queue, w->queue + w->head, (w->end - w->head) * sizeof(*w->queue));
		w->end -= w->head;
		w->head = 0;
	}
	if (grow(&w->queue, &w->room, w->end, sizeof(*w->queue)))
		return -ENOMEM;
	w->queue[w->end++] = (struct range){directory, 1, of_base};
	return 0;
}

static bool mark_before(const void *list, size_t i, const void *key)
{
	return ((const struct mark *)list)[i].parent < *(const uint32_t *)key;
}

/* Stands so that the children of that directory are still to come, and not much else before them. */
static void seek(struct table_walk *w, uint32_t parent)
{
	const struct base_table *t = w->plan->trees[w->kind].base;
	size_t i = search_first(t->marks, t->n_marks, &parent, mark_before);
	const struct mark *mark = t->n_marks ? &t->marks[i ? i - 1 : 0] : NULL;

	if (mark && (parent <= w->sought || mark->number > w->cursor.number)) {
		w->cursor.at = mark->at;
		w->cursor.number = mark->number;
		w->has_next = false;
	}
	w->sought = parent;
}

/* The next child of a directory that stays; 0: there is none. */
static int child_in_base(struct table_walk *w, struct table_entry *ret)
{
	for (;;) {
		int more = w->has_next ? 1 : cursor_next(&w->cursor, &w->next);

		w->has_next = more == 1 && w->next.parent > w->directory;
		if (more <= 0 || w->has_next)
			return more < 0 ? more : 0;
		if (w->next.parent < w->directory)
			continue;
		*ret = w->next;
		return enqueue(w, w->cursor.number - 1, true) == 0 ? 1 : -ENOMEM;
	}
}

static int child_in_plan(struct table_walk *w, struct table_entry *ret)
{
	const struct burn_plan *p = w->plan;
	const struct plan_tree *tree = &p->trees[w->kind];
	const struct plan_directory *d = &tree->directories[w->directory];
	const uint32_t *order = tree->order + p->manifest->nodes[d->node].first_entry;

	bulk_pace(p->manifest->bulk, w->position ? 1 : BULK_ANYWHERE + d->n_entries);
	while (w->position < d->n_entries) {
		uint32_t entry = order[w->position++], node = p->manifest->entries[entry].node,
			 kept = p->manifest->nodes[node].kept;
		const uint8_t *identifier;

		if (!S_ISDIR(p->manifest->nodes[node].mode))
			continue;
		identifier = identifier_of(p, w->kind, entry, &ret->bytes);
		memcpy(ret->identifier, identifier, ret->bytes);
		ret->lba = plan_place_of(p, w->kind, node).lba;
		return enqueue(w, kept ? tree->base->numbers[kept - 1] : tree->of_node[node], kept) == 0 ? 1 : -ENOMEM;
	}
	return 0;
}

/* Entry w->position of a table in which those with directories stand first. */
static int next_of_parts(struct table_walk *w, struct table_entry *ret)
{
	const struct burn_plan *p = w->plan;
	const struct plan_tree *tree = &p->trees[w->kind];
	uint32_t i;

	for (;; w->leaves = true, w->position = 0) {
		for (; w->position < tree->n_directories; w->position++)
			if (!tree->parents_first[w->position] == w->leaves)
				break;
		if (w->position < tree->n_directories)
			break;
		if (w->leaves)
			return 0;
	}
	i = w->position++;
	const struct plan_directory *d = &tree->directories[i];
	const uint8_t *identifier = i ? identifier_of(p, w->kind, d->entry, &ret->bytes) : (const uint8_t *)"";
	if (!i)
		ret->bytes = 1;
	memcpy(ret->identifier, identifier, ret->bytes);
	ret->lba = d->lba;
	ret->parent = tree->parents_first[d->parent];
	return 1;
}

/* -EMLINK: there are too many even so. */
static int put_parents_first(struct burn_plan *p, struct plan_tree *tree)
{
	uint32_t n = 0;

	tree->parents_first = bulk_zalloc(p->manifest->bulk, tree->n_directories, sizeof(*tree->parents_first));
	if (!tree->parents_first)
		return -ENOMEM;
	tree->parents_first[0] = 1; /* the root is its own parent */
	for (uint32_t i = 1; i < tree->n_directories; i++)
		tree->parents_first[tree->directories[i].parent] = 1;
	for (uint32_t i = 0; i < tree->n_directories; i++)
		if (tree->parents_first[i])
			tree->parents_first[i] = ++n;
	return n > PATH_PARENTS_MAX ? -EMLINK : 0;
}

/* The next directory of the queue. */
static bool advance(struct table_walk *w)
{
	struct range *r = &w->queue[w->head];

	if (w->head == w->end)
		return false;
	w->directory = r->first++;
	w->of_base = r->of_base;
	w->head += --r->n == 0;
	w->position = 0;
	w->number++;
	w->open = true;
	if (w->of_base)
		seek(w, w->directory);
	return true;
}

/* 1 and an entry, 0 at the end. */
static int walk_next(struct table_walk *w, struct table_entry *ret)
{
	if (w->plan->trees[w->kind].parents_first)
		return next_of_parts(w, ret);
	if (!w->number && !w->open && w->head == w->end) {
		*ret = (struct table_entry){.bytes = 1, .lba = w->plan->trees[w->kind].directories[0].lba, .parent = 1};
		return enqueue(w, 0, false) == 0 ? 1 : -ENOMEM;
	}
	for (;;) {
		int more = !w->open ? 0 : w->of_base ? child_in_base(w, ret) : child_in_plan(w, ret);

		if (more > 0 && w->number > PATH_PARENTS_MAX)
			return -EMLINK;
		if (more) {
			ret->parent = w->number;
			return more;
		}
		w->open = false;
		if (!advance(w))
			return 0;
	}
}

static int walk_open(struct table_walk *w, const struct burn_plan *p, enum tree_kind kind)
{
	*w = (struct table_walk){.plan = p, .kind = kind};
	return p->trees[kind].base ? cursor_open(&w->cursor, p, kind, PATH_TABLE_L) : 0;
}

static void walk_close(struct table_walk *w)
{
	free(w->queue);
	cursor_close(&w->cursor);
}

/* ---- what the layout and the stream ask for ---- */

static int measure(const struct burn_plan *p, enum tree_kind kind, uint64_t *ret_bytes, uint32_t *ret_n)
{
	_cleanup_(walk_close) struct table_walk w = {.queue = NULL};
	struct table_entry e;
	int more = walk_open(&w, p, kind);

	*ret_bytes = *ret_n = 0;
	if (more)
		return more;
	while ((more = walk_next(&w, &e)) > 0) {
		*ret_bytes += path_record_bytes(e.bytes);
		++*ret_n;
	}
	return more;
}

int path_table_measure(struct burn_plan *p, enum tree_kind kind)
{
	struct plan_tree *tree = &p->trees[kind];
	uint64_t bytes = 0;
	uint32_t n = 0;
	int r = p->manifest->linked ? base_table_new(p, kind, &tree->base) : 0;

	if (!r)
		r = measure(p, kind, &bytes, &n);
	if (r == -EMLINK && p->manifest->linked)
		return -EUCLEAN; /* with all directories it may be possible */
	if (r == -EMLINK) {
		r = put_parents_first(p, tree);
		if (!r)
			r = measure(p, kind, &bytes, &n);
	}
	tree->table_bytes = (uint32_t)min_u64(bytes, UINT32_MAX);
	tree->table_entries = n;
	return r;
}

struct table_stream {
	struct table_walk walk;
	enum path_table_type type;
	bool ended;
	struct records records;
};
static int next_record(void *stream, struct records *r);

int table_stream_new(const struct burn_plan *p, enum tree_kind kind, unsigned which, struct table_stream **ret)
{
	_cleanup_(table_stream_freep) struct table_stream *s = calloc(1, sizeof(*s));
	int r = s ? walk_open(&s->walk, p, kind) : -ENOMEM;

	if (r)
		return r;
	s->type = which ? PATH_TABLE_M : PATH_TABLE_L;
	s->records = (struct records){.next = next_record, .context = s};
	*ret = TAKE_PTR(s);
	return 0;
}

void table_stream_free(struct table_stream *s)
{
	if (!s)
		return;
	walk_close(&s->walk);
	free(s);
}

static int next_record(void *stream, struct records *r)
{
	struct table_stream *s = stream;
	struct table_entry e;
	int more = s->ended ? 0 : walk_next(&s->walk, &e);

	if (more <= 0) {
		s->ended = more == 0;
		return more;
	}
	r->n = path_record_bytes(e.bytes);
	path_record_encode(&(struct path_record){.identifier = e.identifier,
						 .identifier_bytes = (uint8_t)e.bytes,
						 .parent = (uint16_t)e.parent,
						 .lba = e.lba},
			   s->type, r->record);
	return 1;
}

int table_stream_read(struct table_stream *s, uint8_t *buf, size_t bytes)
{
	return records_read(&s->records, buf, bytes);
}
