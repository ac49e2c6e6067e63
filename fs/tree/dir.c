/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Listing: the base's records in the order of the disc, then the staged names.
 *
 * The base's are read as they are asked for: they never change, and the handle keeps the base that it began with.
 * What was staged then is a list of its own; names in it are left out of the base's.  So rm -r, renames and a rebase
 * in between neither skip nor repeat, and a listing of a large directory takes no memory for what the disc has.
 * Cookies: 0 ".", 1 "..", 2 the first record, then the place of a record in the directory, STAGED_COOKIE + n the
 * staged name n.
 */
#include "fs/tree/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* longer than a directory can be; below 2^31, which all programs can hold */
#define STAGED_COOKIE (1ull << 30 | 1ull << 12)
#define EXPECT_BEFORE_BYTES 32768u /* directories that are named later are not asked for ahead */

struct staged_entry {
	uint64_t ino; /* STAGE_WHITEOUT: hides a record */
	size_t name;  /* offset in names */
	uint32_t type;
};

struct tree_dir {
	pthread_mutex_t lock;
	struct node *node;
	bool begun; /* what follows is taken */
	uint64_t epoch, parent;
	struct iso *base;	     /* with records */
	struct iso_dir *records;     /* NULL: none */
	struct staged_entry *staged; /* sorted by name */
	size_t n_staged;
	char *names;
	bool holds;	/* entry: of the record at … */
	uint64_t held;	/* … this cookie */
	int held_error; /* only its name could be read */
	struct iso_entry entry;
	struct iso_ahead ahead;
	int damage; /* what the disc said at … */
	/* … this cookie: told once more without asking it, when the names before it went out first */
	uint64_t damaged;
};

int tree_opendir(struct tree *t, uint64_t ino, struct tree_dir **ret)
{
	_cleanup_(free_ptr) struct tree_dir *d = calloc(1, sizeof(*d));
	struct node *n;

	if (!d)
		return -ENOMEM;
	tree_lock(t);
	int r = node_get_locked(t, ino, &n);
	if (r == 0 && !S_ISDIR(n->mode))
		r = -ENOTDIR;
	if (r == 0)
		n->n_open++;
	tree_unlock(t);
	if (r < 0)
		return r;
	d->node = n;
	pthread_mutex_init(&d->lock, NULL);
	*ret = TAKE_PTR(d);
	return 0;
}

static void drop_entry(struct tree_dir *d)
{
	if (d->holds)
		iso_entry_release(&d->entry);
	d->holds = false;
}

/* Directories named so far are asked for. */
static void expect_no_more(struct tree_dir *d)
{
	if (d->base)
		iso_expect(d->base, &d->ahead, (struct iso_extent){0});
}

static void dir_clear(struct tree_dir *d)
{
	drop_entry(d);
	expect_no_more(d);
	iso_dir_close(d->records);
	iso_unref(d->base);
	free(d->staged);
	free(d->names);
	d->records = NULL;
	d->base = NULL;
	d->staged = NULL;
	d->names = NULL;
	d->n_staged = 0;
	d->begun = false;
}

void tree_closedir(struct tree *t, struct tree_dir *d)
{
	dir_clear(d);
	tree_lock(t);
	d->node->n_open--;
	node_unused_locked(t, d->node);
	tree_unlock(t);
	pthread_mutex_destroy(&d->lock);
	free(d);
}

struct listing {
	struct iso *base;
	struct iso_extent dir;
	uint64_t epoch, parent;
	struct stage_name *staged;
	size_t n_staged;
};

static void listing_release(struct listing *l)
{
	iso_unref(l->base);
	free(l->staged);
}

/* What the lists are made of, taken in one moment. */
static int listing_take(struct tree *t, struct node *n, struct listing *ret)
{
	int r = 0;

	tree_lock(t);
	*ret = (struct listing){.dir = n->base_dir, .epoch = t->epoch, .parent = n->parent ? n->parent : n->ino};
	if (n->orphan || n->dead)
		ret->dir.bytes = 0;
	else if (t->stage && stage_names_exist(t->stage, n->ino))
		r = stage_names(t->stage, n->ino, &ret->staged, &ret->n_staged);
	if (r == 0 && t->base && ret->dir.bytes)
		ret->base = iso_ref(t->base);
	tree_unlock(t);
	return r;
}

