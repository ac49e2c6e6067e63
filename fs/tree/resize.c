/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Truncating and extending; ranges of zeros.
 */
#include "fs/tree/file.h"

#include <errno.h>
#include <linux/falloc.h>

#include "burner/format/bound.h"

static void shrink(struct tree *t, struct node *n, uint64_t size)
{
	tree_lock(t);
	if (size == 0)
		node_drop_bodies_locked(t, n);
	else if (block_up(size) < n->size)
		node_discard_body_locked(t, n, block_up(size), UINT64_MAX);
	map_truncate(&n->map, size);
	n->content |= STAGE_CONTENT_CHANGED | (size ? STAGE_CONTENT_CUT : 0);
	node_sums(n);
	tree_unlock(t);
	content_changed_locked(t, n, size);
}

static int cut_room(struct tree *t, struct node *n, uint64_t size)
{
	tree_lock(t);
	int r = space_cut_locked(t, n, size);
	tree_unlock(t);
	return r;
}

/* The content is locked for changes. body: of the hole, if it grows. */
static int resize_locked(struct tree *t, struct node *n, uint64_t size, uint32_t body, const struct edges *edges)
{
	int r = n->dead ? -ESTALE : content_open_way_locked(t, n);

	if (r < 0)
		return r;
	if (size > n->size) {
		r = space_write(t, n, n->size, size);
		return r < 0 ? r : content_extend_locked(t, n, size, body, edges);
	}
	tree_lock(t);
	n->aside_end = 0;
	tree_unlock(t);
	if (size < n->size || zisofs_used(&n->zisofs)) {
		if (size == 0)
			n->zisofs = (struct zisofs){0};
		r = size ? cut_room(t, n, size) : 0;
		if (r < 0)
			return r;
		shrink(t, n, size);
	} else {
		content_changed_locked(t, n, size);
	}
	return 0;
}

static int resize(struct tree *t, struct node *n, uint64_t size, uint32_t body)
{
	struct edges edges = {0};
	int r = zisofs_used(&n->zisofs) && size ? node_unpack(t, n) : 0;

	if (r < 0)
		return r;
	content_lock(t, n);
	r = edges_fetch_locked(t, n, size, size, &edges);
	if (r == 0 && size && zisofs_used(&n->zisofs))
		r = -EAGAIN;
	if (r == 0)
		r = resize_locked(t, n, size, body, &edges);
	content_unlock(t, n);
	return r;
}

int node_resize(struct tree *t, struct node *n, uint64_t size) { return resize(t, n, size, 0); }

/* Whole blocks of [from, to) become a hole of that body; room for its zeros was asked for. */
static int punch_blocks(struct tree *t, struct node *n, uint64_t from, uint64_t to, uint32_t body)
{
	content_lock(t, n);
	to = min_u64(to, n->size);
	int r = zisofs_used(&n->zisofs) ? -EAGAIN : 0;
	if (r == 0 && from < to) {
		struct extent hole = {.offset = from, .length = to - from, .body = body, .kind = EXTENT_HOLE};

		r = content_set_piece_locked(t, n, &hole);
		if (r == 0)
			content_changed_locked(t, n, n->size);
	}
	content_unlock(t, n);
	return r;
}

static int zero_range(struct tree *t, struct node *n, uint64_t from, uint64_t to, uint32_t body)
{
	static const uint8_t zeros[SECTOR_BYTES];
	uint64_t end = min_u64(to, n->size), first = min_u64(block_up(from), end),
		 last = to >= n->size ? end : max_u64(block_down(end), first);
	int r = 0;

	if (first > from)
		r = node_write(t, n, from, zeros, first - from);
	if (r == 0 && last > first)
		r = punch_blocks(t, n, first, last, body);
	if (r == 0 && end > last)
		r = node_write(t, n, last, zeros, end - last);
	return r;
}

/* Room for all of it: the kernel keeps its pages when fallocate fails, so nothing may have become zeros by then. */
static int zeros_room(struct tree *t, struct node *n, uint64_t from, uint64_t to)
{
	int r = zisofs_used(&n->zisofs) ? node_unpack(t, n) : 0;

	if (r < 0)
		return r;
	content_lock(t, n);
	r = space_zeros(t, n, min_u64(from, n->size), to);
	content_unlock(t, n);
	return r;
}

