/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The probe: what there is to know of a name: the stage's word, and the base's record if the stage has none.
 *
 * The base is read without the lock, then looked at again under it: it never changes, so an answer stays true until a
 * rebase (counted by t->epoch).  The stage is asked under the lock, once, and again only when staged names changed
 * while the base was read (t->n_name_changes).  What it cannot say is an error of the request: the name might be
 * hidden or replaced, and the record on the disc be of a file that is no more.
 */
#include "fs/tree/internal.h"

#include <errno.h>
#include <string.h>

void probe_release(struct probe *p)
{
	if (p->valid)
		iso_entry_release(&p->entry);
	p->valid = false;
}

static bool same_extent(struct iso_extent a, struct iso_extent b) { return a.lba == b.lba && a.bytes == b.bytes; }

static int ask_stage_locked(struct tree *t, const struct node *parent, const char *name, struct probe *p)
{
	lock_assert(&t->lock);
	if (p->asked == t->n_name_changes + 1)
		return 0;
	int r = t->stage ? stage_name_get(t->stage, parent->ino, name, &p->ino) : -ENOENT;
	if (r < 0 && r != -ENOENT)
		return r;
	p->staged = r == 0;
	p->asked = t->n_name_changes + 1;
	return 0;
}

/* A directory that was removed has no names, whatever its listing on the disc says. */
static bool has_records(const struct tree *t, const struct node *parent)
{
	return t->base && parent->base_dir.bytes && !parent->orphan;
}

/* Does the answer hang on a record of the base that is not fetched? */
static bool record_wanted(const struct tree *t, const struct node *parent, const struct probe *p)
{
	if (p->staged || !has_records(t, parent))
		return false;
	return !p->valid || p->epoch != t->epoch || !same_extent(p->dir, parent->base_dir);
}

/* Ask the base. The lock is given back meanwhile. */
static int fetch_record(struct tree *t, const struct node *parent, const char *name, struct probe *p)
{
	struct iso *base = iso_ref(t->base);
	struct iso_extent dir = parent->base_dir;
	uint64_t epoch = t->epoch;

	tree_unlock(t);
	probe_release(p);
	memset(&p->entry, 0, sizeof(p->entry));
	int r = iso_lookup(base, dir, name, &p->entry);
	iso_unref(base);
	tree_lock(t);
	if (r < 0 && r != -ENOENT)
		return r;
	p->error = r;
	p->valid = true;
	p->epoch = epoch;
	p->dir = dir;
	return 0;
}

static int directory_get_locked(struct tree *t, uint64_t ino, struct node **ret)
{
	lock_assert(&t->lock);
	struct node *n;
	int r = node_get_locked(t, ino, &n);

	if (r < 0)
		return r;
	if (!S_ISDIR(n->mode))
		return -ENOTDIR;
	*ret = n;
	return 0;
}

/* One try. 1: the lock was given back for the base, look again. */
static int probe_try_locked(struct tree *t, uint64_t parent, const char *name, struct probe *p,
			    struct node **ret_parent)
{
	lock_assert(&t->lock);
	struct node *n;
	int r = directory_get_locked(t, parent, &n);

	if (r == 0)
		r = ask_stage_locked(t, n, name, p);
	if (r == 0 && record_wanted(t, n, p)) {
		r = fetch_record(t, n, name, p);
		return r < 0 ? r : 1;
	}
	if (r == 0)
		*ret_parent = n;
	return r;
}

int probe_name_locked(struct tree *t, uint64_t parent, const char *name, struct probe *p, struct node **ret_parent)
{
	int r;

	if (strlen(name) > 255)
		return -ENAMETOOLONG;
	do {
		idle_settle_locked(t);
		r = probe_try_locked(t, parent, name, p, ret_parent);
	} while (r > 0);
	return r;
}

int probe_names_locked(struct tree *t, uint64_t parent, const char *name, struct probe *p, struct node **ret_parent,
		       uint64_t parent2, const char *name2, struct probe *p2, struct node **ret_parent2)
{
	int r;

	if (strlen(name2) > 255)
		return -ENAMETOOLONG;
	do {
		r = probe_name_locked(t, parent, name, p, ret_parent);
		if (r == 0)
			r = probe_try_locked(t, parent2, name2, p2, ret_parent2);
	} while (r > 0);
	return r;
}

bool is_of_base_locked(const struct tree *t, const struct node *parent, const struct probe *p)
{
	lock_assert(&t->lock);
	return !p->staged && has_records(t, parent) && p->valid && !p->error;
}

int resolve_locked(struct tree *t, struct node *parent, struct probe *p, struct node **ret)
{
	lock_assert(&t->lock);
	if (p->staged)
		return p->ino == STAGE_WHITEOUT ? -ENOENT : node_from_stage_locked(t, p->ino, ret);
	if (!is_of_base_locked(t, parent, p))
		return -ENOENT;
	return node_from_entry_locked(t, parent->ino, &p->entry,
				      ret); /* may take its extents: a probe serves one resolve */
}
