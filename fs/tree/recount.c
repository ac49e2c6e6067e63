/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Counting the next session from the rows: after opening, a rebase, a thaw, a discard.
 */
#include "burner/format/bound.h"
#include "fs/tree/internal.h"
#include "fs/tree/sound.h"

#include <errno.h>
#include <stdlib.h>

/* tree=auto: a smaller tree is written whole; where a session costs more than that by itself, a larger one is, too */
#define LINKED_FROM_SECTORS ((1u << 20) / SECTOR_BYTES)
#define LINKED_FROM_SEQUENTIAL_SECTORS ((8u << 20) / SECTOR_BYTES)

/* Can directories of that base stay where they are? */
static bool may_link(const struct tree *t, const struct iso_info *base)
{
	const uint32_t needed = APPUSE_TWINS | APPUSE_LINKS;

	return base->ours && base->rock_ridge && (base->appuse.flags & needed) == needed &&
	       (t->options.no_joliet || base->joliet) && t->options.writing != TREE_FULL &&
	       t->space.unlinkable_epoch != t->epoch + 1;
}

static bool is_large(const struct tree *t, const struct iso_info *base)
{
	return base->appuse.tree_sectors >=
	       (t->space.medium.overwritable ? LINKED_FROM_SECTORS : LINKED_FROM_SEQUENTIAL_SECTORS);
}

static void count_base_locked(struct tree *t)
{
	lock_assert(&t->lock);
	struct space *s = &t->space;
	struct iso_info info = {0};

	s->base_tree = s->saved_descriptors = s->tables = s->links_bytes = s->links_sectors = 0;
	s->may_link = s->links_trees = s->astray = s->links = s->lacks_nanoseconds = s->base_summed = false;
	s->directories = 1;
	s->more_parents = 0;
	s->base_known = s->base_ours = true;
	s->new_ino = tree_first_ino(t->base, &s->medium);
	if (!t->base)
		return;
	iso_info(t->base, &info);
	s->base_ours = info.ours && info.appuse.flags & APPUSE_TWINS;
	s->saved_descriptors = info.ours ? 0 : BOUND_SAVED_DESCRIPTORS_SECTORS;
	s->may_link = may_link(t, &info);
	s->links_trees = s->may_link && (t->options.writing != TREE_AUTO || is_large(t, &info));
	for (unsigned kind = 0; kind < 2; kind++)
		s->tables += 2 * sectors_of(info.tables[kind].bytes);
	s->base_summed = info.ours && info.appuse.flags & APPUSE_MD5;
	if (info.ours) {
		/* Nothing is larger than a medium can be, whatever the disc says: sums must not wrap around. */
		s->base_tree = min_u64(info.appuse.tree_sectors, UINT32_MAX);
		s->directories = info.appuse.directories;
		s->links_bytes = info.appuse.links_bytes;
		s->links_sectors = info.appuse.links_sectors;
		if (!(info.appuse.flags & APPUSE_TWINS))
			/* what it lacks: twins' entries, link table */
			s->base_tree += 2 * s->directories + s->base_tree / 8;
		s->lacks_nanoseconds = !(info.appuse.flags & APPUSE_NANOSECONDS);
		s->base_tree = space_with_nanoseconds(s, s->base_tree, s->directories);
		s->links_sectors = space_with_nanoseconds(s, s->links_sectors, info.appuse.links_sectors);
		if (!info.joliet && !t->options.no_joliet)
			s->base_tree = 3 * s->base_tree + 2 * s->directories; /* a second tree */
	} else if (s->measured_epoch == t->epoch + 1) {
		s->base_tree = s->measured_tree;
		s->directories = s->measured_directories;
	} else {
		s->directories = 0;
		s->base_known = !t->stage;
	}
}

/* Does the row keep what dirty_ancestors_locked() promises? */
static void recount_way_locked(struct tree *t, const struct node *n)
{
	lock_assert(&t->lock);
	if (n->ino == TREE_ROOT)
		return;
	if (way_unknown_locked(t, n))
		t->space.links = true;
	else if (!S_ISDIR(n->mode) && !n->parent)
		return;
	else if (t->base && !stage_node_exists(t->stage, n->parent))
		t->space.astray = true;
}

/* The names below a directory, whose rows are counted already. */
static int recount_names_locked(struct tree *t, struct ways *ways, uint64_t ino)
{
	lock_assert(&t->lock);
	_free_ struct stage_name *names = NULL;
	size_t n_names = 0, n_directories = 0;
	struct node *dir, *child;
	int r = node_from_stage_locked(t, ino, &dir);

	if (r < 0)
		return r;
	dir->n_pins++;
	r = stage_names(t->stage, ino, &names, &n_names);
	if (r == 0)
		r = touched_directory_locked(t, dir);
	for (size_t i = 0; r == 0 && i < n_names; i++) {
		if (names[i].ino == STAGE_WHITEOUT)
			continue;
		r = node_from_stage_locked(t, names[i].ino, &child);
		if (r == -EBADMSG && !stage_node_exists(t->stage, names[i].ino))
			r = stage_blame(t->stage, "a name in directory %llu is of node %llu, which is not there",
					(unsigned long long)ino, (unsigned long long)names[i].ino);
		if (r < 0)
			break;
		touched_name_locked(t, ino, names[i].name, child);
		n_directories += S_ISDIR(child->mode);
		if (S_ISDIR(child->mode))
			r = ways_name_locked(t, ways, ino, child);
		if (S_ISDIR(child->mode) && !child->base_dir.bytes)
			t->space.directories++;
		node_unused_locked(t, child);
		idle_settle_locked(t);
	}
	/* It is one of the base's parents if it has more than these, or had: then it is counted twice. */
	if (dir->nlink > 2 && n_directories >= dir->nlink - 2)
		t->space.more_parents++;
	dir->n_pins--;
	node_unused_locked(t, dir);
	return r;
}