/* Modes of nodes whose row is not put yet. */
static uint32_t staged_type(struct tree *t, const struct stage_name *name)
{
	if (name->mode || name->ino == STAGE_WHITEOUT)
		return name->mode & S_IFMT;
	tree_lock(t);
	struct node *n = node_find_locked(t, name->ino);
	uint32_t type = n ? n->mode & S_IFMT : 0;
	tree_unlock(t);
	return type;
}

static int take_staged(struct tree *t, struct tree_dir *d, const struct listing *l)
{
	size_t bytes = 0;

	for (size_t i = 0; i < l->n_staged; i++)
		bytes += strlen(l->staged[i].name) + 1;
	d->staged = calloc(l->n_staged + 1, sizeof(*d->staged));
	d->names = malloc(bytes + 1);
	if (!d->staged || !d->names)
		return -ENOMEM;
	bytes = 0;
	for (; d->n_staged < l->n_staged; d->n_staged++) {
		const struct stage_name *name = &l->staged[d->n_staged];
		size_t length = strlen(name->name) + 1;

		memcpy(d->names + bytes, name->name, length);
		d->staged[d->n_staged] =
			(struct staged_entry){.ino = name->ino, .name = bytes, .type = staged_type(t, name)};
		bytes += length;
	}
	return 0;
}

static int dir_begin(struct tree *t, struct tree_dir *d)
{
	_cleanup_(listing_release) struct listing l = {0};

	dir_clear(d);
	int r = listing_take(t, d->node, &l);
	if (r == 0 && l.n_staged)
		r = take_staged(t, d, &l);
	if (r == 0 && l.base) {
		d->base = TAKE_PTR(l.base);
		r = iso_dir_open(d->base, l.dir, &d->records);
	}
	if (r < 0) {
		dir_clear(d);
		return r;
	}
	d->epoch = l.epoch;
	d->parent = l.parent;
	d->begun = true;
	return 0;
}

static bool is_staged(const struct tree_dir *d, const char *name)
{
	size_t low = 0, high = d->n_staged;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(name, d->names + d->staged[middle].name);

		if (order == 0)
			return true;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return false;
}

/* A damaged record keeps its name, if that can be read: the error comes when it is looked at. */
static int next_entry(struct tree_dir *d)
{
	int r = iso_dir_next(d->records, &d->entry);

	d->held_error = 0;
	if (r < 0 && r != -EAGAIN && r != -ENOMEM) {
		d->held_error = r;
		r = iso_dir_next_name(d->records, &d->entry);
	}
	d->holds = r == 1;
	return r;
}

/* Hold the record of that cookie. 1, or 0: there are no more. */
static int hold_entry(struct tree_dir *d, uint64_t cookie)
{
	if (d->holds && d->held == cookie)
		return 1;
	drop_entry(d);
	int r = d->records ? iso_dir_seek(d->records, cookie == 2 ? 0 : (uint32_t)cookie) : 0;
	if (r < 0 || !d->records)
		return r;
	while ((r = next_entry(d)) == 1 && is_staged(d, d->entry.name))
		drop_entry(d);
	d->held = cookie;
	return r;
}

static void set_entry(struct tree_dir_entry *e, const char *name, uint64_t ino, uint32_t type, uint64_t next)
{
	size_t length = min_u64(strlen(name), sizeof(e->name) - 1);

	memcpy(e->name, name, length);
	e->name[length] = 0;
	e->ino = ino;
	e->type = type;
	e->next = next;
}

enum kind { ENTRY_NONE, ENTRY_DOTS, ENTRY_RECORD, ENTRY_STAGED };

/* What the cookie stands for, or an error; of a staged name *cookie becomes that of one that is to be seen. */
static int find_entry(struct tree_dir *d, uint64_t *cookie)
{
	if (*cookie < 2)
		return ENTRY_DOTS;
	if (*cookie < STAGED_COOKIE) {
		int r = hold_entry(d, *cookie);

		if (r)
			return r < 0 ? r : ENTRY_RECORD;
		*cookie = STAGED_COOKIE;
	}
	while (*cookie - STAGED_COOKIE < d->n_staged && d->staged[*cookie - STAGED_COOKIE].ino == STAGE_WHITEOUT)
		++*cookie;
	return *cookie - STAGED_COOKIE < d->n_staged ? ENTRY_STAGED : ENTRY_NONE;
}

