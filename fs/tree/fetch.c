/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the kernel knows: look-up and forget; files that it knows and nobody uses (known.h), and how they become nodes.
 *
 * Most of what a walk over a disc makes known is never looked at again, so the tree keeps only where its record is.  A file stays so while it has one
 * name, its record says all there is of it, and no handle is open.  A request that comes by its number (node_fetch) reads the record without
 * the lock, as a probe does.  Records of older sessions stay where they are and say what they said; they are read by a reader of their
 * own kind, since one of a foreign session is not decoded as ours are.
 * Not on a drive: while it burns nothing can be read, and what the kernel has in its cache must be there all the same.
 */
#include "fs/tree/internal.h"

#include <errno.h>
#include <stdlib.h>

#define SECTIONS_KNOWN 16u	/* a longer list is not read again for each request */

static bool same_kind(const struct iso *a, const struct iso *b)
{
	struct iso_info x, y;

	iso_info(a, &x);
	iso_info(b, &y);
	return x.ours == y.ours && x.rock_ridge == y.rock_ridge && x.joliet == y.joliet && x.appuse.flags == y.appuse.flags;
}

int reader_of_base(struct tree *t, uint32_t *ret)
{
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

static bool may_be_known(struct tree *t, const struct iso_entry *e)
{
	return !t->space.medium.exclusive && !S_ISDIR(e->mode) && e->nlink == 1 && e->n_extents <= SECTIONS_KNOWN && !(t->stage && stage_node_exists(t->stage, e->ino));
}

/* One look-up more of a file that has no node. */
static int know(struct tree *t, uint64_t parent, const struct iso_entry *e)
{
	struct known *there = known_find(&t->known, e->ino), k = {.ino = e->ino, .locator = e->locator, .parent = parent};
	int r = reader_of_base(t, &k.reader);

	if (r < 0)
		return r;
	if (!there) {
		k.n_lookups = 1;
		return known_add(&t->known, &k);
	}
	if (there->n_lookups == UINT32_MAX)
		return -EOVERFLOW;
	k.n_lookups = there->n_lookups + 1;
	*there = k;
	return 0;
}

void node_refer(struct node *n, struct stat *st)
{
	n->n_lookups++;
	node_stat(n, st);
}

int node_hand_out(struct tree *t, uint64_t parent, struct iso_entry *e, struct stat *st)
{
	bool known = known_find(&t->known, e->ino) != NULL;	/* then there is no node */
	struct node *n = known ? NULL : node_find(t, e->ino);

	if (!n && may_be_known(t, e) && know(t, parent, e) == 0) {
		entry_stat(e, st);
		return 0;
	}
	int r = node_from_entry(t, parent, e, &n);
	if (r == 0)
		node_refer(n, st);
	return r;
}

/* The record of a known file. Called with the lock, returns without. */
static int read_record(struct tree *t, const struct known *k, struct iso_entry *ret)
{
	struct iso *reader = iso_ref(t->readers[k->reader]);
	uint64_t locator = k->locator;

	tree_unlock(t);
	int r = iso_entry_at(reader, locator, ret);
	iso_unref(reader);
	return r == -ENOENT ? -EBADMSG : r;
}

int node_fetch(struct tree *t, uint64_t ino, struct node **ret)
{
	_cleanup_entry_ struct iso_entry e = {0};
	struct known was = {0};

	for (;;) {
		tree_lock(t);
		const struct known *k = known_find(&t->known, ino);
		int r = k ? 0 : node_get(t, ino, ret);

		if (r == 0 && k && k->locator == was.locator && k->reader == was.reader) {
			was = *k;
			r = node_new(t, ino, ret);
			if (r == 0)
				node_take_entry(*ret, was.parent, was.reader, &e);
		} else if (r == 0 && k) {
			was = *k;
			iso_entry_release(&e);
			r = read_record(t, k, &e);
			if (r < 0)
				return r;
			continue;
		}
		if (r < 0)
			tree_unlock(t);
		return r;
	}
}

uint64_t node_take_known(struct tree *t, uint64_t ino)
{
	struct known *k = known_find(&t->known, ino);
	uint64_t n_lookups = k ? k->n_lookups : 0;

	if (k)
		known_remove(&t->known, k);
	return n_lookups;
}

bool node_leave_known(struct tree *t, const struct node *n)
{
	struct known k = {.ino = n->ino, .locator = n->locator, .parent = n->parent, .reader = n->reader, .n_lookups = (uint32_t)n->n_lookups};

	if (!n->locator || n->staged || n->orphan || n->dead || S_ISDIR(n->mode) || n->nlink != 1 || n->map.n > SECTIONS_KNOWN || n->n_lookups > UINT32_MAX)
		return false;
	return !t->space.medium.exclusive && known_add(&t->known, &k) == 0;
}

bool known_forget(struct tree *t, uint64_t ino, uint64_t n_lookups)
{
	struct known *k = known_find(&t->known, ino);

	if (!k)
		return false;
	k->n_lookups -= (uint32_t)min_u64(n_lookups, k->n_lookups);
	if (!k->n_lookups)
		known_remove(&t->known, k);
	return true;
}

/* ---- requests ---- */

int tree_lookup(struct tree *t, uint64_t parent, const char *name, struct stat *st)
{
	_cleanup_probe_ struct probe p = {0};
	struct node *dir, *n;
	int r = probe_name(t, parent, name, &p, &dir);

	if (r < 0)
		return r;
	if (is_of_base(t, dir, name, &p)) {
		r = node_hand_out(t, dir->ino, &p.entry, st);
	} else {
		r = resolve(t, dir, name, &p, &n);
		if (r == 0)
			node_refer(n, st);
	}
	tree_unlock(t);
	return r;
}

void tree_forget(struct tree *t, uint64_t ino, uint64_t n_lookups)
{
	tree_lock(t);
	struct node *n = known_forget(t, ino, n_lookups) ? NULL : node_find(t, ino);
	if (n) {
		n->n_lookups -= min_u64(n_lookups, n->n_lookups);
		node_unused(t, n);
	}
	tree_unlock(t);
}
