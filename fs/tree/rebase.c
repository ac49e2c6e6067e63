/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rebase: the frozen generation is on the disc, and the tree changes over to it.
 *
 * Rows that are not newer than the burned generation are dropped: the new base has them.  Rows that are newer stay,
 * with their references to frozen bodies turned into disc extents and their base listings into the new ones; so do
 * nodes in memory.
 */
#include "burner/base/grow.h"
#include "burner/base/search.h"
#include "fs/tree/internal.h"
#include "fs/tree/staged.h"

#include <errno.h>
#include <stdlib.h>

/* no directory has this number: whoever looks for it learns that the way is not known */
#define PARENT_LOST (1ull << 62)

struct body_pos {
	uint32_t body;
	uint64_t pos;
};

static bool placement_before(const void *list, size_t i, const void *key)
{
	const struct burn_placement *p = (const struct burn_placement *)list + i;
	const struct body_pos *k = key;

	return p->body < k->body || (p->body == k->body && p->pos + p->length <= k->pos);
}

/* The first placement of a body that ends behind pos, or NULL. */
static const struct burn_placement *placement_find(const struct burn_placements *b, uint32_t body, uint64_t pos)
{
	size_t i = search_first(b->data, b->n_data, &(struct body_pos){body, pos}, placement_before);

	return i < b->n_data && b->data[i].body == body ? &b->data[i] : NULL;
}

static bool directory_before(const void *list, size_t i, const void *key)
{
	return ((const struct burn_directory *)list)[i].ino < *(const uint64_t *)key;
}

/* NULL: it was not written, and is where it was. */
static const struct burn_directory *directory_find(const struct burn_placements *b, uint64_t ino)
{
	size_t i = search_first(b->directories, b->n_directories, &ino, directory_before);

	return i < b->n_directories && b->directories[i].ino == ino ? &b->directories[i] : NULL;
}

static void rebase_directory(const struct burn_placements *b, struct node *n)
{
	const struct burn_directory *d = directory_find(b, n->ino);

	if (d) {
		n->base_dir = (struct iso_extent){d->lba, d->bytes};
		n->base_sectors = d->sectors;
	} else if (n->orphan) {
		n->base_dir = (struct iso_extent){0};
	}
}

static bool home_before(const void *list, size_t i, const void *key)
{
	return ((const struct burn_home *)list)[i].ino < *(const uint64_t *)key;
}

void name_lost_locked(struct tree *t, const struct node *n)
{
	lock_assert(&t->lock);
	if (!t->frozen || S_ISDIR(n->mode))
		return;
	if (idset_reserve(&t->losers, 1) < 0)
		t->more_losers = true;
	else
		idset_add(&t->losers, n->ino);
}

void losers_forget_locked(struct tree *t)
{
	lock_assert(&t->lock);
	idset_release(&t->losers);
	t->more_losers = false;
}

static const struct burn_home *home_find(const struct burn_placements *b, uint64_t ino)
{
	size_t i = search_first(b->homes, b->n_homes, &ino, home_before);

	return i < b->n_homes && b->homes[i].ino == ino ? &b->homes[i] : NULL;
}

/*
 * Where the tree did not know a file's directory, the session knows better: unless the name that it found may be gone
 * since.
 */
static void rebase_parent_locked(const struct tree *t, const struct burn_placements *b, uint64_t ino, uint64_t *parent,
				 uint32_t nlink)
{
	lock_assert(&t->lock);
	const struct burn_home *h = home_find(b, ino);
	bool stays = !t->more_losers && !idset_has(&t->losers, ino);

	if (h && *parent == h->was && stays)
		*parent = h->parent;
	else if (h && *parent == h->was)
		*parent = nlink == 1 ? PARENT_LOST : 0;
	/* The link table tells of files with several names only. */
	if (b->from_disc && !*parent && nlink == 1)
		*parent = PARENT_LOST;
}

