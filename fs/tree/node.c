/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Nodes in memory: a table by inode number.
 *
 * A node that only mirrors the base is dropped as soon as nobody refers to it.  One that changed since its row was
 * put hangs in t->dirty and is put by the next flush, or when it is dropped, whichever comes first: so a burst of
 * writes costs one row.
 */
#include "fs/tree/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/hash.h"
#include "burner/base/time.h"

#define XATTRS_KEPT_BYTES 2048u /* more of them are not kept in memory for nodes that nobody uses */
#define FILE_BLKSIZE (1u << 20) /* what cp and others read and write at once: as much as one request carries */

struct timespec time_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now;
}

static uint64_t bucket_of(const struct tree *t, uint64_t ino) { return hash_number(t->seed, ino) & (t->n_buckets - 1); }

struct node *node_find_locked(struct tree *t, uint64_t ino)
{
	lock_assert(&t->lock);
	struct node *n = t->buckets[bucket_of(t, ino)];

	while (n && n->ino != ino)
		n = n->hash_next;
	return n;
}

int node_get_locked(struct tree *t, uint64_t ino, struct node **ret)
{
	lock_assert(&t->lock);
	struct node *n = node_find_locked(t, ino);

	if (!n || n->dead)
		return -ESTALE;
	*ret = n;
	return 0;
}

static void table_grow(struct tree *t)
{
	uint64_t old = t->n_buckets;
	struct node **buckets = calloc(old * 2, sizeof(*buckets)), **previous = t->buckets;

	if (!buckets)
		return; /* longer chains, nothing worse */
	t->buckets = buckets;
	t->n_buckets = old * 2;
	for (uint64_t i = 0; i < old; i++) {
		for (struct node *n = previous[i], *next; n; n = next) {
			struct node **bucket = &t->buckets[bucket_of(t, n->ino)];

			next = n->hash_next;
			n->hash_next = *bucket;
			*bucket = n;
		}
	}
	free(previous);
}

int node_new_locked(struct tree *t, uint64_t ino, struct node **ret)
{
	lock_assert(&t->lock);
	struct node *n = calloc(1, sizeof(*n));

	if (!n)
		return -ENOMEM;
	n->ino = ino;
	n->n_lookups = node_take_known_locked(t, ino);
	rwlock_init(&n->io, RWLOCK_PLAIN);
	if (t->n_nodes >= t->n_buckets)
		table_grow(t);
	struct node **bucket = &t->buckets[bucket_of(t, ino)];
	n->hash_next = *bucket;
	*bucket = n;
	t->n_nodes++;
	*ret = n;
	return 0;
}

void node_drop_locked(struct tree *t, struct node *n)
{
	lock_assert(&t->lock);
	struct node **link = &t->buckets[bucket_of(t, n->ino)];

	while (*link != n)
		link = &(*link)->hash_next;
	*link = n->hash_next;
	t->n_nodes--;
	node_undirty(n);
	map_release(&n->map);
	free(n->target);
	free(n->xattrs);
	rwlock_release(&n->io);
	free(n);
}

bool node_is_dirty(const struct node *n) { return n->dirty_link != NULL; }

void node_undirty(struct node *n)
{
	if (!n->dirty_link)
		return;
	*n->dirty_link = n->dirty_next;
	if (n->dirty_next)
		n->dirty_next->dirty_link = n->dirty_link;
	n->dirty_link = NULL;
	n->dirty_next = NULL;
}

static void take_xattrs(struct node *n, const struct iso_entry *e)
{
	free(n->xattrs);
	n->xattrs = NULL;
	n->xattrs_bytes = 0;
	n->xattrs_at = e->xattrs_at;
	n->no_capability = false;
	n->birth = e->birth;
}

void node_restore_dir(struct node *n, const struct iso_entry *e)
{
	n->mode = e->mode;
	n->uid = e->uid;
	n->gid = e->gid;
	n->atime = e->atime;
	n->mtime = e->mtime;
	n->ctime = e->ctime;
	n->base_dir = e->dir;
	n->base_sectors = iso_entry_sectors(e);
	take_xattrs(n, e);
}

