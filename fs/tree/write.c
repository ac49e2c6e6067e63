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

#include "burner/format/bound.h"

#define LARGE_FILE_BYTES (256u << 10) /* beyond: a body of its own */
#define BLOCK ((uint64_t)SECTOR_BYTES)

static uint64_t block_down(uint64_t v) { return v & ~(BLOCK - 1); }
static uint64_t block_up(uint64_t v) { return round_up(v, BLOCK); }

/* The old bytes of one block on the disc. */
struct edge {
	bool valid;
	uint64_t pos, length;
	uint8_t bytes[SECTOR_BYTES];
};
struct edges {
	struct edge edge[3];
}; /* of the block at the file's end, the first and the last block written */

static void lock_for_writing(struct tree *t, struct node *n)
{
	pthread_rwlock_rdlock(&t->content);
	pthread_rwlock_wrlock(&n->io);
}

static void unlock_content(struct tree *t, struct node *n)
{
	pthread_rwlock_unlock(&n->io);
	pthread_rwlock_unlock(&t->content);
}

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

/*
 * Lock for writing with all edges at hand that a write of [offset, end) needs; the file's last block too when it is
 * extended beyond.  0 with the locks held.
 */
static int lock_with_edges(struct tree *t, struct node *n, uint64_t offset, uint64_t end, struct edges *x)
{
	for (;;) {
		struct extent piece;
		struct edge *missing = NULL;

		lock_for_writing(t, n);
		if (offset > n->size && n->size % BLOCK && edge_missing(n, block_down(n->size), &x->edge[0], &piece))
			missing = &x->edge[0];
		else if (offset < end && offset % BLOCK && edge_missing(n, block_down(offset), &x->edge[1], &piece))
			missing = &x->edge[1];
		else if (offset < end && end % BLOCK && end < n->size &&
			 edge_missing(n, block_down(end), &x->edge[2], &piece))
			missing = &x->edge[2];
		if (!missing)
			return 0;
		unlock_content(t, n);
		missing->valid = false;
		int r = iso_read_disc(t->disc, piece.pos, missing->bytes, piece.length);
		if (r < 0)
			return r;
		missing->valid = true;
		missing->pos = piece.pos;
		missing->length = piece.length;
	}
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

/* Put a piece into the map: what it replaces is dead. */
static int set_piece(struct tree *t, struct node *n, const struct extent *piece)
{
	uint64_t to = piece->offset + piece->length;
	struct map_sums before = map_sum(&n->map, piece->offset, to);

	tree_lock(t);
	int r = map_reserve(&n->map);
	if (r == 0) {
		node_discard_body(t, n, piece->offset, to);
		map_set(&n->map, piece);
		n->stage_bytes -= before.stage;
		n->hole_bytes -= before.hole;
		if (piece->kind == EXTENT_STAGE)
			n->stage_bytes += piece->length;
		else if (piece->kind == EXTENT_HOLE)
			n->hole_bytes += piece->length;
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
	if (last->kind == EXTENT_STAGE)
		n->stage_bytes += more;
	else if (last->kind == EXTENT_HOLE)
		n->hole_bytes += more;
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
			r = set_piece(t, n, &piece);
		at = to;
	}
	return r;
}

static int open_way(struct tree *t, struct node *n)
{
	tree_lock(t);
	int r = dirty_ancestors_of(t, n);
	tree_unlock(t);
	return r;
}

/* Size, times and account after a change of content. */
static void content_changed(struct tree *t, struct node *n, uint64_t size)
{
	tree_lock(t);
	/* Once more: a freeze may have come between.  What fails makes the next tree a full one (node_changed). */
	(void)dirty_ancestors_of(t, n);
	n->size = size;
	n->mtime = n->ctime = time_now();
	node_changed(t, n);
	tree_unlock(t);
}

/* The file ends at n->size and shall read as zeros up to `size`: the rest of its last block, then a hole. Locked with
 * edges. */
static int extend(struct tree *t, struct node *n, uint64_t size, const struct edges *edges)
{
	static const uint8_t zeros[SECTOR_BYTES];
	uint32_t last = n->map.n - 1;
	int r = 0;

	if (n->map.n && n->map.extents[last].kind == EXTENT_HOLE)
		r = stretch(t, n, size);
	else if (n->size % BLOCK) {
		uint64_t end = min_u64(block_up(n->size), size);
		struct writing w = {.n = n, .offset = n->size, .end = end, .buf = zeros, .edges = edges};

		r = write_blocks(t, &w);
		if (r == 0)
			content_changed(t, n, end);
	}
	if (r == 0 && map_end(&n->map) < size) {
		struct extent hole = {.offset = map_end(&n->map),
				      .length = size - map_end(&n->map),
				      .kind = EXTENT_HOLE};

		r = set_piece(t, n, &hole);
	}
	if (r == 0)
		content_changed(t, n, size);
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
	int r = lock_with_edges(t, n, offset, end, &edges);
	if (r < 0)
		return r;
	r = n->dead ? -ESTALE : space_write(t, n, min_u64(offset, n->size), end);
	if (r == 0 && offset > n->size)
		r = extend(t, n, offset, &edges);
	if (r == 0) {
		struct writing w = {.n = n, .offset = offset, .end = end, .buf = buf, .edges = &edges};

		r = write_blocks(t, &w);
		/* What was placed before an error is in the map: the size follows the map. */
		content_changed(t, n, max_u64(n->size, r == 0 ? end : map_end(&n->map)));
	}
	unlock_content(t, n);
	return r;
}

int tree_write(struct tree *t, struct tree_file *f, uint64_t offset, const void *buf, size_t length)
{
	if (tree_is_read_only(t))
		return -EROFS;
	if (offset > BOUND_FILE_BYTES || length > BOUND_FILE_BYTES - offset)
		return -EFBIG;
	int r = node_write(t, f->node, offset, buf, length);

	return r == -ENOSPC && stage_reclaim(t->stage) ? node_write(t, f->node, offset, buf, length) : r;
}

/* ---- truncate, fallocate ---- */

static void shrink(struct tree *t, struct node *n, uint64_t size)
{
	tree_lock(t);
	if (size == 0)
		node_drop_bodies(t, n);
	else if (block_up(size) < n->size)
		node_discard_body(t, n, block_up(size), UINT64_MAX);
	map_truncate(&n->map, size);
	node_sums(n);
	tree_unlock(t);
	content_changed(t, n, size);
}

int node_resize(struct tree *t, struct node *n, uint64_t size)
{
	struct edges edges = {0};

	if (zisofs_used(&n->zisofs) && size) {
		int r = node_unpack(t, n);
		if (r < 0)
			return r;
	}
	int r = lock_with_edges(t, n, size, size, &edges);
	if (r < 0)
		return r;
	r = n->dead ? -ESTALE : open_way(t, n);
	if (r < 0) {
		unlock_content(t, n);
		return r;
	}
	if (size > n->size) {
		r = space_write(t, n, n->size, size);
		if (r == 0)
			r = extend(t, n, size, &edges);
	} else if (size < n->size || zisofs_used(&n->zisofs)) {
		if (size == 0)
			n->zisofs = (struct zisofs){0};
		shrink(t, n, size);
	} else {
		content_changed(t, n, size);
	}
	unlock_content(t, n);
	return r;
}

/* Whole blocks of [from, to) become a hole; room for its zeros was asked for. */
static int punch_blocks(struct tree *t, struct node *n, uint64_t from, uint64_t to)
{
	lock_for_writing(t, n);
	to = min_u64(to, n->size);
	int r = 0;
	if (from < to) {
		struct extent hole = {.offset = from, .length = to - from, .kind = EXTENT_HOLE};

		r = set_piece(t, n, &hole);
		if (r == 0)
			content_changed(t, n, n->size);
	}
	unlock_content(t, n);
	return r;
}

static int zero_range(struct tree *t, struct node *n, uint64_t from, uint64_t to)
{
	static const uint8_t zeros[SECTOR_BYTES];
	uint64_t end = min_u64(to, n->size), first = min_u64(block_up(from), end),
		 last = to >= n->size ? end : max_u64(block_down(end), first);
	int r = 0;

	if (first > from)
		r = node_write(t, n, from, zeros, first - from);
	if (r == 0 && last > first)
		r = punch_blocks(t, n, first, last);
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
	lock_for_writing(t, n);
	r = space_zeros(t, n, min_u64(from, n->size), to);
	unlock_content(t, n);
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
	pthread_rwlock_rdlock(&n->io);
	uint64_t size = n->size;
	pthread_rwlock_unlock(&n->io);
	if (kind && offset < size) {
		r = zeros_room(t, n, offset, keep ? min_u64(end, size) : end);
		if (r == 0)
			r = zero_range(t, n, offset, end);
	}
	/* Room is not set aside beyond the end: a hole costs its zeros on the medium, and those are counted. */
	if (r == 0 && !keep && end > size)
		r = node_resize(t, n, end);
	else if (r == 0 && keep && !kind && end > size) {
		tree_lock(t);
		r = space_check(t, (end - size) / BLOCK);
		tree_unlock(t);
	}
	if (r == 0) { /* the time changes even if no byte does, as everywhere */
		lock_for_writing(t, n);
		r = open_way(t, n);
		if (r == 0)
			content_changed(t, n, n->size);
		unlock_content(t, n);
	}
	return r;
}

/* ---- zisofs ---- */

#define UNPACK_BYTES (1u << 20)

int node_unpack(struct tree *t, struct node *n)
{
	_free_ struct extent *stored = NULL;
	_free_ uint8_t *buf = malloc(UNPACK_BYTES);
	uint32_t body, n_stored;
	int r;

	pthread_rwlock_rdlock(&n->io);
	struct zisofs z = n->zisofs;
	uint64_t size = n->size;
	n_stored = n->map.n;
	stored = malloc((n_stored + 1) * sizeof(*stored));
	if (stored)
		memcpy(stored, n->map.extents, n_stored * sizeof(*stored));
	pthread_rwlock_unlock(&n->io);
	if (!buf || !stored)
		return -ENOMEM;
	tree_lock(t);
	r = space_check(t, sectors_of(size));
	tree_unlock(t);
	if (r == 0)
		r = stage_body_new(t->stage, &body);
	if (r < 0)
		return r;
	for (uint64_t at = 0; r == 0 && at < size; at += UNPACK_BYTES) {
		size_t length = min_u64(UNPACK_BYTES, size - at);

		r = iso_zisofs_read(t->disc, &z, stored, n_stored, size, at, buf, length);
		if (r == 0)
			r = stage_body_write(t->stage, body, at, buf, length);
	}
	lock_for_writing(t, n);
	if (r == 0 && zisofs_used(&n->zisofs) && !stage_body_frozen(t->stage, body)) {
		struct extent whole = {.length = size, .kind = EXTENT_STAGE, .body = body};

		tree_lock(t);
		map_truncate(&n->map, 0);
		n->zisofs = (struct zisofs){0};
		n->own_body = body;
		tree_unlock(t);
		r = size ? set_piece(t, n, &whole) : 0;
		node_sums(n);
		content_changed(t, n, size);
	} else {
		/* another request was first, or a freeze came between */
		stage_body_discard(t->stage, body, 0, UINT64_MAX);
		if (r == 0 && zisofs_used(&n->zisofs))
			r = -EAGAIN;
	}
	unlock_content(t, n);
	return r;
}

/* ---- copying ---- */

#define COPY_BYTES (1u << 20)

/* Blocks that lie on the disc are shared instead of copied: the copy costs a directory record. Returns how many bytes
 * were shared. */
static uint64_t share(struct tree *t, struct node *from, uint64_t from_offset, struct node *to, uint64_t to_offset,
		      uint64_t length)
{
	struct extent piece = {0};
	uint64_t bytes = 0;

	if (t->options.whole_files || from == to || from_offset % BLOCK || to_offset % BLOCK ||
	    zisofs_used(&from->zisofs) || zisofs_used(&to->zisofs))
		return 0;
	pthread_rwlock_rdlock(&from->io);
	uint32_t i = map_find(&from->map, from_offset);
	if (i < from->map.n && from->map.extents[i].kind == EXTENT_DISC) {
		piece = map_clip(&from->map.extents[i], from_offset, min_u64(from_offset + length, from->size));
		bytes = piece.offset + piece.length == from->size ? piece.length : block_down(piece.length);
	}
	pthread_rwlock_unlock(&from->io);
	if (!bytes || piece.pos % BLOCK)
		return 0;
	lock_for_writing(t, to);
	/* Whole blocks only, or the new end of the file. */
	if (to->size < to_offset || (bytes % BLOCK && to_offset + bytes < to->size) || to->dead) {
		bytes = 0;
	} else {
		piece.offset = to_offset;
		piece.length = bytes;
		tree_lock(t);
		int r = space_counted(t);
		if (r == 0)
			r = dirty_ancestors_of(t, to);
		if (r == 0)
			r = space_grow(t, to, 0, SPACE_PIECES_MORE, max_u64(to->size, to_offset + bytes));
		tree_unlock(t);
		if (r < 0 || set_piece(t, to, &piece) < 0)
			bytes = 0;
		else
			content_changed(t, to, max_u64(to->size, to_offset + bytes));
	}
	unlock_content(t, to);
	return bytes;
}

static int copy_bytes(struct tree *t, struct node *from, uint64_t from_offset, struct node *to, uint64_t to_offset,
		      size_t length, size_t *ret_copied)
{
	_free_ uint8_t *buf = malloc(min_u64(length, COPY_BYTES));
	size_t n;

	if (!buf)
		return -ENOMEM;
	int r = node_read(t, from, from_offset, buf, min_u64(length, COPY_BYTES), &n);
	if (r == 0)
		r = node_write(t, to, to_offset, buf, n);
	if (r == 0)
		*ret_copied = n;
	return r;
}

int tree_copy(struct tree *t, struct tree_file *from, uint64_t from_offset, struct tree_file *to, uint64_t to_offset,
	      size_t length, size_t *ret_copied)
{
	size_t done = 0;

	if (tree_is_read_only(t))
		return -EROFS;
	if (to_offset > BOUND_FILE_BYTES || length > BOUND_FILE_BYTES - to_offset)
		return -EFBIG;
	while (done < length) {
		size_t n = share(t, from->node, from_offset + done, to->node, to_offset + done, length - done);
		int r = 0;

		if (!n)
			r = copy_bytes(t, from->node, from_offset + done, to->node, to_offset + done, length - done,
				       &n);
		if (r < 0 && !done)
			return r;
		if (r < 0 || !n)
			break;
		done += n;
	}
	*ret_copied = done;
	return 0;
}