/* Where the tree had its link count wrong: what was changed since stays changed. */
static uint32_t corrected(const struct burn_placements *b, uint64_t ino, uint32_t nlink)
{
	const struct burn_home *h = home_find(b, ino);

	return h && (int64_t)nlink + h->links > 0 ? (uint32_t)((int64_t)nlink + h->links) : nlink;
}

/*
 * Link counts are corrected once, however often the rebase is tried: that of a node in memory at once, whereupon it
 * stays there until its row has it; that of a row without a node when it is met as a node or as a row.  Records of the
 * new base are right.
 */
static int uncorrected_begin_locked(struct tree *t, const struct burn_placements *b)
{
	lock_assert(&t->lock);
	if (idset_reserve(&t->uncorrected, b->n_homes) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < b->n_homes; i++) {
		const struct node *n = node_find_locked(t, b->homes[i].ino);

		if ((n && !n->dead) || stage_node_exists(t->stage, b->homes[i].ino))
			idset_add(&t->uncorrected, b->homes[i].ino);
	}
	return 0;
}

struct spot {
	uint64_t ino, offset;
};

static bool hole_before(const void *list, size_t i, const void *key)
{
	const struct burn_hole *h = (const struct burn_hole *)list + i;
	const struct spot *k = key;

	return h->ino < k->ino || (h->ino == k->ino && h->offset + h->length <= k->offset);
}

/* The first burned hole of a file that ends behind offset, or NULL. */
static const struct burn_hole *hole_find(const struct burn_placements *b, uint64_t ino, uint64_t offset)
{
	size_t i = search_first(b->holes, b->n_holes, &(struct spot){ino, offset}, hole_before);

	return i < b->n_holes && b->holes[i].ino == ino ? &b->holes[i] : NULL;
}

/* The extent from `at` on, cut where burned room [from, to) begins or ends; inside of it, it lies at disc_pos now. */
static struct extent cut_part(const struct extent *e, uint64_t at, uint64_t from, uint64_t to, uint64_t disc_pos)
{
	struct extent part = *e;

	if (at < from) {
		part.length = min_u64(e->length, from - at);
	} else {
		part.length = min_u64(e->length, to - at);
		part.pos = disc_pos + (at - from);
		part.kind = EXTENT_DISC;
		part.body = 0;
	}
	return part;
}

/* The first part of an extent, as far as it lies in one place after the burn. */
static struct extent translate_part(const struct burn_placements *b, uint64_t ino, const struct extent *e)
{
	const struct burn_placement *p = e->kind == EXTENT_STAGE ? placement_find(b, e->body, e->pos) : NULL;
	const struct burn_hole *h = e->kind == EXTENT_HOLE ? hole_find(b, ino, e->offset) : NULL;

	if (p)
		return cut_part(e, e->pos, p->pos, p->pos + p->length, p->disc_pos);
	if (h)
		return cut_part(e, e->offset, h->offset, h->offset + h->length, h->disc_pos);
	return *e;
}

/* References to burned bodies and holes become disc extents. 0, or -ENOMEM with the map as it was. */
static int translate(const struct burn_placements *b, uint64_t ino, struct map *m)
{
	struct map fresh = {0};

	for (uint32_t i = 0; i < m->n; i++) {
		uint64_t end = m->extents[i].offset + m->extents[i].length;

		for (struct extent rest = m->extents[i]; rest.offset < end;) {
			struct extent part = translate_part(b, ino, &rest);

			if (map_set(&fresh, &part) < 0) {
				map_release(&fresh);
				return -ENOMEM;
			}
			if (part.offset + part.length >= end)
				break;
			rest = map_clip(&rest, part.offset + part.length, end);
		}
	}
	map_release(m);
	*m = fresh;
	return 0;
}

/* Is there anything that a burn may have moved? */
static bool translatable(const struct extent *extents, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		if (extents[i].kind != EXTENT_DISC)
			return true;
	}
	return false;
}

static bool packed_before(const void *list, size_t i, const void *key)
{
	return ((const struct burn_packed *)list)[i].ino < *(const uint64_t *)key;
}

/*
 * A file that was compressed is on the disc as a whole or not: it lies there if its content is that of the frozen row.
 * Frozen bodies are not written again, so equal extents are equal content.
 */