void node_changed_locked(struct tree *t, struct node *n)
{
	lock_assert(&t->lock);
	n->staged = true;
	n->locator = 0;
	t->touched_ms = now_ms();
	space_node_locked(t, n);
	if (n->orphan || n->dead)
		return;
	if (!touched_has_locked(t, S_ISDIR(n->mode) ? n->ino : n->parent) && (S_ISDIR(n->mode) || n->parent))
		t->space.astray = true; /* nobody asked for its way: the next tree is a full one */
	if (n->dirty_link)
		return;
	n->dirty_next = t->dirty;
	if (t->dirty)
		t->dirty->dirty_link = &n->dirty_next;
	n->dirty_link = &t->dirty;
	t->dirty = n;
}

int node_put_locked(struct tree *t, struct node *n)
{
	lock_assert(&t->lock);
	struct stage_node row = {
		.ino = n->ino,
		.size = S_ISDIR(n->mode) ? n->base_sectors : n->size,
		.rdev = n->rdev,
		.parent = n->parent,
		.atime = n->atime,
		.mtime = n->mtime,
		.ctime = n->ctime,
		.mode = n->mode,
		.uid = n->uid,
		.gid = n->gid,
		.nlink = n->nlink,
		.base_lba = S_ISDIR(n->mode) ? n->base_dir.lba : n->content,
		.base_bytes = n->base_dir.bytes,
		.zisofs = n->zisofs,
		.n_extents = n->map.n,
		.extents = n->map.extents,
		.target = n->target,
		.birth = n->birth,
		.xattrs = n->xattrs,
		.xattrs_at = n->xattrs_at,
		.xattrs_bytes = n->xattrs_bytes,
	};
	int r = stage_node_put(t->stage, &row);

	if (r < 0)
		return r;
	t->n_puts++;
	n->staged = true;
	n->locator = 0;
	space_node_locked(t, n);
	node_undirty(n);
	return 0;
}

int node_flush_all_locked(struct tree *t)
{
	lock_assert(&t->lock);
	while (t->dirty) {
		struct node *n = t->dirty;
		int r = node_put_locked(t, n);

		if (r < 0)
			return r;
		node_unused_locked(t, n);
		idle_settle_locked(t);
	}
	return 0;
}

void node_sums(struct node *n)
{
	struct map_sums sums = map_sum(&n->map, 0, UINT64_MAX);

	n->stage_bytes = sums.stage;
	n->hole_bytes = sums.hole;
	n->aside_bytes = sums.aside;
}

/* Large files have a sparse body of their own in which position and offset are the same. */
void node_find_own_body(struct tree *t, struct node *n)
{
	n->own_body = 0;
	for (uint32_t i = 0; t->stage && i < n->map.n; i++) {
		const struct extent *e = &n->map.extents[i];

		if (e->kind == EXTENT_STAGE && e->pos == e->offset && stage_body_sparse(t->stage, e->body) &&
		    !stage_body_frozen(t->stage, e->body)) {
			n->own_body = e->body;
			return;
		}
	}
}

void node_fill_from_row(struct tree *t, struct node *n, struct stage_node *row)
{
	n->staged = true;
	n->mode = row->mode;
	n->uid = row->uid;
	n->gid = row->gid;
	n->nlink = row->nlink;
	n->size = S_ISDIR(row->mode) ? 0 : row->size;
	n->base_sectors = S_ISDIR(row->mode) ? row->size : 0;
	n->rdev = row->rdev;
	n->parent = row->parent;
	n->atime = row->atime;
	n->mtime = row->mtime;
	n->ctime = row->ctime;
	n->base_dir = S_ISDIR(row->mode) ? (struct iso_extent){row->base_lba, row->base_bytes} : (struct iso_extent){0};
	n->content = S_ISREG(row->mode) ? row->base_lba : 0;
	n->zisofs = row->zisofs;
	n->target = TAKE_PTR(row->target);
	n->birth = row->birth;
	n->xattrs = TAKE_PTR(row->xattrs);
	n->xattrs_at = row->xattrs_at;
	n->xattrs_bytes = row->xattrs_bytes;
	map_adopt(&n->map, row->extents, row->n_extents);
	row->extents = NULL;
	row->n_extents = 0;
	node_sums(n);
	node_find_own_body(t, n);
}