/* Holes in [from, to) of a file, whole blocks, become such for which room is set aside. */
static int set_holes_aside_locked(struct tree *t, struct node *n, uint64_t from, uint64_t to)
{
	int r = 0;

	content_assert(t, n);
	for (uint64_t at = from; r == 0 && at < to;) {
		uint32_t i = map_find(&n->map, at);
		struct extent part = i < n->map.n ? map_clip(&n->map.extents[i], at, to) : (struct extent){0};

		if (!part.length)
			break;
		at = part.offset + part.length;
		if (part.kind != EXTENT_HOLE || part.body)
			continue;
		part.body = EXTENT_ASIDE;
		r = content_set_piece_locked(t, n, &part);
	}
	return r;
}

/* What is a hole there is counted already, but for its place in the stage. */
static int set_aside_within(struct tree *t, struct node *n, uint64_t from, uint64_t to)
{
	content_lock(t, n);
	from = block_down(from);
	to = zisofs_used(&n->zisofs) ? from : min_u64(block_up(to), n->size); /* a compressed one has no holes */
	tree_lock(t);
	struct map_sums sums = map_sum(&n->map, from, to);
	int r = host_aside_locked(t, sums.hole - sums.aside);
	tree_unlock(t);
	if (r == 0)
		r = set_holes_aside_locked(t, n, from, to);
	content_unlock(t, n);
	return r;
}

/* What follows the end shares its block: one that lies on the disc would have to be copied then. */
static int stage_last_block(struct tree *t, struct node *n, uint64_t size)
{
	uint8_t bytes[SECTOR_BYTES];
	uint64_t from = block_down(size);
	size_t length;
	int r = node_read(t, n, from, bytes, size - from, &length);

	return r < 0 || !length ? r : node_write(t, n, from, bytes, length);
}

/* Beyond the end, as long as the file is open. */
static int set_aside_beyond(struct tree *t, struct node *n, uint64_t size, uint64_t end)
{
	int r = zisofs_used(&n->zisofs) ? node_unpack(t, n) : 0;

	if (r == 0 && size % BLOCK)
		r = stage_last_block(t, n, size);
	if (r < 0)
		return r;
	content_lock(t, n);
	if (end > n->size)
		r = space_write(t, n, n->size, end);
	if (r == 0) {
		tree_lock(t);
		n->aside_end = max_u64(n->aside_end, end);
		tree_unlock(t);
	}
	content_unlock(t, n);
	return r;
}

int tree_fallocate(struct tree *t, struct tree_file *f, int mode, uint64_t offset, uint64_t length)
{
	struct node *n = f->node;
	uint64_t end = offset + length;
	bool keep = mode & FALLOC_FL_KEEP_SIZE;
	int kind = mode & ~FALLOC_FL_KEEP_SIZE, r;

	if (tree_is_read_only(t))
		return -EROFS;
	if (!length || end < offset)
		return -EINVAL;
	if (end > BOUND_FILE_BYTES)
		return -EFBIG;
	if ((kind != 0 && kind != FALLOC_FL_PUNCH_HOLE && kind != FALLOC_FL_ZERO_RANGE) ||
	    (kind == FALLOC_FL_PUNCH_HOLE && !keep))
		return -EOPNOTSUPP;
	r = space_admit(t);
	if (r < 0)
		return r;
	rwlock_take_shared(&n->io);
	uint64_t size = n->size;
	rwlock_give(&n->io);
	if (kind && offset < size) {
		r = zeros_room(t, n, offset, keep ? min_u64(end, size) : end);
		if (r == 0)
			r = zero_range(t, n, offset, end, kind == FALLOC_FL_ZERO_RANGE ? EXTENT_ASIDE : 0);
	}
	/* A hole costs its zeros on the medium, which are counted: so the next session has room for what is written. */
	if (r == 0 && kind != FALLOC_FL_PUNCH_HOLE && offset < size)
		r = set_aside_within(t, n, offset, end);
	if (r == 0 && !keep && end > size)
		r = resize(t, n, end, EXTENT_ASIDE);
	else if (r == 0 && kind != FALLOC_FL_PUNCH_HOLE && end > size)
		r = set_aside_beyond(t, n, size, end);
	if (r == 0) { /* the time changes even if no byte does, as everywhere */
		content_lock(t, n);
		r = content_open_way_locked(t, n);
		if (r == 0)
			content_changed_locked(t, n, n->size);
		content_unlock(t, n);
	}
	return r;
}