static const struct burn_packed *packed_find(const struct burn_placements *b, const struct stage_snapshot *rows,
					     uint64_t ino, uint64_t size, const struct map *m)
{
	size_t i = search_first(b->packed, b->n_packed, &ino, packed_before);
	const struct stage_node *row =
		rows && i < b->n_packed && b->packed[i].ino == ino ? staged_row(rows, ino) : NULL;

	if (!row || row->size != size || row->n_extents != m->n)
		return NULL;
	for (uint32_t k = 0; k < m->n; k++) {
		const struct extent *x = &m->extents[k], *y = &row->extents[k];

		if (x->offset != y->offset || x->length != y->length || x->pos != y->pos || x->body != y->body ||
		    x->kind != y->kind)
			return NULL;
	}
	return &b->packed[i];
}

/* The content is where the burn has put it.  What cannot be had keeps its body. */
static void rebase_content(const struct burn_placements *b, const struct stage_snapshot *rows, uint64_t ino,
			   uint64_t size, struct map *m, struct zisofs *z)
{
	const struct burn_packed *p = packed_find(b, rows, ino, size, m);
	struct map packed = {0};

	if (!p) {
		(void)translate(b, ino, m);
		return;
	}
	if (map_set(&packed, &(struct extent){.length = p->bytes, .pos = p->disc_pos, .kind = EXTENT_DISC}) < 0)
		return;
	map_release(m);
	*m = packed;
	*z = p->zisofs;
}

static void rebase_file_locked(struct tree *t, const struct burn_placements *b, struct node *n)
{
	lock_assert(&t->lock);
	uint32_t nlink = idset_has(&t->uncorrected, n->ino) ? corrected(b, n->ino, n->nlink) : n->nlink;
	bool stale = nlink != n->nlink;

	if (!n->dead)
		idset_remove(&t->uncorrected, n->ino);
	n->nlink = nlink;
	rebase_parent_locked(t, b, n->ino, &n->parent, nlink);
	if (stale)
		n->locator = 0; /* the record that it came from says something else */
	n->recorded_nlink = n->nlink;
	if (stale && !n->dead && stage_node_exists(t->stage, n->ino))
		node_changed_locked(t, n);
}

/*
 * What cannot be translated keeps its body: correct, only burned again.  So does what was compressed: a node in memory
 * never becomes a compressed one, or who looked at it before would write into the stream (write.c).  Listings are never
 * left behind.
 */
static void rebase_nodes_locked(struct tree *t, const struct burn_placements *b)
{
	lock_assert(&t->lock);
	for (uint64_t i = 0; i < t->n_buckets; i++) {
		for (struct node *n = t->buckets[i]; n; n = n->hash_next) {
			if (S_ISDIR(n->mode))
				rebase_directory(b, n);
			else
				rebase_file_locked(t, b, n);
			if (translatable(n->map.extents, n->map.n))
				(void)translate(b, n->ino, &n->map);
			node_sums(n);
			node_find_own_body(t, n);
		}
	}
}

/* One row that is newer than the burned generation. */
static int rebase_row_locked(struct tree *t, const struct burn_placements *b, const struct stage_snapshot *rows,
			     uint64_t ino)
{
	lock_assert(&t->lock);
	struct node *n = node_find_locked(t, ino);
	struct stage_node row = {0};

	if (n && !n->dead)
		return node_put_locked(t, n);
	int r = stage_node_get(t->stage, ino, &row);
	if (r < 0)
		return r;
	const struct burn_directory *d = S_ISDIR(row.mode) ? directory_find(b, ino) : NULL;
	if (d) {
		row.base_lba = d->lba;
		row.base_bytes = d->bytes;
		row.size = d->sectors;
	}
	if (!S_ISDIR(row.mode)) {
		row.nlink = idset_has(&t->uncorrected, ino) ? corrected(b, ino, row.nlink) : row.nlink;
		rebase_parent_locked(t, b, ino, &row.parent, row.nlink);
	}
	struct map m = {.extents = row.extents, .n = row.n_extents, .capacity = row.n_extents};
	if (translatable(m.extents, m.n))
		rebase_content(b, rows, ino, row.size, &m, &row.zisofs); /* or it keeps its body, as in memory */
	row.extents = m.extents;
	row.n_extents = m.n;
	r = stage_node_put(t->stage, &row);
	if (r == 0)
		idset_remove(&t->uncorrected, ino);
	stage_node_release(&row);
	return r;
}