int node_from_number_locked(struct tree *t, uint64_t ino, struct node **ret)
{
	lock_assert(&t->lock);
	struct node *n = node_find_locked(t, ino);

	if (n && !n->dead) {
		*ret = n;
		return 0;
	}
	return !n && t->stage && stage_node_exists(t->stage, ino) ? node_from_stage_locked(t, ino, ret) : -ENOENT;
}

/* A disc may say what it likes; what is staged is no larger than what may be. */
static bool all_on_disc(const struct map *m)
{
	for (uint32_t i = 0; i < m->n; i++)
		if (m->extents[i].kind != EXTENT_DISC)
			return false;
	return true;
}

int node_from_stage_locked(struct tree *t, uint64_t ino, struct node **ret)
{
	lock_assert(&t->lock);
	struct node *n = node_find_locked(t, ino);
	struct stage_node row = {0};

	if (n) {
		*ret = n;
		return n->dead ? -ESTALE : 0;
	}
	int r = stage_node_get(t->stage, ino, &row);
	if (r < 0)
		return r == -ENOENT ? -EBADMSG : r; /* a name without a node */
	if (S_ISREG(row.mode) && !zisofs_used(&row.zisofs)) {
		struct map m = {.extents = row.extents, .n = row.n_extents};

		if (!map_valid(&m, row.size) || (row.size > BOUND_FILE_BYTES && !all_on_disc(&m)))
			r = stage_blame(t->stage, "the extents of node %llu are not those of a file of its size",
					(unsigned long long)ino);
	}
	if (r == 0)
		r = node_new_locked(t, ino, &n);
	if (r == 0) {
		node_fill_from_row(t, n, &row);
		attributed_node_locked(t, n);
		space_loaded_locked(t, n, row.generation);
		*ret = n;
	}
	stage_node_release(&row);
	return r;
}

static void set_attributes(struct node *n, const struct iso_entry *e)
{
	n->mode = e->mode;
	n->uid = e->uid;
	n->gid = e->gid;
	n->nlink = e->nlink;
	n->recorded_nlink = e->recorded_nlink;
	n->size = S_ISREG(e->mode) ? e->size : 0;
	n->rdev = e->rdev;
	n->atime = e->atime;
	n->mtime = e->mtime;
	n->ctime = e->ctime;
	n->base_dir = S_ISDIR(e->mode) ? e->dir : (struct iso_extent){0};
	n->base_sectors = S_ISDIR(e->mode) ? iso_entry_sectors(e) : 0;
	n->zisofs = e->zisofs;
}

void node_take_entry(struct node *n, uint64_t parent, uint32_t reader, struct iso_entry *e)
{
	n->dead = n->orphan = false; /* what a discard dropped comes back as the disc has it */
	n->content = 0;
	free(n->target);
	take_xattrs(n, e);
	n->hole_bytes = n->stage_bytes = n->aside_bytes = n->aside_end = 0;
	set_attributes(n, e);
	n->parent = parent;
	n->locator = e->locator;
	n->reader = reader;
	n->target = TAKE_PTR(e->target);
	map_adopt(&n->map, e->extents, e->n_extents);
	e->extents = NULL;
	e->n_extents = 0;
}

int node_from_entry_locked(struct tree *t, uint64_t parent, struct iso_entry *e, struct node **ret)
{
	lock_assert(&t->lock);
	serial_settle_locked(t, parent, e);
	struct node *n = node_find_locked(t, e->ino);

	if (n && !n->dead) {
		*ret = n;
		return 0;
	}
	if (!n && t->stage && stage_node_exists(t->stage, e->ino))
		return node_from_stage_locked(t, e->ino, ret);
	uint32_t reader;
	int r = reader_of_base_locked(t, &reader);
	if (r == 0 && !n)
		r = node_new_locked(t, e->ino, &n);
	if (r < 0)
		return r;
	node_take_entry(n, parent, reader, e);
	attributed_node_locked(t, n);
	*ret = n;
	return 0;
}

