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

/* A compressed content as it was found. */
struct stored {
	struct zisofs zisofs;
	uint64_t size;
	struct extent *extents;
	uint32_t n;
};

static int copy_stored(struct node *n, struct stored *ret)
{
	rwlock_take_shared(&n->io);
	*ret = (struct stored){.zisofs = n->zisofs, .size = n->size, .n = n->map.n};
	ret->extents = malloc((ret->n + 1) * sizeof(*ret->extents));
	if (ret->extents && ret->n)
		memcpy(ret->extents, n->map.extents, ret->n * sizeof(*ret->extents));
	rwlock_give(&n->io);
	return ret->extents ? 0 : -ENOMEM;
}

/* The file has that content still: nobody has put another one there. */
static bool has_stored_locked(const struct tree *t, struct node *n, const struct stored *s)
{
	content_assert(t, n);
	return n->size == s->size && n->map.n == s->n && (!s->n || n->map.extents[0].pos == s->extents[0].pos);
}

/* Into a body of its own; 0 is none. */
static int unpack(struct tree *t, const struct stored *s, uint32_t *ret_body)
{
	_free_ uint8_t *buf = malloc(UNPACK_BYTES);
	int r;

	if (!buf)
		return -ENOMEM;
	tree_lock(t);
	r = space_check_locked(t, sectors_of(s->size));
	tree_unlock(t);
	if (r == 0)
		r = stage_body_new(t->stage, ret_body);
	for (uint64_t at = 0; r == 0 && at < s->size; at += UNPACK_BYTES) {
		size_t length = min_u64(UNPACK_BYTES, s->size - at);

		r = iso_zisofs_read(t->disc, &s->zisofs, s->extents, s->n, s->size, at, buf, length);
		if (r == 0)
			r = stage_body_write(t->stage, *ret_body, at, buf, length);
	}
	return r;
}

static int take_body_locked(struct tree *t, struct node *n, uint32_t body)
{
	const uint64_t size = n->size;
	struct extent whole = {.length = size, .kind = EXTENT_STAGE, .body = body};
	int r;

	content_assert(t, n);
	tree_lock(t);
	map_truncate(&n->map, 0);
	n->zisofs = (struct zisofs){0};
	n->own_body = body;
	tree_unlock(t);
	r = size ? content_set_piece_locked(t, n, &whole) : 0;
	node_sums(n);
	content_changed_locked(t, n, size);
	return r;
}

int node_unpack(struct tree *t, struct node *n)
{
	struct stored stored;
	uint32_t body = 0;
	bool taken = false;
	int r = copy_stored(n, &stored);

	if (r == 0 && zisofs_used(&stored.zisofs))
		r = unpack(t, &stored, &body);
	content_lock(t, n);
	if (!zisofs_used(&n->zisofs)) {
		r = 0; /* another request was first, whatever came of this one: the room for both need not be there */
	} else if (r == 0) {
		taken = body && has_stored_locked(t, n, &stored) && !stage_body_frozen(t->stage, body);
		r = taken ? take_body_locked(t, n, body) : -EAGAIN;
	}
	content_unlock(t, n);
	if (body && !taken)
		stage_body_discard(t->stage, body, 0, UINT64_MAX);
	free(stored.extents);
	return r;
}