static int rebase_rows_locked(struct tree *t, const struct burn_placements *b, const struct stage_snapshot *rows)
{
	lock_assert(&t->lock);
	_free_ uint64_t *inos = NULL;
	size_t n = 0;
	int r = stage_node_inos(t->stage, &inos, &n);

	for (size_t i = 0; r == 0 && i < n; i++)
		r = rebase_row_locked(t, b, rows, inos[i]);
	return r;
}

/* Bodies that only nodes in memory still name: open files without a name. */
static int collect_locked(struct tree *t)
{
	lock_assert(&t->lock);
	_free_ uint32_t *keep = NULL;
	size_t n = 0, capacity = 0;

	for (uint64_t i = 0; i < t->n_buckets; i++) {
		for (struct node *at = t->buckets[i]; at; at = at->hash_next) {
			for (uint32_t k = 0; k < at->map.n; k++) {
				if (at->map.extents[k].kind != EXTENT_STAGE)
					continue;
				if (n && keep[n - 1] == at->map.extents[k].body)
					continue;
				if (grow(&keep, &capacity, n, sizeof(*keep)))
					return -ENOMEM; /* nothing is deleted now */
				keep[n++] = at->map.extents[k].body;
			}
		}
	}
	return stage_collect(t->stage, keep, n);
}

/* The root of the new base stands for the root node unless it was changed since. */
static void rebase_flags_locked(struct tree *t)
{
	lock_assert(&t->lock);
	for (uint64_t i = 0; i < t->n_buckets; i++) {
		for (struct node *n = t->buckets[i]; n; n = n->hash_next) {
			if (n->orphan || n->dead)
				continue;
			n->staged = node_is_dirty(n) || stage_node_exists(t->stage, n->ino);
			if (!n->staged)
				n->content = 0;
		}
	}
}

/* The new base is what there is from here on, whatever the stage says afterwards. */
static void change_base_locked(struct tree *t, struct iso *base, const struct burn_placements *placements,
			       struct stage_snapshot *rows)
{
	lock_assert(&t->lock);
	struct iso *old = t->base;

	rebase_nodes_locked(t, placements);
	rebase_flags_locked(t);
	known_burned_locked(t, rows);
	t->base = iso_ref(base);
	iso_unref(old);
	t->epoch++;
	t->n_name_changes++;
}

/* The tree stays frozen when it fails: it is called again, and until then names that are removed leave whiteouts. */
int tree_rebase(struct tree *t, uint32_t generation, struct iso *base, const struct disc_state *state,
		const struct burn_placements *placements, struct stage_snapshot *rows)
{
	tree_lock_all(t);
	stage_lock(t->stage);
	int r = stage_drop_generation(t->stage, generation);
	if (r == 0 && !t->rebasing)
		r = uncorrected_begin_locked(t, placements);
	if (r == 0) {
		t->rebasing = true;
		change_base_locked(t, base, placements, rows);
		r = rebase_rows_locked(t, placements, rows);
	}
	stage_unlock(t->stage);
	if (state) {
		t->space.medium = *state;
		t->finalized = state->finalized;
	}
	t->space.host.seen = (struct timespec){0};
	if (r == 0) {
		t->frozen = t->rebasing = false;
		idset_release(&t->uncorrected);
		losers_forget_locked(t);
		stage_unfreeze(t->stage);
		(void)space_recount_locked(t); /* what fails is made again before the next change */
		(void)collect_locked(t);       /* or bodies stay until the next one */
	}
	tree_unlock_all(t);
	return r;
}
