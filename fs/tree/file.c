/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Open files: handles, reading, seeking, copying.
 *
 * A read takes what lies in bodies under the node's lock and notes what lies on the disc; that is read afterwards
 * without any lock: blocks of a disc never change.
 */
#include "fs/tree/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdlib.h>
#include <string.h>

static bool for_writing(int flags) { return (flags & O_ACCMODE) != O_RDONLY; }

int tree_open(struct tree *t, uint64_t ino, int flags, struct tree_file **ret)
{
	struct node *n;

	if (for_writing(flags) || flags & O_TRUNC) {
		if (tree_is_read_only(t))
			return -EROFS;
		int r = flags & O_TRUNC ? space_admit(t) : space_measure(t);
		if (r < 0)
			return r;
	}
	_cleanup_(free_ptr) struct tree_file *f = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;
	tree_lock(t);
	int r = node_fetch_locked(t, ino, &n);
	if (r == 0 && !S_ISREG(n->mode))
		r = S_ISDIR(n->mode) ? -EISDIR : -EINVAL;
	if (r == 0) {
		f->node = n;
		f->writable = for_writing(flags);
		n->n_open++;
		if (n->n_alone)
			n->met = true;
		if (f->writable)
			n->n_writers++;
	}
	tree_unlock(t);
	if (r < 0)
		return r;
	if (flags & O_TRUNC && (r = node_resize(t, f->node, 0)) < 0) {
		tree_close(t, TAKE_PTR(f));
		return r;
	}
	*ret = TAKE_PTR(f);
	return 0;
}

void tree_close(struct tree *t, struct tree_file *f)
{
	struct node *n = f->node;

	tree_lock(t);
	if (--n->n_open == 0 && n->aside_end) {
		n->aside_end = 0;
		if (!n->dead)
			space_node_locked(t, n);
	}
	if (f->alone && --n->n_alone == 0)
		n->met = false;
	n->n_plain -= f->plain;
	if (f->writable && --n->n_writers == 0 && node_is_dirty(n))
		node_put_locked(t, n); /* on failure it stays in the list of changed nodes */
	node_unused_locked(t, n);
	tree_unlock(t);
	free(f);
}

uint64_t tree_file_ino(const struct tree_file *f) { return f->node->ino; }

void tree_file_set_plain(struct tree *t, struct tree_file *f)
{
	tree_lock(t);
	f->node->n_plain += f->writable && !f->plain;
	f->plain = f->writable;
	tree_unlock(t);
}

bool tree_file_is_plain(struct tree *t, const struct tree_file *f)
{
	tree_lock(t);
	bool plain = f->node->n_plain;
	tree_unlock(t);
	return plain;
}

bool tree_file_alone(struct tree *t, struct tree_file *f)
{
	tree_lock(t);
	f->alone = f->node->n_open == 1;
	f->node->n_alone += f->alone;
	tree_unlock(t);
	return f->alone;
}

bool tree_file_met(const struct tree_file *f) { return f->alone && f->node->met; }

/* ---- reading ---- */

#define PIECES 32u

struct reading {
	struct extent pieces[PIECES]; /* of the disc, to be read when the lock is given back */
	uint32_t n;
	uint64_t end; /* the file bytes up to here are dealt with */
};

/* Bodies and holes at once, disc pieces noted. Node locked for reading. */
static int read_staged_locked(struct tree *t, struct node *n, uint64_t from, uint64_t to, uint8_t *buf,
			      struct reading *x)
{
	uint64_t at = from;
	int r = 0;

	rwlock_assert_held(&t->content);
	rwlock_assert_held(&n->io);
	x->n = 0;
	for (uint32_t i = map_find(&n->map, from); r == 0 && i < n->map.n && at < to && x->n < PIECES; i++) {
		struct extent part = map_clip(&n->map.extents[i], at, to);

		if (part.kind == EXTENT_HOLE)
			memset(buf + (at - from), 0, part.length);
		else if (part.kind == EXTENT_STAGE)
			r = stage_body_read(t->stage, part.body, part.pos, buf + (at - from), part.length);
		else
			x->pieces[x->n++] = part;
		at += part.length;
	}
	x->end = at;
	return r;
}

static int read_pieces(struct tree *t, uint64_t from, uint8_t *buf, const struct reading *x)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < x->n; i++)
		r = iso_read_disc(t->disc, x->pieces[i].pos, buf + (x->pieces[i].offset - from), x->pieces[i].length);
	return r;
}

void content_lock_shared(struct tree *t, struct node *n)
{
	rwlock_take_shared(&t->content);
	rwlock_take_shared(&n->io);
}

void content_lock(struct tree *t, struct node *n)
{
	rwlock_take_shared(&t->content);
	rwlock_take(&n->io);
}

void content_unlock(struct tree *t, struct node *n)
{
	rwlock_give(&n->io);
	rwlock_give(&t->content);
}

/* A compressed file of the base: its extents never change but by node_unpack, so a copy is enough. */
struct packed {
	struct zisofs zisofs;
	struct extent *extents;
	uint32_t n;
	uint64_t size;
};

