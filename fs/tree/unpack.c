/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * zisofs: a compressed file of the base is unpacked into the stage before its first change.
 *
 * Several requests may find it compressed at once (the kernel writes the pages of a mapping side by side): each unpacks
 * it into a body of its own, the first one's becomes the file's, and the others go on with that.
 */
#include "fs/tree/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define UNPACK_BYTES (1u << 20)

/* The content that was unpacked is still that of the file: nobody was first, or has put another one there. */
static bool is_stored(const struct node *n, uint64_t size, const struct extent *stored, uint32_t n_stored)
{
	return zisofs_used(&n->zisofs) && n->size == size && n->map.n == n_stored &&
	       (!n_stored || n->map.extents[0].pos == stored[0].pos);
}

int node_unpack(struct tree *t, struct node *n)
{
	_free_ struct extent *stored = NULL;
	_free_ uint8_t *buf = malloc(UNPACK_BYTES);
	uint32_t body, n_stored;
	int r;

	rwlock_take_shared(&n->io);
	struct zisofs z = n->zisofs;
	uint64_t size = n->size;
	n_stored = n->map.n;
	stored = malloc((n_stored + 1) * sizeof(*stored));
	if (stored)
		memcpy(stored, n->map.extents, n_stored * sizeof(*stored));
	rwlock_give(&n->io);
	if (!zisofs_used(&z)) /* somebody was first */
		return 0;
	if (!buf || !stored)
		return -ENOMEM;
	tree_lock(t);
	r = space_check_locked(t, sectors_of(size));
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
	content_lock(t, n);
	if (r == 0 && is_stored(n, size, stored, n_stored) && !stage_body_frozen(t->stage, body)) {
		struct extent whole = {.length = size, .kind = EXTENT_STAGE, .body = body};

		tree_lock(t);
		map_truncate(&n->map, 0);
		n->zisofs = (struct zisofs){0};
		n->own_body = body;
		tree_unlock(t);
		r = size ? content_set_piece_locked(t, n, &whole) : 0;
		node_sums(n);
		content_changed_locked(t, n, size);
	} else {
		/* another request was first, or a freeze came between */
		stage_body_discard(t->stage, body, 0, UINT64_MAX);
		if (r == 0 && zisofs_used(&n->zisofs))
			r = -EAGAIN;
	}
	content_unlock(t, n);
	return r;
}