void node_discard_body_locked(struct tree *t, struct node *n, uint64_t from, uint64_t to)
{
	lock_assert(&t->lock);
	for (uint32_t i = map_find(&n->map, from); i < n->map.n && n->map.extents[i].offset < to; i++) {
		struct extent part = map_clip(&n->map.extents[i], from, to);

		/* Sparse bodies go as a whole: their positions are used again. Room of a segment ends at the block's
		 * end. */
		if (part.kind == EXTENT_STAGE && !stage_body_sparse(t->stage, part.body))
			stage_body_discard(t->stage, part.body, part.pos, round_up(part.length, SECTOR_BYTES));
	}
}

void node_drop_bodies_locked(struct tree *t, struct node *n)
{
	lock_assert(&t->lock);
	uint32_t last = 0;

	node_discard_body_locked(t, n, 0, UINT64_MAX);
	for (uint32_t i = 0; i < n->map.n; i++) {
		const struct extent *e = &n->map.extents[i];

		if (e->kind != EXTENT_STAGE || e->body == last || e->body == n->own_body ||
		    !stage_body_sparse(t->stage, e->body))
			continue;
		last = e->body;
		stage_body_discard(t->stage, e->body, 0, UINT64_MAX);
	}
	if (n->own_body)
		stage_body_discard(t->stage, n->own_body, 0, UINT64_MAX);
	n->own_body = 0;
}

void node_orphan_locked(struct tree *t, struct node *n)
{
	lock_assert(&t->lock);
	n->orphan = true;
	n->locator = 0; /* its record tells of a name */
	node_undirty(n);
	space_forget_node_locked(t, n);
	if (n->staged)
		stage_node_delete(t->stage, n->ino);
}

void node_unused_locked(struct tree *t, struct node *n)
{
	lock_assert(&t->lock);
	if (n->n_open || n->n_pins || n == t->root)
		return;
	/* Of a walk over an image most is never looked at again. A drive may burn when it is asked for: there it
	 * waits, as what is staged does. */
	bool leaves = n->locator && !t->space.medium.exclusive;
	/* Its row or its record has them, too. */
	bool is_large = n->xattrs && n->xattrs_bytes > XATTRS_KEPT_BYTES;
	bool gone = n->n_lookups && (leaves || is_large) && node_leave_known_locked(t, n);
	if (n->n_lookups && !gone) {
		idle_note_locked(t, n);
		return;
	}
	if (n->dirty_link && node_put_locked(t, n) < 0)
		return; /* kept in memory: the next flush tries again */
	if (n->orphan && n->staged && !n->dead)
		node_drop_bodies_locked(t, n);
	node_drop_locked(t, n);
}

/* Of a file with content not more than that: stdio allocates a buffer of this size. */
static blksize_t preferred_bytes(const struct node *n)
{
	if (!S_ISREG(n->mode))
		return 4096;
	return (blksize_t)(n->size && n->size < FILE_BLKSIZE ? round_up(n->size, 4096) : FILE_BLKSIZE);
}

void node_stat(const struct node *n, struct stat *st)
{
	*st = (struct stat){
		.st_ino = n->ino,
		.st_mode = n->mode,
		.st_nlink = n->locator ? n->recorded_nlink : n->nlink,
		.st_uid = n->uid,
		.st_gid = n->gid,
		.st_rdev = n->rdev,
		.st_size = (off_t)n->size,
		.st_blksize = preferred_bytes(n),
		.st_atim = n->atime,
		.st_mtim = n->mtime,
		.st_ctim = n->ctime,
	};
	if (S_ISREG(n->mode)) {
		uint64_t bytes = n->size - min_u64(n->hole_bytes, n->size) + n->aside_bytes + node_aside_beyond(n);

		st->st_blocks = (blkcnt_t)(sectors_of(bytes) * (SECTOR_BYTES / 512));
	} else if (S_ISDIR(n->mode)) {
		st->st_size = (off_t)max_u64(n->base_dir.bytes, SECTOR_BYTES);
	} else if (S_ISLNK(n->mode) && n->target) {
		st->st_size = (off_t)strlen(n->target);
	}
}

void entry_stat(const struct iso_entry *e, struct stat *st)
{
	struct node n = {.ino = e->ino, .locator = e->locator, .target = e->target};

	set_attributes(&n, e);
	node_stat(&n, st);
}