static int give_entry(struct tree_dir *d, uint64_t cookie, struct tree_dir_entry *ret)
{
	int r = find_entry(d, &cookie);

	if (r == ENTRY_DOTS) {
		set_entry(ret, cookie ? ".." : ".", cookie ? d->parent : d->node->ino, S_IFDIR, cookie + 1);
	} else if (r == ENTRY_RECORD) {
		set_entry(ret, d->entry.name, d->entry.ino, d->entry.mode & S_IFMT, iso_dir_tell(d->records));
	} else if (r == ENTRY_STAGED) {
		const struct staged_entry *e = &d->staged[cookie - STAGED_COOKIE];

		set_entry(ret, d->names + e->name, e->ino, e->type, cookie + 1);
	} else {
		expect_no_more(d);
	}
	return r > 0 ? 1 : r;
}

int tree_readdir(struct tree *t, struct tree_dir *d, uint64_t cookie, struct tree_dir_entry *ret)
{
	pthread_mutex_lock(&d->lock);
	int r = cookie == 0 || !d->begun ? dir_begin(t, d) : 0;
	bool told = r == 0 && cookie && d->damage && cookie == d->damaged;
	if (told)
		r = d->damage;
	else if (r == 0)
		r = give_entry(d, cookie, ret);
	d->damage = !told && disc_is_damage(r) ? r : 0;
	d->damaged = cookie;
	pthread_mutex_unlock(&d->lock);
	return r;
}

/* The record that is held, when it still stands for its name; -EXDEV: it does not, ask by name. */
static int lookup_record(struct tree *t, struct tree_dir *d, struct stat *st)
{
	uint64_t staged;

	if (d->held_error < 0)
		return d->held_error;
	tree_lock(t);
	idle_settle_locked(t);
	int r = t->epoch == d->epoch && t->stage ? stage_name_get(t->stage, d->node->ino, d->entry.name, &staged) :
						   -ENOENT;
	if (t->epoch != d->epoch || r == 0)
		r = -EXDEV;
	else if (r == -ENOENT)
		r = node_hand_out_locked(t, d->node->ino, &d->entry, st);
	tree_unlock(t);
	if (r == 0 && S_ISDIR(st->st_mode) && d->held < EXPECT_BEFORE_BYTES)
		iso_expect(d->base, &d->ahead, d->entry.dir);
	return r;
}

int tree_readdir_lookup(struct tree *t, struct tree_dir *d, uint64_t cookie, struct stat *st)
{
	pthread_mutex_lock(&d->lock);
	int kind = d->begun ? find_entry(d, &cookie) : ENTRY_NONE, r = kind < 0 ? kind : -ENOENT;
	const char *name = kind == ENTRY_RECORD ? d->entry.name :
			   kind == ENTRY_STAGED ? d->names + d->staged[cookie - STAGED_COOKIE].name :
						  NULL;
	if (kind == ENTRY_RECORD)
		r = lookup_record(t, d, st);
	if (name && (kind == ENTRY_STAGED || r == -EXDEV))
		r = tree_lookup(t, d->node->ino, name, st);
	drop_entry(d); /* a node may have taken its extents */
	pthread_mutex_unlock(&d->lock);
	return r;
}

/* Staged names are sorted: is this one of them? */
static int compare_staged(const void *key, const void *element)
{
	return strcmp(key, ((const struct stage_name *)element)->name);
}

static bool is_in_listing(const struct listing *l, const char *name)
{
	return l->n_staged && bsearch(name, l->staged, l->n_staged, sizeof(*l->staged), compare_staged);
}

int directory_empty(struct tree *t, uint64_t ino)
{
	_cleanup_(listing_release) struct listing l = {0};
	_cleanup_(iso_dir_closep) struct iso_dir *records = NULL;
	struct iso_entry e = {0};
	struct node *n;

	tree_lock(t);
	int r = node_get_locked(t, ino, &n);
	tree_unlock(t);
	if (r == 0)
		r = listing_take(t, n, &l);
	for (size_t i = 0; r == 0 && i < l.n_staged; i++) {
		if (l.staged[i].ino != STAGE_WHITEOUT)
			r = -ENOTEMPTY;
	}
	if (r < 0 || !l.base)
		return r;
	r = iso_dir_open(l.base, l.dir, &records);
	while (r == 0 && (r = iso_dir_next_name(records, &e)) == 1) {
		r = is_in_listing(&l, e.name) ? 0 : -ENOTEMPTY;
		iso_entry_release(&e);
	}
	return r;
}
