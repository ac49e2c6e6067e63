/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the kernel knows and nobody uses (known.h): how it becomes nodes, and is forgotten.
 *
 * Most of what a walk over a disc makes known is never looked at again, so the tree keeps only where its record is. A
 * file stays so while it has one name, its record says all there is of it, and no handle is open.  A request that
 * comes by its number (node_fetch_locked) reads the record without the lock, as a probe does.  Records of older
 * sessions stay where they are and say what they said; they are read by a reader of their own kind, since one of a
 * foreign session is not decoded as ours are. On a drive there are nodes as long as they are not too many (idle.c):
 * while it burns nothing can be read, and what the kernel has in its cache should be there all the same.  Files of
 * the stage have their rows instead of records; those that were burned since: burned.c.
 */
#include "fs/tree/internal.h"

#include <errno.h>
#include <stdlib.h>

static bool same_kind(const struct iso *a, const struct iso *b)
{
	struct iso_info x, y;

	iso_info(a, &x);
	iso_info(b, &y);
	return x.ours == y.ours && x.rock_ridge == y.rock_ridge && x.joliet == y.joliet &&
	       x.appuse.flags == y.appuse.flags;
}

int reader_of_base_locked(struct tree *t, uint32_t *ret)
{
	lock_assert(&t->lock);
	for (uint32_t i = 0; i < t->n_readers; i++) {
		if (t->readers[i] == t->base) {
			*ret = i;
			return 0;
		}
		if (same_kind(t->readers[i], t->base)) {
			iso_unref(t->readers[i]);
			t->readers[i] = iso_ref(t->base);
			*ret = i;
			return 0;
		}
	}
	struct iso **grown = reallocarray(t->readers, t->n_readers + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	t->readers = grown;
	t->readers[t->n_readers] = iso_ref(t->base);
	*ret = t->n_readers++;
	return 0;
}

void readers_release(struct tree *t)
{
	for (uint32_t i = 0; i < t->n_readers; i++)
		iso_unref(t->readers[i]);
	free(t->readers);
}

/* The record of a known file.  The lock is given back meanwhile. */
static int read_record_unlocked(struct tree *t, const struct known *k, struct iso_entry *ret)
{
	struct iso *reader = iso_ref(t->readers[k->where]);
	uint64_t locator = k->locator;

	tree_unlock(t);
	int r = iso_entry_at(reader, locator, ret);
	tree_lock(t);
	if (r == 0 && reader != t->base)
		ret->recorded_nlink = ret->nlink; /* the session that was burned since counts names */
	iso_unref(reader);
	return r == -ENOENT ? -EBADMSG : r;
}

/* A record of that directory's listing in the base: of a file whose record was not known? */
static void note_record_locked(struct tree *t, uint64_t parent, const struct iso_entry *e)
{
	lock_assert(&t->lock);
	uint32_t reader;
	struct known *k = known_find(&t->known, e->ino);

	if (reader_of_base_locked(t, &reader) < 0 || reader >= KNOWN_READERS || !known_fits(e->locator, 0, 0, 0))
		return;
	if (k && k->where == KNOWN_BURNED && k->parent == parent) {
		k->locator = e->locator;
		k->where = (uint8_t)reader;
	} else if (!k && burned_parent_locked(t, e->ino) == parent) {
		struct known found = known_of(e->ino, e->locator, parent, 1, reader);

		if (known_add(&t->known, &found) == 0)
			burned_remove_locked(t, e->ino);
	}
}

/* All of a listing, without the lock. */
static int note_records(struct tree *t, uint64_t parent, struct iso *base, struct iso_extent listing, uint64_t epoch)
{
	_cleanup_(iso_dir_closep) struct iso_dir *records = NULL;
	struct iso_entry e = {0};
	int r = iso_dir_open(base, listing, &records);

	while (r == 0 && (r = iso_dir_next_name(records, &e)) == 1) {
		tree_lock(t);
		if (t->epoch == epoch)
			note_record_locked(t, parent, &e);
		tree_unlock(t);
		iso_entry_release(&e);
		r = 0;
	}
	return r;
}

/* The records of all files of one directory that were burned since they were looked up.  The lock is given back
 * meanwhile. */
static int find_burned_unlocked(struct tree *t, uint64_t parent)
{
	const struct node *dir = node_find_locked(t, parent);

	if (!dir || !S_ISDIR(dir->mode) || dir->dead || !dir->base_dir.bytes || !t->base)
		return -ESTALE; /* its directory is forgotten: it will be asked for by its name */
	struct iso *base = iso_ref(t->base);
	struct iso_extent listing = dir->base_dir;
	uint64_t epoch = t->epoch;

	tree_unlock(t);
	int r = note_records(t, parent, base, listing, epoch);
	iso_unref(base);
	tree_lock(t);
	return r;
}

/* what was looked for last, in which base, and found */
struct fetching {
	struct known was;
	uint64_t epoch;
	struct iso_entry entry;
};

static bool same_place(const struct known *a, const struct known *b)
{
	return a->ino == b->ino && a->where == b->where && a->locator == b->locator;
}

/* What is known becomes a node.  1: its record is fetched, look again. */
static int fetch_known_locked(struct tree *t, struct known *k, struct fetching *x, struct node **ret)
{
	lock_assert(&t->lock);
	uint64_t ino = k->ino;
	int r;

	if (k->where == KNOWN_STAGED && !stage_node_exists(t->stage, ino))
		k->where = KNOWN_BURNED; /* a rebase drops rows, and looks for nobody */
	bool again = same_place(k, &x->was) && x->epoch == t->epoch;
	x->was = *k;
	x->epoch = t->epoch;
	if (k->where == KNOWN_STAGED)
		return node_from_stage_locked(t, ino, ret);
	if (k->where == KNOWN_BURNED && !again) {
		r = find_burned_unlocked(t, k->parent);
		return r < 0 ? r : 1;
	}
	if (k->where >= KNOWN_READERS)
		return -ESTALE;
	if (!again) {
		iso_entry_release(&x->entry);
		r = read_record_unlocked(t, k, &x->entry);
		return r < 0 ? r : 1;
	}
	r = node_new_locked(t, ino, ret);
	if (r == 0)
		node_take_entry(*ret, x->was.parent, x->was.where, &x->entry);
	return r;
}

/* One try. 1: look again. */
static int fetch_try_locked(struct tree *t, uint64_t ino, struct fetching *x, struct node **ret)
{
	lock_assert(&t->lock);
	struct known *k = known_find(&t->known, ino), burned;

	if (!k && burned_has_locked(t, ino)) {
		burned = known_of(ino, 0, burned_parent_locked(t, ino), 1, KNOWN_BURNED);
		k = &burned;
	}
	if (k)
		return fetch_known_locked(t, k, x, ret);
	if (idset_has(&t->once, ino) && stage_node_exists(t->stage, ino))
		return node_from_stage_locked(t, ino, ret);
	return node_get_locked(t, ino, ret);
}

int node_fetch_locked(struct tree *t, uint64_t ino, struct node **ret)
{
	struct fetching x = {0};
	int r;

	do {
		idle_settle_locked(t);
		r = fetch_try_locked(t, ino, &x, ret);
	} while (r == 1);
	iso_entry_release(&x.entry);
	return r;
}

uint64_t node_take_known_locked(struct tree *t, uint64_t ino)
{
	lock_assert(&t->lock);
	struct known *k = known_find(&t->known, ino);
	uint64_t n_lookups = k ? k->n_lookups : idset_has(&t->once, ino) || burned_remove_locked(t, ino);

	idset_remove(&t->once, ino);
	if (k)
		known_remove(&t->known, k);
	return n_lookups;
}

bool known_forget_locked(struct tree *t, uint64_t ino, uint64_t n_lookups)
{
	lock_assert(&t->lock);
	struct known *k = known_find(&t->known, ino);

	if (!k && idset_has(&t->once, ino)) {
		idset_remove(&t->once, ino);
		return true;
	}
	if (!k)
		return burned_remove_locked(t, ino);
	k->n_lookups = (uint16_t)(k->n_lookups - min_u64(n_lookups, k->n_lookups));
	if (!k->n_lookups)
		known_remove(&t->known, k);
	return true;
}

void known_keep_burned_locked(struct tree *t)
{
	lock_assert(&t->lock);
	for (struct known *k = NULL; (k = known_next(&t->known, k));)
		if (k->where == KNOWN_STAGED && !stage_node_exists(t->stage, k->ino))
			k->where = KNOWN_BURNED;
}

void known_dropped_locked(struct tree *t)
{
	lock_assert(&t->lock);
	struct idset once = t->once;

	t->once = (struct idset){0};
	for (struct idset_at at = {0}; idset_next(&once, &at);)
		/* or it is forgotten */
		known_add(&t->known, &(struct known){.ino = at.number, .n_lookups = 1, .where = KNOWN_DROPPED});
	idset_release(&once);
	for (struct known *k = NULL; (k = known_next(&t->known, k));)
		k->where = k->where == KNOWN_STAGED ? KNOWN_DROPPED : k->where;
}

void known_drop_locked(struct tree *t, uint64_t ino)
{
	lock_assert(&t->lock);
	struct known *k = known_find(&t->known, ino);

	if (k && k->where == KNOWN_STAGED)
		k->where = KNOWN_DROPPED;
	if (!idset_has(&t->once, ino))
		return;
	idset_remove(&t->once, ino);
	if (!k) /* or it is forgotten */
		known_add(&t->known, &(struct known){.ino = ino, .n_lookups = 1, .where = KNOWN_DROPPED});
}
