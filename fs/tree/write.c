/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Changing content: copy-up by block of 2048 bytes of the file.
 *
 * Blocks that lie in a body of this generation are written in place; all others (on the disc, frozen, holes, beyond
 * the end) get new room: a small file in the running segment, a large one in a sparse body of its own at pos ==
 * offset.  Only blocks that are covered in part need their old bytes: at most the first and the last, and the block
 * at the end of a file that is extended. Old bytes on the disc are fetched before the lock is taken (struct edge) and
 * used only if they are still what is wanted.
 */
#include "fs/tree/file.h"

#include <errno.h>
#include <linux/falloc.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/time.h"
#include "burner/format/bound.h"

#define LARGE_FILE_BYTES (256u << 10) /* beyond: a body of its own */
#define FORGET_MS 1000u		      /* at most, all pauses together */

/* The part of a block that lies on the disc; blocks of odd foreign sections may lie in several pieces: -ENOTBLK. */
static bool disc_block(const struct node *n, uint64_t block, struct extent *ret)
{
	uint32_t i = map_find(&n->map, block);

	if (i >= n->map.n || n->map.extents[i].kind != EXTENT_DISC)
		return false;
	*ret = map_clip(&n->map.extents[i], block, min_u64(block + BLOCK, n->size));
	return true;
}

static bool edge_missing(const struct node *n, uint64_t block, const struct edge *e, struct extent *ret)
{
	return disc_block(n, block, ret) && !(e->valid && e->pos == ret->pos && e->length == ret->length);
}

/* The first edge that a write of [offset, end) needs and that is not at hand, with where it lies; or NULL. */
static struct edge *edge_wanted(const struct node *n, uint64_t offset, uint64_t end, struct edges *x,
				struct extent *ret)
{
	if (offset > n->size && n->size % BLOCK && edge_missing(n, block_down(n->size), &x->edge[0], ret))
		return &x->edge[0];
	if (offset < end && offset % BLOCK && edge_missing(n, block_down(offset), &x->edge[1], ret))
		return &x->edge[1];
	if (offset < end && end % BLOCK && end < n->size && edge_missing(n, block_down(end), &x->edge[2], ret))
		return &x->edge[2];
	return NULL;
}

int edges_fetch_locked(struct tree *t, struct node *n, uint64_t offset, uint64_t end, struct edges *x)
{
	struct extent piece;
	struct edge *missing;

	content_assert(t, n);
	while ((missing = edge_wanted(n, offset, end, x, &piece))) {
		content_unlock(t, n);
		missing->valid = false;
		int r = iso_read_disc(t->disc, piece.pos, missing->bytes, piece.length);
		content_lock(t, n);
		if (r < 0)
			return r;
		missing->valid = true;
		missing->pos = piece.pos;
		missing->length = piece.length;
	}
	return 0;
}

/* Old content of one block, zeros beyond the end of the file. */
static int old_block(struct tree *t, const struct node *n, uint64_t block, const struct edges *x,
		     uint8_t buf[SECTOR_BYTES])
{
	uint64_t end = min_u64(block + BLOCK, n->size);

	memset(buf, 0, SECTOR_BYTES);
	for (uint32_t i = map_find(&n->map, block); i < n->map.n && n->map.extents[i].offset < end; i++) {
		struct extent part = map_clip(&n->map.extents[i], block, end);
		uint8_t *to = buf + (part.offset - block);
		int r = 0;

		if (part.kind == EXTENT_STAGE) {
			r = stage_body_read(t->stage, part.body, part.pos, to, part.length);
		} else if (part.kind == EXTENT_DISC) {
			const struct edge *e = x->edge;

			while (e < x->edge + 3 && !(e->valid && e->pos == part.pos && e->length >= part.length))
				e++;
			/* Pieces of one block in several places (odd foreign sections): rare enough to be read here. */
			if (e < x->edge + 3)
				memcpy(to, e->bytes, part.length);
			else
				r = iso_read_disc(t->disc, part.pos, to, part.length);
		}
		if (r < 0)
			return r;
	}
	return 0;
}

static bool writable_in_place(struct tree *t, const struct extent *e)
{
	return e->kind == EXTENT_STAGE && !stage_body_frozen(t->stage, e->body);
}

/* Room for [from, to), whole blocks. */
static int place(struct tree *t, struct node *n, uint64_t from, uint64_t to, uint32_t *ret_body, uint64_t *ret_pos)
{
	if (n->own_body && stage_body_frozen(t->stage, n->own_body))
		n->own_body = 0;
	if (!n->own_body && to > LARGE_FILE_BYTES) {
		int r = stage_body_new(t->stage, &n->own_body);
		if (r < 0) {
			n->own_body = 0;
			return r;
		}
	}
	if (n->own_body) {
		*ret_body = n->own_body;
		*ret_pos = from;
		return 0;
	}
	return stage_segment_alloc(t->stage, to - from, ret_body, ret_pos);
}