/* Count one row of the stage: its content. */
static int recount_row_locked(struct tree *t, uint64_t ino, struct ways *ways)
{
	lock_assert(&t->lock);
	struct node *n;
	int r = node_from_stage_locked(t, ino, &n);

	if (r < 0)
		return r;
	n->cost = n->aside = n->links = n->xattr_names = n->xattr_cost = 0; /* so far */
	space_node_locked(t, n);
	recount_way_locked(t, n);
	if (S_ISDIR(n->mode))
		r = ways_add(ways, ino, n->parent);
	node_unused_locked(t, n);
	idle_settle_locked(t);
	return r;
}

/* All rows first, each once, whether its node is in memory or not: names bring nodes in, and what the kernel knows
 * stays for a while. */
static int recount_rows_locked(struct tree *t)
{
	lock_assert(&t->lock);
	_cleanup_(ways_release) struct ways ways = {.n = 0};
	_free_ uint64_t *inos = NULL;
	size_t n = 0;
	int r = stage_node_inos(t->stage, &inos, &n);

	for (size_t i = 0; r == 0 && i < n; i++)
		r = recount_row_locked(t, inos[i], &ways);
	for (size_t i = 0; r == 0 && i < ways.n; i++)
		r = recount_names_locked(t, &ways, ways.list[i].ino);
	return r == 0 ? ways_check_locked(t, &ways) : r;
}

int space_recount_locked(struct tree *t)
{
	lock_assert(&t->lock);
	t->space.uncounted = true;
	touched_clear(&t->space);
	t->space.data = t->space.n_contents = t->space.n_linked = t->space.n_links = t->space.aside = 0;
	t->space.xattrs = t->space.n_xattrs = t->space.xattrs_burned = 0;
	t->space.frozen = t->space.frozen_bytes = 0;
	host_settled_locked(t);
	t->space.burning = false;
	count_base_locked(t);
	for (uint64_t i = 0; i < t->n_buckets; i++) {
		for (struct node *at = t->buckets[i]; at; at = at->hash_next) {
			at->cost = at->aside = at->links = at->xattr_names = at->xattr_cost = 0;
			if (t->stage && !stage_node_exists(t->stage, at->ino))
				space_node_locked(t, at); /* its row comes with the next flush */
		}
	}
	int r = t->stage ? recount_rows_locked(t) : 0;
	t->space.uncounted = r < 0;
	return r;
}

static int compare_inos(const void *key, const void *element)
{
	uint64_t a = *(const uint64_t *)key, b = *(const uint64_t *)element;

	return a < b ? -1 : a > b;
}

static int count_newer_names_locked(struct tree *t, struct node *dir, const uint64_t *inos, size_t n)
{
	lock_assert(&t->lock);
	_free_ struct stage_name *names = NULL;
	size_t n_names = 0;
	int r = touched_directory_locked(t, dir);

	if (r == 0)
		r = stage_names(t->stage, dir->ino, &names, &n_names);
	for (size_t i = 0; r == 0 && i < n_names; i++) {
		struct node *child;

		if (!bsearch(&names[i].ino, inos, n, sizeof(*inos), compare_inos))
			continue;
		r = node_from_stage_locked(t, names[i].ino, &child);
		if (r < 0)
			break;
		touched_name_locked(t, dir->ino, names[i].name, child);
		node_unused_locked(t, child);
	}
	return r;
}

int space_count_newer_locked(struct tree *t, const uint64_t *inos, size_t n)
{
	lock_assert(&t->lock);
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		struct node *node;

		r = node_from_stage_locked(t, inos[i], &node);
		if (r < 0)
			break;
		node->n_pins++;
		node->cost = node->aside = node->links = node->xattr_names = node->xattr_cost = 0; /* so far */
		space_node_locked(t, node);
		if (S_ISDIR(node->mode))
			r = count_newer_names_locked(t, node, inos, n);
		node->n_pins--;
		node_unused_locked(t, node);
		idle_settle_locked(t);
	}
	return r;
}

/* A count that failed is tried again: what is not counted would be promised twice. */
int space_counted_locked(struct tree *t)
{
	lock_assert(&t->lock);
	return t->space.uncounted ? space_recount_locked(t) : 0;
}

/* What is staged now becomes a session of its own; what comes is counted for the one after it, whose tree contains
 * this one's. */
void space_freeze_locked(struct tree *t)
{
	lock_assert(&t->lock);
	struct space *s = &t->space;

	s->frozen = round_up(space_sectors_locked(t), 32);
	if (t->options.span) /* what is held back is no part of it */
		s->frozen = min_u64(s->frozen, space_medium_room_locked(t));
	s->frozen_bytes = space_staged_bytes_locked(t);
	host_freeze_locked(t);
	s->burning = true;
	s->new_ino = stage_next_ino(t->stage);
	touched_freeze(t);
	s->data = s->n_contents = s->n_linked = s->n_links = s->aside = s->xattrs = s->n_xattrs = 0;
	for (uint64_t i = 0; i < t->n_buckets; i++) {
		for (struct node *n = t->buckets[i]; n; n = n->hash_next)
			/* until it changes again */
			n->cost = n->aside = n->aside_end = n->links = n->xattr_names = n->xattr_cost = 0;
	}
}

void space_release(struct tree *t) { touched_clear(&t->space); }
