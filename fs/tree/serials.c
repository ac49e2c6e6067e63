/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * serials.c - is a record of the disc the one that its serial number stands for?
 *
 * What a session of ours says of its numbers is only what somebody wrote there.  All in this room goes by numbers: were
 * one believed that two files have, the content of one would be shown, and burned, under the name of the other.  No
 * walk over the disc looks for that.  Instead each record is held against what is in memory, or staged, under its
 * number at the moment when it is about to be taken for it; only then can it do harm:
 *
 *	a file with one name	lies in the directory that is known of it, in one record of that
 *	one with several	has records that say the same
 *	a directory		has one name, and its one listing
 *
 * A record that is another one gets a number of its own (ISO_STRAY), so both are read as they are.  From then on
 * nothing is changed any more and nothing burned: the mount is read-only, what is staged stays.  So it is with numbers
 * that the session says it has not given (fs/iso): those are given to new files.
 */
#include "fs/tree/internal.h"

static bool is_known(uint64_t parent) { return parent && (parent <= UINT32_MAX || iso_is_stray(parent)); }

/* Are the record that was known and that of the entry two of one listing? */
static bool is_beside(const struct node *dir, uint64_t locator, const struct iso_entry *e)
{
	return dir && locator != e->locator && iso_is_record_of(dir->base_dir, locator) &&
	       iso_is_record_of(dir->base_dir, e->locator);
}

static bool same_extents(const struct map *m, const struct iso_entry *e)
{
	for (uint32_t i = 0; i < e->n_extents && m->n == e->n_extents; i++)
		if (m->extents[i].pos != e->extents[i].pos || m->extents[i].length != e->extents[i].length)
			return false;
	return m->n == e->n_extents;
}

/* Of two records of a file with several names; one of them may have been written since, from the other. */
static bool says_the_same(const struct tree *t, const struct node *n, const struct iso_entry *e)
{
	if (n->nlink != e->nlink || (S_ISREG(n->mode) && n->size != e->size))
		return false;
	return t->epoch || (n->mode == e->mode && n->uid == e->uid && n->gid == e->gid && n->rdev == e->rdev &&
			    n->mtime.tv_sec == e->mtime.tv_sec && same_extents(&n->map, e));
}

static bool is_that_node(const struct tree *t, const struct node *dir, const struct node *n, const struct iso_entry *e)
{
	if (n->dead)
		return true; /* it becomes what the record says */
	if ((n->mode & S_IFMT) != (e->mode & S_IFMT))
		return false;
	if (S_ISDIR(n->mode))
		return n->base_dir.lba == e->dir.lba && n->base_dir.bytes == e->dir.bytes && n->parent == dir->ino;
	if (n->locator && n->nlink > 1)
		return says_the_same(t, n, e);
	return (n->nlink != 1 || !is_known(n->parent) || n->parent == dir->ino) &&
	       !(n->locator && is_beside(dir, n->locator, e));
}

static bool is_that_known(const struct node *dir, const struct known *k, const struct iso_entry *e)
{
	if (S_ISDIR(e->mode) || k->parent != dir->ino)
		return false;
	return k->where == KNOWN_BURNED || !is_beside(dir, k->locator, e);
}

static bool is_the_one_locked(struct tree *t, const struct node *dir, const struct iso_entry *e)
{
	lock_assert(&t->lock);
	const struct known *k = known_find(&t->known, e->ino);
	struct node *n = k ? NULL : node_find_locked(t, e->ino);

	if (k && (k->where < KNOWN_READERS || k->where == KNOWN_BURNED))
		return is_that_known(dir, k, e);
	if (burned_has_locked(t, e->ino))
		return !S_ISDIR(e->mode) &&
		       (!burned_parent_locked(t, e->ino) || burned_parent_locked(t, e->ino) == dir->ino);
	/* What the stage cannot tell is an error of who asks it next. */
	if (!n && (!t->stage || !stage_node_exists(t->stage, e->ino) || node_from_stage_locked(t, e->ino, &n) < 0))
		return true;
	bool is_it = is_that_node(t, dir, n, e);
	node_unused_locked(t, n);
	return is_it;
}

void serial_settle_locked(struct tree *t, uint64_t parent, struct iso_entry *e)
{
	lock_assert(&t->lock);
	const struct node *dir = node_find_locked(t, parent);
	struct iso_info info;

	if (e->ino == TREE_ROOT || !dir || !t->base)
		return;
	if (!iso_is_stray(e->ino)) {
		iso_info(t->base, &info);
		if (!info.ours || is_the_one_locked(t, dir, e))
			return;
		e->ino = ISO_STRAY | e->locator;
	}
	atomic_store(&t->contradicted, true);
}

bool serials_contradict_locked(struct tree *t)
{
	lock_assert(&t->lock);
	if (t->base && iso_has_strays(t->base))
		atomic_store(&t->contradicted, true);
	return atomic_load(&t->contradicted);
}

bool tree_is_contradicted(const struct tree *t) { return atomic_load(&t->contradicted); }