static int copy_packed_locked(struct node *n, struct packed *ret)
{
	struct extent *extents = malloc((n->map.n + 1) * sizeof(*extents));

	rwlock_assert_held(&n->io);
	if (!extents)
		return -ENOMEM;
	if (n->map.n)
		memcpy(extents, n->map.extents, n->map.n * sizeof(*extents));
	*ret = (struct packed){.zisofs = n->zisofs, .extents = extents, .n = n->map.n, .size = n->size};
	return 0;
}

static int read_packed(struct tree *t, const struct packed *p, uint64_t offset, void *buf, size_t length)
{
	return length ? iso_zisofs_read(t->disc, &p->zisofs, p->extents, p->n, p->size, offset, buf, length) : 0;
}

int node_read(struct tree *t, struct node *n, uint64_t offset, void *buf, size_t length, size_t *ret_length)
{
	uint8_t *at = buf;
	struct packed packed = {0};
	struct reading x;
	bool is_packed;
	int r = 0;

	content_lock_shared(t, n);
	uint64_t size = n->size, end = offset < size ? offset + min_u64(length, size - offset) : offset;
	is_packed = zisofs_used(&n->zisofs);
	if (is_packed)
		r = copy_packed_locked(n, &packed);
	for (uint64_t from = offset; !is_packed && r == 0 && from < end; from = x.end) {
		r = read_staged_locked(t, n, from, end, at + (from - offset), &x);
		if (r == 0 && x.end == from)
			end = x.end; /* cut meanwhile */
		if (r == 0 && x.n) {
			content_unlock(t, n);
			r = read_pieces(t, from, at + (from - offset), &x);
			content_lock_shared(t, n);
		}
	}
	content_unlock(t, n);
	if (is_packed && r == 0)
		r = read_packed(t, &packed, offset, buf, end - offset);
	free(packed.extents);
	if (r == 0)
		*ret_length = end - offset;
	return r;
}

int tree_read(struct tree *t, struct tree_file *f, uint64_t offset, void *buf, size_t length, size_t *ret_length)
{
	return f->node->dead ? -ESTALE : node_read(t, f->node, offset, buf, length, ret_length);
}

bool tree_read_place(struct tree *t, struct tree_file *f, uint64_t offset, size_t length, int *ret_fd,
		     uint64_t *ret_pos, size_t *ret_length)
{
	struct node *n = f->node;
	int fd = disc_fd(t->disc);
	bool whole = false;

	if (fd < 0 || n->dead)
		return false;
	content_lock_shared(t, n);
	uint32_t i = zisofs_used(&n->zisofs) ? n->map.n : map_find(&n->map, offset);
	if (i < n->map.n && n->map.extents[i].kind == EXTENT_DISC) {
		uint64_t end = min_u64(offset + length, n->size);
		struct extent part = map_clip(&n->map.extents[i], offset, end);

		whole = offset + part.length == end;
		*ret_fd = fd;
		*ret_pos = part.pos;
		*ret_length = part.length;
	}
	content_unlock(t, n);
	return whole;
}

int tree_seek(struct tree *t, struct tree_file *f, uint64_t offset, int whence, uint64_t *ret)
{
	struct node *n = f->node;
	int r = -ENXIO;

	(void)t;
	if (whence != SEEK_DATA && whence != SEEK_HOLE)
		return -EINVAL;
	rwlock_take_shared(&n->io);
	if (offset < n->size) {
		bool hole = whence == SEEK_HOLE, packed = zisofs_used(&n->zisofs);
		uint32_t i = packed ? n->map.n : map_find(&n->map, offset);

		while (i < n->map.n && (n->map.extents[i].kind == EXTENT_HOLE) != hole)
			i++;
		if (i < n->map.n) {
			*ret = max_u64(offset, n->map.extents[i].offset);
			r = 0;
		} else if (hole || packed) {
			*ret = hole ? n->size : offset;
			r = 0;
		}
	}
	rwlock_give(&n->io);
	return r;
}

/* A write sets its ctime, and nobody else can. */
static bool changed_within(const struct node *n, struct timespec now, int64_t ms)
{
	return (now.tv_sec - n->ctime.tv_sec) * INT64_C(1000) + (now.tv_nsec - n->ctime.tv_nsec) / 1000000 < ms;
}

bool tree_written_for_ms(struct tree *t, int64_t ms)
{
	const struct timespec now = time_now();
	bool written = false;

	tree_lock(t);
	for (uint64_t i = 0; i < t->n_buckets && !written; i++)
		for (struct node *at = t->buckets[i]; at && !written; at = at->hash_next)
			written = at->n_writers && !at->dead && at->staged && changed_within(at, now, ms);
	tree_unlock(t);
	return written;
}

int64_t tree_touched_ms(struct tree *t)
{
	tree_lock(t);
	const int64_t touched_ms = t->touched_ms;
	tree_unlock(t);
	return touched_ms;
}

int tree_writers(struct tree *t, uint64_t **ret_inos, size_t *ret_n)
{
	size_t n = 0;

	tree_lock(t);
	uint64_t *inos = malloc((t->n_nodes + 1) * sizeof(*inos));
	for (uint64_t i = 0; inos && i < t->n_buckets; i++) {
		for (struct node *at = t->buckets[i]; at; at = at->hash_next) {
			if (at->n_writers && !at->dead)
				inos[n++] = at->ino;
		}
	}
	tree_unlock(t);
	if (!inos)
		return -ENOMEM;
	*ret_inos = inos;
	*ret_n = n;
	return 0;
}