struct writing {
	struct node *n;
	uint64_t offset, end;
	const uint8_t *buf;
	const struct edges *edges;
};

/* Blocks [from, to) into new room: the new bytes, and the old ones of blocks that are covered in part. */
static int write_fresh(struct tree *t, const struct writing *w, uint64_t from, uint64_t to, struct extent *ret_piece)
{
	uint64_t start = max_u64(from, w->offset), end = min_u64(to, w->end), pos;
	uint8_t block[SECTOR_BYTES];
	uint32_t body;
	int r = place(t, w->n, from, to, &body, &pos);

	if (r == 0 && (start % BLOCK || (start == from && end < from + BLOCK))) { /* first block in part */
		uint64_t first = block_down(start), stop = min_u64(end, first + BLOCK);

		r = old_block(t, w->n, first, w->edges, block);
		memcpy(block + (start - first), w->buf + (start - w->offset), stop - start);
		if (r == 0)
			r = stage_body_write(t->stage, body, pos + (first - from), block, BLOCK);
		start = stop;
	}
	uint64_t whole = max_u64(start, block_down(end));
	if (r == 0 && end % BLOCK && end > start) { /* last block in part */
		r = old_block(t, w->n, whole, w->edges, block);
		memcpy(block, w->buf + (whole - w->offset), end - whole);
		if (r == 0)
			r = stage_body_write(t->stage, body, pos + (whole - from), block, BLOCK);
		end = whole;
	}
	if (r == 0 && end > start)
		r = stage_body_write(t->stage, body, pos + (start - from), w->buf + (start - w->offset), end - start);
	*ret_piece = (struct extent){.offset = from,
				     .length = min_u64(to, max_u64(w->end, w->n->size)) - from,
				     .pos = pos,
				     .body = body,
				     .kind = EXTENT_STAGE};
	return r;
}

static void add_to_sums(struct node *n, const struct extent *e, uint64_t bytes)
{
	if (e->kind == EXTENT_STAGE)
		n->stage_bytes += bytes;
	if (e->kind == EXTENT_HOLE)
		n->hole_bytes += bytes;
	if (extent_is_aside(e))
		n->aside_bytes += bytes;
}

/* Put a piece into the map: what it replaces is dead. */
int content_set_piece_locked(struct tree *t, struct node *n, const struct extent *piece)
{
	uint64_t to = piece->offset + piece->length;
	struct map_sums before = map_sum(&n->map, piece->offset, to);

	content_assert(t, n);
	tree_lock(t);
	int r = map_reserve(&n->map);
	if (r == 0) {
		node_discard_body_locked(t, n, piece->offset, to);
		map_set(&n->map, piece);
		n->content |= STAGE_CONTENT_CHANGED;
		n->stage_bytes -= before.stage;
		n->hole_bytes -= before.hole;
		n->aside_bytes -= before.aside;
		add_to_sums(n, piece, piece->length);
	}
	tree_unlock(t);
	return r;
}

/* Lengthen the last extent, whose block has room: same body, no discard. */
static int stretch(struct tree *t, struct node *n, uint64_t end)
{
	tree_lock(t);
	struct extent *last = &n->map.extents[n->map.n - 1];
	uint64_t more = end - (last->offset + last->length);
	last->length += more;
	n->content |= STAGE_CONTENT_CHANGED;
	add_to_sums(n, last, more);
	tree_unlock(t);
	return 0;
}

/* The blocks of [offset, end), offset <= n->size. */
static int write_blocks(struct tree *t, const struct writing *w)
{
	struct node *n = w->n;
	uint64_t stop = block_up(w->end);
	int r = 0;

	for (uint64_t at = block_down(w->offset); r == 0 && at < stop;) {
		uint32_t i = map_find(&n->map, at);
		uint64_t to = i < n->map.n ? block_up(n->map.extents[i].offset + n->map.extents[i].length) : stop;

		/* map_find skips an extent that ends inside this block at the file's end: it is the last one. */
		if (i < n->map.n && writable_in_place(t, &n->map.extents[i])) {
			const struct extent e = n->map.extents[i];
			uint64_t from = max_u64(at, w->offset), end = min_u64(min_u64(to, stop), w->end);

			r = stage_body_write(t->stage, e.body, e.pos + (from - e.offset), w->buf + (from - w->offset),
					     end - from);
			if (r == 0 && i == n->map.n - 1 && end > e.offset + e.length)
				r = stretch(t, n, end);
			at = min_u64(to, stop);
			continue;
		}
		for (; i < n->map.n && to < stop && !(i + 1 < n->map.n && writable_in_place(t, &n->map.extents[i + 1]));
		     i++)
			to = i + 1 < n->map.n ? block_up(n->map.extents[i + 1].offset + n->map.extents[i + 1].length) :
						stop;
		to = min_u64(to, stop);
		struct extent piece;
		r = write_fresh(t, w, at, to, &piece);
		if (r == 0)
			r = content_set_piece_locked(t, n, &piece);
		at = to;
	}
	return r;
}

