/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Listing: a snapshot of names, taken at the first read.
 *
 * Cookie n is entry n-1 of the snapshot, so that rm -r, renames and a rebase in between neither skip nor repeat.
 * Base names come in the order of the disc, staged ones after them.  An entry is 24 bytes and its name: 200,000 entries of
 * ordinary names take less than 16 MiB.
 */
#include "fs/tree/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct dir_entry {
	uint64_t ino;
	uint64_t locator;	/* of the base record; UINT64_MAX: staged */
	uint32_t name;		/* offset in names */
	uint32_t type;
};

struct tree_dir {
	pthread_mutex_t lock;
	struct node *node;
	bool filled;
	struct iso_dir *records;	/* of the base, that the locators belong to; NULL: none */
	uint64_t epoch;
	struct dir_entry *entries;
	size_t n, capacity;
	char *names;
	size_t names_length, names_capacity;
};

int tree_opendir(struct tree *t, uint64_t ino, struct tree_dir **ret)
{
	_cleanup_(free_ptr) struct tree_dir *d = calloc(1, sizeof(*d));
	struct node *n;

	if (!d)
		return -ENOMEM;
	tree_lock(t);
	int r = node_get(t, ino, &n);
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

static void snapshot_clear(struct tree_dir *d)
{
	iso_dir_close(d->records);
	d->records = NULL;
	d->n = d->names_length = 0;
	d->filled = false;
}

void tree_closedir(struct tree *t, struct tree_dir *d)
{
	snapshot_clear(d);
	tree_lock(t);
	d->node->n_open--;
	node_unused(t, d->node);
	tree_unlock(t);
	free(d->entries);
	free(d->names);
	pthread_mutex_destroy(&d->lock);
	free(d);
}

static int snapshot_add(struct tree_dir *d, const char *name, uint64_t ino, uint32_t type, uint64_t locator)
{
	size_t length = strlen(name) + 1;

	if (d->n == d->capacity) {
		size_t capacity = d->capacity ? d->capacity + d->capacity / 2 : 64;
		struct dir_entry *grown = reallocarray(d->entries, capacity, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		d->entries = grown;
		d->capacity = capacity;
	}
	if (d->names_length + length > d->names_capacity) {
		size_t capacity = (d->names_capacity + d->names_capacity / 2 + length + 512);
		char *grown = capacity > UINT32_MAX ? NULL : realloc(d->names, capacity);

		if (!grown)
			return -ENOMEM;
		d->names = grown;
		d->names_capacity = capacity;
	}
	memcpy(d->names + d->names_length, name, length);
	d->entries[d->n++] = (struct dir_entry){.ino = ino, .locator = locator, .name = (uint32_t)d->names_length, .type = type};
	d->names_length += length;
	return 0;
}

/* Staged names are sorted: is this one of them? */
static int compare_staged(const void *key, const void *element)
{
	return strcmp(key, ((const struct stage_name *)element)->name);
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

static bool is_staged(const struct listing *l, const char *name)
{
	return l->n_staged && bsearch(name, l->staged, l->n_staged, sizeof(*l->staged), compare_staged);
}

static int add_base(struct tree_dir *d, const struct listing *l)
{
	struct iso_entry e = {0};
	int r = iso_dir_open(l->base, l->dir, &d->records);

	while (r == 0 && (r = iso_dir_next_name(d->records, &e)) == 1) {
		r = is_staged(l, e.name) ? 0 : snapshot_add(d, e.name, e.ino, e.mode & S_IFMT, e.locator);
		iso_entry_release(&e);
	}
	return r;
}

/* Modes of nodes whose row is not put yet. */
static uint32_t staged_type(struct tree *t, const struct stage_name *name)
{
	if (name->mode)
		return name->mode & S_IFMT;
	tree_lock(t);
	struct node *n = node_find(t, name->ino);
	uint32_t type = n ? n->mode & S_IFMT : 0;
	tree_unlock(t);
	return type;
}

static int snapshot_fill(struct tree *t, struct tree_dir *d)
{
	_cleanup_(listing_release) struct listing l = {0};

	snapshot_clear(d);
	int r = listing_take(t, d->node, &l);
	if (r == 0)
		r = snapshot_add(d, ".", d->node->ino, S_IFDIR, UINT64_MAX);
	if (r == 0)
		r = snapshot_add(d, "..", l.parent, S_IFDIR, UINT64_MAX);
	if (r == 0 && l.base)
		r = add_base(d, &l);
	for (size_t i = 0; r == 0 && i < l.n_staged; i++) {
		if (l.staged[i].ino != STAGE_WHITEOUT)
			r = snapshot_add(d, l.staged[i].name, l.staged[i].ino, staged_type(t, &l.staged[i]), UINT64_MAX);
	}
	if (r < 0) {
		snapshot_clear(d);
		return r;
	}
	d->epoch = l.epoch;
	d->filled = true;
	return 0;
}

int tree_readdir(struct tree *t, struct tree_dir *d, uint64_t cookie, struct tree_dir_entry *ret)
{
	int r = 0;

	pthread_mutex_lock(&d->lock);
	if (cookie == 0 || !d->filled)
		r = snapshot_fill(t, d);
	if (r == 0 && cookie < d->n) {
		const struct dir_entry *e = &d->entries[cookie];

		*ret = (struct tree_dir_entry){.name = d->names + e->name, .ino = e->ino, .type = e->type, .next = cookie + 1};
		r = 1;
	}
	pthread_mutex_unlock(&d->lock);
	return r;
}

/* The record of the snapshot, when it still stands for the name; -EXDEV: it does not, ask by name. */
static int lookup_record(struct tree *t, struct tree_dir *d, const struct dir_entry *e, const char *name, struct stat *st)
{
	_cleanup_entry_ struct iso_entry entry = {0};
	uint64_t staged;
	int r = iso_dir_at(d->records, e->locator, &entry);

	if (r < 0)
		return r;
	tree_lock(t);
	bool overlaid = t->stage && stage_names_exist(t->stage, d->node->ino) && stage_name_get(t->stage, d->node->ino, name, &staged) == 0;
	r = t->epoch != d->epoch || overlaid ? -EXDEV : node_hand_out(t, d->node->ino, &entry, st);
	tree_unlock(t);
	return r;
}

int tree_readdir_lookup(struct tree *t, struct tree_dir *d, uint64_t cookie, struct stat *st)
{
	char name[256];
	int r = -EXDEV;

	pthread_mutex_lock(&d->lock);
	if (!d->filled || cookie >= d->n || cookie < 2) {
		pthread_mutex_unlock(&d->lock);
		return -ENOENT;
	}
	struct dir_entry e = d->entries[cookie];
	memcpy(name, d->names + e.name, strnlen(d->names + e.name, 255) + 1);
	name[255] = 0;
	if (e.locator != UINT64_MAX)
		r = lookup_record(t, d, &e, name, st);
	pthread_mutex_unlock(&d->lock);
	return r == -EXDEV ? tree_lookup(t, d->node->ino, name, st) : r;
}

int directory_empty(struct tree *t, uint64_t ino)
{
	_cleanup_(listing_release) struct listing l = {0};
	_cleanup_(iso_dir_closep) struct iso_dir *records = NULL;
	struct iso_entry e = {0};
	struct node *n;

	tree_lock(t);
	int r = node_get(t, ino, &n);
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
		r = is_staged(&l, e.name) ? 0 : -ENOTEMPTY;
		iso_entry_release(&e);
	}
	return r;
}
