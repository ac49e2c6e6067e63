/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Look-up and forget: how the kernel comes to know of a node, or of a file that needs none (known.h).
 */
#include "fs/tree/internal.h"

#include <errno.h>

static bool record_may_do_locked(struct tree *t, const struct iso_entry *e)
{
	lock_assert(&t->lock);
	return !t->space.medium.exclusive && !S_ISDIR(e->mode) && e->nlink == 1 && e->n_extents <= SECTIONS_KNOWN &&
	       !(t->stage && stage_node_exists(t->stage, e->ino));
}

/* One look-up more of a file that has no node. */
static int know_locked(struct tree *t, uint64_t parent, const struct iso_entry *e)
{
	lock_assert(&t->lock);
	struct known *there = known_find(&t->known, e->ino);
	uint32_t reader, n_lookups = 1u + (there ? there->n_lookups : burned_has_locked(t, e->ino));
	int r = reader_of_base_locked(t, &reader);

	if (r < 0)
		return r;
	if (!known_fits(e->locator, parent, n_lookups, reader) || reader >= KNOWN_READERS)
		return -EOVERFLOW;
	struct known k = known_of(e->ino, e->locator, parent, n_lookups, reader);
	if (there)
		*there = k;
	else
		r = known_add(&t->known, &k);
	if (r == 0) {
		if (e->xattrs_at)
			attributed_note_locked(t, e->ino);
		burned_remove_locked(t, e->ino);
	}
	return r;
}

void node_refer(struct node *n, struct stat *st)
{
	n->n_lookups++;
	node_stat(n, st);
}

void node_give_locked(struct tree *t, struct node *n, struct stat *st)
{
	lock_assert(&t->lock);
	node_refer(n, st);
	node_unused_locked(t, n);
}

int node_hand_out_locked(struct tree *t, uint64_t parent, struct iso_entry *e, struct stat *st)
{
	lock_assert(&t->lock);
	serial_settle_locked(t, parent, e);
	bool known = known_find(&t->known, e->ino) != NULL; /* then there is no node */
	struct node *n = known ? NULL : node_find_locked(t, e->ino);

	if (!n && record_may_do_locked(t, e) && know_locked(t, parent, e) == 0) {
		entry_stat(e, st);
		return 0;
	}
	int r = node_from_entry_locked(t, parent, e, &n);
	if (r == 0)
		node_give_locked(t, n, st);
	return r;
}

int tree_lookup(struct tree *t, uint64_t parent, const char *name, struct stat *st)
{
	_cleanup_probe_ struct probe p = {0};
	struct node *dir, *n;

	tree_lock(t);
	int r = probe_name_locked(t, parent, name, &p, &dir);
	if (r == 0 && is_of_base_locked(t, dir, &p)) {
		r = node_hand_out_locked(t, dir->ino, &p.entry, st);
	} else if (r == 0) {
		r = resolve_locked(t, dir, &p, &n);
		if (r == 0)
			node_give_locked(t, n, st);
	}
	tree_unlock(t);
	return r;
}

void tree_forget(struct tree *t, uint64_t ino, uint64_t n_lookups)
{
	tree_lock(t);
	struct node *n = known_forget_locked(t, ino, n_lookups) ? NULL : node_find_locked(t, ino);
	if (n) {
		n->n_lookups -= min_u64(n_lookups, n->n_lookups);
		node_unused_locked(t, n);
	}
	tree_unlock(t);
}
