/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Copying within the tree: blocks that lie on the disc are shared.
 */
#include "fs/tree/file.h"

#include <errno.h>
#include <stdlib.h>

#include "burner/format/bound.h"
#include "burner/format/pieces.h"

#define COPY_BYTES (1u << 20)
#define WHOLE_BYTES ((uint64_t)1 << 30) /* of one call */

/* Is all that the file will have in one place of the disc? */
static bool in_one_piece(const struct node *to, const struct extent *piece)
{
	const struct extent *have = to->map.extents;

	return piece->offset == to->size &&
	       (!to->size || (to->map.n == 1 && have->kind == EXTENT_DISC && have->pos + have->length == piece->pos));
}

/* With share=auto a file gets pieces only of one that is so large that they may be worth it: the plan decides. */
static bool may_share(const struct tree *t, const struct node *from, const struct node *to, const struct extent *piece)
{
	return in_one_piece(to, piece) || pieces_pay(&t->options.pieces, from->size, from->size, 2, to->nlink);
}

/* Blocks that lie on the disc are shared instead of copied: the copy costs a directory record. Returns how many bytes
 * were shared. */
static uint64_t share(struct tree *t, struct node *from, uint64_t from_offset, struct node *to, uint64_t to_offset,
		      uint64_t length)
{
	struct extent piece = {0};
	uint64_t bytes = 0;

	if (t->options.pieces.share == SHARE_NONE || from == to || from_offset % BLOCK || to_offset % BLOCK ||
	    zisofs_used(&from->zisofs) || zisofs_used(&to->zisofs))
		return 0;
	rwlock_take_shared(&from->io);
	uint32_t i = map_find(&from->map, from_offset);
	if (i < from->map.n && from->map.extents[i].kind == EXTENT_DISC && !zisofs_used(&from->zisofs)) {
		piece = map_clip(&from->map.extents[i], from_offset, min_u64(from_offset + length, from->size));
		bytes = piece.offset + piece.length == from->size ? piece.length : block_down(piece.length);
	}
	rwlock_give(&from->io);
	if (!bytes || piece.pos % BLOCK)
		return 0;
	content_lock(t, to);
	/* Whole blocks only, or the new end of the file. */
	piece.offset = to_offset;
	if (zisofs_used(&to->zisofs) || to->size < to_offset || (bytes % BLOCK && to_offset + bytes < to->size) ||
	    to->dead || !may_share(t, from, to, &piece)) {
		bytes = 0;
	} else {
		const struct space_growth more = {.size = max_u64(to->size, to_offset + bytes),
						  .pieces = in_one_piece(to, &piece) ? 0 : SPACE_PIECES_MORE,
						  .became = STAGE_CONTENT_CHANGED};

		piece.length = bytes;
		tree_lock(t);
		int r = space_counted_locked(t);
		if (r == 0)
			r = dirty_ancestors_of_locked(t, to);
		if (r == 0)
			r = space_grow_locked(t, to, &more);
		tree_unlock(t);
		if (r < 0 || content_set_piece_locked(t, to, &piece) < 0)
			bytes = 0;
		else
			content_changed_locked(t, to, max_u64(to->size, to_offset + bytes));
	}
	content_unlock(t, to);
	return bytes;
}

/* ---- a file as a whole ---- */

/* The stream of a compressed file, to be freed. */
static int copy_stream(struct node *from, struct extent **ret, uint32_t *ret_n)
{
	rwlock_assert_held(&from->io);
	struct extent *stream = malloc((from->map.n + 1) * sizeof(*stream));

	if (!stream)
		return -ENOMEM;
	if (from->map.n)
		memcpy(stream, from->map.extents, from->map.n * sizeof(*stream));
	*ret = stream;
	*ret_n = from->map.n;
	return 0;
}

/* An empty file becomes the compressed one: 1, or 0, it is none such, or an error. */
static int take_packed(struct tree *t, struct node *from, struct node *to)
{
	struct extent *stream = NULL;
	struct zisofs packed = {0};
	uint32_t n = 0;
	int r = 0;

	rwlock_take_shared(&from->io);
	uint64_t size = from->size;
	if (zisofs_used(&from->zisofs) && size) {
		packed = from->zisofs;
		r = copy_stream(from, &stream, &n);
	}
	rwlock_give(&from->io);
	if (r < 0 || !stream)
		return r;
	content_lock(t, to);
	tree_lock(t);
	r = to->dead || to->size || to->map.n ? 0 : space_counted_locked(t) ?: dirty_ancestors_of_locked(t, to) ?: 1;
	if (r > 0) {
		map_release(&to->map);
		map_adopt(&to->map, stream, n);
		stream = NULL;
		to->zisofs = packed;
		to->content |= STAGE_CONTENT_CHANGED;
		node_sums(to);
	}
	tree_unlock(t);
	if (r > 0)
		content_changed_locked(t, to, size);
	content_unlock(t, to);
	free(stream);
	return r;
}

int tree_copy_whole(struct tree *t, struct tree_file *from, struct tree_file *to)
{
	int r = tree_is_read_only(t) ? -EROFS : take_packed(t, from->node, to->node);
	uint64_t size, done = 0;

	rwlock_take_shared(&from->node->io);
	size = from->node->size;
	rwlock_give(&from->node->io);
	while (!r && done < size) {
		size_t n = 0;

		r = tree_copy(t, from, done, to, done, (size_t)min_u64(WHOLE_BYTES, size - done), &n);
		if (!r && !n)
			r = -EIO;
		done += n;
	}
	return r < 0 ? r : 0;
}

/* ---- a part of one ---- */

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