int content_open_way_locked(struct tree *t, struct node *n)
{
	content_assert(t, n);
	tree_lock(t);
	int r = dirty_ancestors_of_locked(t, n);
	tree_unlock(t);
	return r;
}

/* Size, times and account after a change of content. */
void content_changed_locked(struct tree *t, struct node *n, uint64_t size)
{
	content_assert(t, n);
	tree_lock(t);
	/* Once more: a freeze may have come between.  What fails makes the next tree a full one (node_changed). */
	(void)dirty_ancestors_of_locked(t, n);
	n->size = size;
	n->mtime = n->ctime = time_now();
	node_changed_locked(t, n);
	tree_unlock(t);
}

/* The file ends at n->size and shall read as zeros up to `size`: the rest of its last block, then a hole, of that body.
 * Locked with edges. */
int content_extend_locked(struct tree *t, struct node *n, uint64_t size, uint32_t body, const struct edges *edges)
{
	static const uint8_t zeros[SECTOR_BYTES];
	uint32_t last = n->map.n - 1;
	int r = 0;

	content_assert(t, n);
	if (n->map.n && n->map.extents[last].kind == EXTENT_HOLE && n->map.extents[last].body == body)
		r = stretch(t, n, size);
	else if (n->size % BLOCK) {
		uint64_t end = min_u64(block_up(n->size), size);
		struct writing w = {.n = n, .offset = n->size, .end = end, .buf = zeros, .edges = edges};

		r = write_blocks(t, &w);
		if (r == 0)
			content_changed_locked(t, n, end);
	}
	if (r == 0 && map_end(&n->map) < size) {
		struct extent hole = {.offset = map_end(&n->map),
				      .length = size - map_end(&n->map),
				      .body = body,
				      .kind = EXTENT_HOLE};

		r = content_set_piece_locked(t, n, &hole);
	}
	if (r == 0)
		content_changed_locked(t, n, size);
	return r;
}

int node_write(struct tree *t, struct node *n, uint64_t offset, const void *buf, size_t length)
{
	uint64_t end = offset + length;
	struct edges edges = {0};

	if (!length)
		return 0;
	if (zisofs_used(&n->zisofs)) {
		int r = node_unpack(t, n);
		if (r < 0)
			return r;
	}
	content_lock(t, n);
	int r = edges_fetch_locked(t, n, offset, end, &edges);
	if (r == 0 && zisofs_used(&n->zisofs))
		r = -EAGAIN;
	if (r == 0)
		r = n->dead ? -ESTALE : space_write(t, n, min_u64(offset, n->size), end);
	if (r == 0)
		r = space_stage(t, n, offset, end);
	if (r == 0 && offset > n->size)
		r = content_extend_locked(t, n, offset, offset <= n->aside_end ? EXTENT_ASIDE : 0, &edges);
	if (r == 0) {
		struct writing w = {.n = n, .offset = offset, .end = end, .buf = buf, .edges = &edges};

		r = write_blocks(t, &w);
		/* What was placed before an error is in the map: the size follows the map. */
		content_changed_locked(t, n, max_u64(n->size, r == 0 ? end : map_end(&n->map)));
	}
	content_unlock(t, n);
	return r;
}

/* ---- room ---- */

/* Files that only the kernel still knows: they have no name, and nobody has them open. */
static uint64_t leaving(struct tree *t)
{
	uint64_t found = 0;

	tree_lock(t);
	for (uint64_t i = 0; i < t->n_buckets; i++)
		for (const struct node *n = t->buckets[i]; n; n = n->hash_next)
			found += S_ISREG(n->mode) && n->orphan && n->staged && !n->dead && !n->n_open && n->n_lookups;
	tree_unlock(t);
	return found;
}

/* That the kernel forgets a removed file comes after the reply to `rm`, by a thread of its own, and a write that needs
 * its room may overtake it. Who holds such a file by O_PATH keeps it: that ends. */
static bool wait_for_forget(struct tree *t)
{
	uint64_t first = leaving(t), now = first;

	for (unsigned ms = 1; first && now >= first && ms <= FORGET_MS / 2; ms *= 2) {
		sleep_ms(ms);
		now = leaving(t);
	}
	return now < first;
}

/* No room was found. Was any given back since? */
static bool make_room(struct tree *t, uint64_t since)
{
	return stage_is_short(t->stage) &&
	       (stage_reclaim(t->stage, since) || (wait_for_forget(t) && stage_reclaim(t->stage, since)));
}

int tree_write(struct tree *t, struct tree_file *f, uint64_t offset, const void *buf, size_t length)
{
	uint64_t since;
	int r;

	if (tree_is_read_only(t))
		return -EROFS;
	if (offset > BOUND_FILE_BYTES || length > BOUND_FILE_BYTES - offset)
		return -EFBIG;
	do {
		since = stage_given_back(t->stage);
		r = node_write(t, f->node, offset, buf, length);
	} while (r == -ENOSPC && make_room(t, since));
	return r;
}
