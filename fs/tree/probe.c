/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The probe: what a request needs of the base is read without the lock, then looked at again under it.
 *
 * The base never changes, so an answer stays true until a rebase (counted by t->epoch).  Only the stage's own word on a
 * name may change meanwhile, and that is asked under the lock.
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

/* Does the answer hang on a record of the base that is not fetched? */
static bool probe_wanted(struct tree *t, const struct node *parent, const char *name, const struct probe *p)
{
	uint64_t ino;

	if (!t->base || !parent->base_dir.bytes)
		return false;
	if (p->valid && p->epoch == t->epoch && same_extent(p->dir, parent->base_dir))
		return false;
	return !t->stage || !stage_names_exist(t->stage, parent->ino) ||
	       stage_name_get(t->stage, parent->ino, name, &ino) < 0;
}

/* Ask the base. Called with the lock, returns without. */
static int probe_fetch(struct tree *t, const struct node *parent, const char *name, struct probe *p)
{
	struct iso *base = iso_ref(t->base);
	struct iso_extent dir = parent->base_dir;
	uint64_t epoch = t->epoch;

	tree_unlock(t);
	probe_release(p);
	memset(&p->entry, 0, sizeof(p->entry));
	int r = iso_lookup(base, dir, name, &p->entry);
	iso_unref(base);
	if (r < 0 && r != -ENOENT)
		return r;
	p->error = r;
	p->valid = true;
	p->epoch = epoch;
	p->dir = dir;
	return 0;
}

static int directory_get(struct tree *t, uint64_t ino, struct node **ret)
{
	struct node *n;
	int r = node_get(t, ino, &n);

	if (r < 0)
		return r;
	if (!S_ISDIR(n->mode))
		return -ENOTDIR;
	*ret = n;
	return 0;
}

int probe_name(struct tree *t, uint64_t parent, const char *name, struct probe *p, struct node **ret_parent)
{
	if (strlen(name) > 255)
		return -ENAMETOOLONG;
	for (;;) {
		struct node *n;

		tree_lock(t);
		idle_settle(t);
		int r = directory_get(t, parent, &n);
		if (r < 0) {
			tree_unlock(t);
			return r;
		}
		if (!probe_wanted(t, n, name, p)) {
			*ret_parent = n;
			return 0;
		}
		r = probe_fetch(t, n, name, p);
		if (r < 0)
			return r;
	}
}

int probe_names(struct tree *t, uint64_t parent, const char *name, struct probe *p, struct node **ret_parent,
		uint64_t parent2, const char *name2, struct probe *p2, struct node **ret_parent2)
{
	if (strlen(name2) > 255)
		return -ENAMETOOLONG;
	for (;;) {
		struct node *second;
		int r = probe_name(t, parent, name, p, ret_parent);

		if (r < 0)
			return r;
		r = directory_get(t, parent2, &second);
		if (r < 0) {
			tree_unlock(t);
			return r;
		}
		if (!probe_wanted(t, second, name2, p2)) {
			*ret_parent2 = second;
			return 0;
		}
		r = probe_fetch(t, second, name2, p2);
		if (r < 0)
			return r;
	}
}

bool is_of_base(struct tree *t, const struct node *parent, const char *name, const struct probe *p)
{
	uint64_t ino;

	if (!t->base || !parent->base_dir.bytes || !p->valid || p->error)
		return false;
	return !t->stage || !stage_names_exist(t->stage, parent->ino) ||
	       stage_name_get(t->stage, parent->ino, name, &ino) < 0;
}

int resolve(struct tree *t, struct node *parent, const char *name, struct probe *p, struct node **ret)
{
	uint64_t ino;

	if (t->stage && stage_names_exist(t->stage, parent->ino) &&
	    stage_name_get(t->stage, parent->ino, name, &ino) == 0)
		return ino == STAGE_WHITEOUT ? -ENOENT : node_from_stage(t, ino, ret);
	if (!t->base || !parent->base_dir.bytes || !p->valid || p->error)
		return -ENOENT;
	return node_from_entry(t, parent->ino, &p->entry, ret); /* may take its extents: a probe serves one resolve */
}
