/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A staged file becomes its parts.
 *
 * It is read once for the digests, with no lock, by a handle that learns of any other one.  Then, with all locks held
 * and nothing changed since, the rows change in one transaction: what was durable before is the whole, and afterwards
 * the parts.  The node ends, and the kernel asks anew by name.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/bytes.h"
#include "burner/base/time.h"
#include "burner/base/why.h"
#include "fs/tree/internal.h"
#include "fs/tree/split_rows.h"

#define PIECE_BYTES (1u << 20)

struct parting {
	struct tree *t;
	const struct split *split;
	struct tree_file *file;
	struct stat st;
	uint8_t (*digests)[SHA256_BYTES]; /* of the whole, then of the parts */
	struct extent *texts;		  /* where they are: by name, then by part */
	int (*pace)(void *context);
	void *context;
	char **ret_why;
};

static void parting_release(struct parting *p)
{
	if (p->file)
		tree_close(p->t, p->file);
	if (p->st.st_ino)
		tree_forget(p->t, p->split->ino, 1);
	free(p->digests);
	free(p->texts);
}

/* ---- reading ---- */

static int is_open(const struct parting *p)
{
	return why_set(p->ret_why, -EBUSY, "%s is larger than a disc, and open: close it, so that it can be split",
		       p->split->names[0].path);
}

static int open_whole(struct parting *p)
{
	int r = tree_lookup_number(p->t, p->split->ino, &p->st);

	if (r == 0)
		r = tree_open(p->t, p->split->ino, O_RDONLY, &p->file);
	if (r < 0)
		return r == -ESTALE ? -EAGAIN : r;
	if (!tree_file_alone(p->t, p->file))
		return is_open(p);
	r = tree_getattr(p->t, p->split->ino, &p->st);
	return r < 0 ? r : (uint64_t)p->st.st_size == p->split->size ? 0 : -EAGAIN;
}

static int add_piece(struct parting *p, struct sha256 *whole, struct sha256 *part, uint8_t *buf, uint64_t at,
		     size_t length)
{
	size_t got = 0;
	int r = p->pace ? p->pace(p->context) : 0;

	if (r == 0)
		r = tree_read(p->t, p->file, at, buf, length, &got);
	if (r == 0 && got != length)
		r = -EAGAIN;
	if (r == 0)
		r = sha256_add(whole, buf, length);
	return r == 0 ? sha256_add(part, buf, length) : r;
}

static int sum(struct parting *p)
{
	_cleanup_(sha256_freep) struct sha256 *whole = NULL, *part = NULL;
	_free_ uint8_t *buf = malloc(PIECE_BYTES);
	uint64_t at = 0;
	int r = sha256_new(&whole);

	if (r == 0)
		r = sha256_new(&part);
	p->digests = calloc(p->split->n_parts + 1, sizeof(*p->digests));
	if (r == 0 && (!buf || !p->digests))
		r = -ENOMEM;
	for (uint32_t i = 0; r == 0 && i < p->split->n_parts; i++) {
		uint64_t end = at + split_part_bytes(p->split, i);

		for (size_t length; r == 0 && at < end; at += length) {
			length = (size_t)min_u64(PIECE_BYTES, end - at);
			r = add_piece(p, whole, part, buf, at, length);
		}
		if (r == 0)
			r = sha256_end(part, p->digests[i + 1]);
	}
	return r == 0 ? sha256_end(whole, p->digests[0]) : r;
}

/* ---- texts ---- */

static int put_text(struct parting *p, size_t name, uint32_t part, struct extent *ret)
{
	struct stage *stage = p->t->stage;
	size_t length = 0;
	_free_ char *text = split_text(p->split, name, part, (const uint8_t(*)[SHA256_BYTES])p->digests, &length);
	uint32_t body;
	uint64_t pos;
	int r = text ? stage_segment_alloc(stage, round_up(length, SECTOR_BYTES), &body, &pos) : -ENOMEM;

	if (r == 0)
		r = stage_body_write(stage, body, pos, text, length);
	if (r == 0)
		*ret = (struct extent){.length = length, .pos = pos, .body = body, .kind = EXTENT_STAGE};
	return r;
}

static int put_texts(struct parting *p)
{
	const struct split *s = p->split;
	int r = 0;

	p->texts = calloc((size_t)s->n_parts * s->n_names, sizeof(*p->texts));
	if (!p->texts)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < s->n_names; i++)
		for (uint32_t k = 0; r == 0 && k < s->n_parts; k++)
			r = put_text(p, i, k, &p->texts[i * s->n_parts + k]);
	return r;
}

/* ---- rows ---- */

/* Names that are to be made are free as far as rows say; of the disc that was seen before. */
static int check_names_locked(struct parting *p)
{
	lock_assert(&p->t->lock);
	const struct split *s = p->split;
	char own[NAME_MAX + 1];
	uint64_t ino;

	for (size_t i = 0; i < s->n_names; i++) {
		int r = stage_name_get(p->t->stage, s->names[i].parent, s->names[i].name, &ino);

		if (r < 0 || ino != s->ino)
			return r < 0 && r != -ENOENT ? r : -EAGAIN;
		for (uint32_t k = 0; k < 2 * s->n_parts; k++) {
			r = split_name(s, i, k % 2 ? SPLIT_TEXT : SPLIT_PART, k / 2, own);
			if (r == 0)
				r = stage_name_get(p->t->stage, s->names[i].parent, own, &ino);
			if (r != -ENOENT)
				return r == 0 ? -EAGAIN : r;
		}
	}
	return 0;
}

static int put_row_locked(struct parting *p, const struct stage_node *row)
{
	lock_assert(&p->t->lock);
	if (row->xattrs)
		attributed_note_locked(p->t, row->ino);
	return stage_node_put(p->t->stage, row);
}

static int put_name_locked(struct parting *p, size_t name, const char *kind, uint32_t part, uint64_t ino)
{
	lock_assert(&p->t->lock);
	char own[NAME_MAX + 1];
	int r = split_name(p->split, name, kind, part, own);

	return r == 0 ? stage_name_put(p->t->stage, p->split->names[name].parent, own, ino) : r;
}

static int put_part_locked(struct parting *p, uint32_t part, const struct stage_node *whole, struct extent *extents)
{
	lock_assert(&p->t->lock);
	const struct split *s = p->split;
	uint64_t ino;
	int r = stage_new_ino(p->t->stage, &ino);

	if (r < 0)
		return r;
	struct stage_node row = split_part_row(s, part, whole, ino);
	row.extents = extents;
	row.n_extents = split_extents(s, part, whole, extents);
	r = put_row_locked(p, &row);
	for (size_t i = 0; r == 0 && i < s->n_names; i++)
		r = put_name_locked(p, i, SPLIT_PART, part, ino);
	for (size_t i = 0; r == 0 && i < s->n_names; i++) {
		r = stage_new_ino(p->t->stage, &ino);
		if (r < 0)
			return r;
		row = split_text_row(s, i, whole, ino);
		row.extents = &p->texts[i * s->n_parts + part];
		row.n_extents = 1;
		row.size = row.extents->length;
		r = put_row_locked(p, &row);
		if (r == 0)
			r = put_name_locked(p, i, SPLIT_TEXT, part, ino);
	}
	return r;
}

static int share_bodies(struct stage *stage, const struct stage_node *whole)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < whole->n_extents; i++)
		if (whole->extents[i].kind == EXTENT_STAGE && stage_body_sparse(stage, whole->extents[i].body))
			r = stage_body_share(stage, whole->extents[i].body);
	return r;
}

/* The name is no row any more: the disc has nothing that it would hide. */
static int change_rows_locked(struct parting *p, const struct stage_node *whole, struct extent *extents)
{
	lock_assert(&p->t->lock);
	struct stage *stage = p->t->stage;
	const struct split *s = p->split;
	int r = share_bodies(stage, whole);

	for (size_t i = 0; r == 0 && i < s->n_names; i++)
		r = stage_name_delete(stage, s->names[i].parent, s->names[i].name);
	if (r == 0)
		r = stage_node_delete(stage, s->ino);
	for (uint32_t i = 0; r == 0 && i < s->n_parts; i++)
		r = put_part_locked(p, i, whole, extents);
	return r;
}

/* Its content is the parts' now. */
static void end_node_locked(struct tree *t, struct node *n)
{
	lock_assert(&t->lock);
	known_drop_locked(t, n->ino);
	node_undirty(n);
	map_release(&n->map);
	node_sums(n);
	n->cost = 0;
	n->own_body = 0;
	n->staged = false;
	n->dead = true;
}

static int check_locked(struct parting *p, struct stage_node *ret_whole)
{
	lock_assert(&p->t->lock);
	struct tree *t = p->t;
	const struct node *n = node_find_locked(t, p->split->ino);
	int r = t->frozen ? -EBUSY : node_flush_all_locked(t);

	if (r < 0)
		return r;
	if (!n || n->dead || !same_time(n->mtime, p->st.st_mtim) || !same_time(n->ctime, p->st.st_ctim))
		return -EAGAIN;
	if (n->n_open != 1 || n->n_pins || tree_file_met(p->file))
		return is_open(p);
	r = stage_node_get(t->stage, n->ino, ret_whole);
	if (r < 0)
		return r == -ENOENT ? -EAGAIN : r;
	return split_fits_row(p->split, ret_whole) ? check_names_locked(p) : -EAGAIN;
}

static int carry_out_locked(struct parting *p)
{
	lock_assert(&p->t->lock);
	struct tree *t = p->t;
	_cleanup_(stage_node_release) struct stage_node whole = {0};
	_free_ struct extent *extents = NULL;
	int r = check_locked(p, &whole);

	if (r == 0 && !(extents = calloc(whole.n_extents + 1, sizeof(*extents))))
		r = -ENOMEM;
	if (r < 0)
		return r;
	t->n_name_changes++;
	stage_lock(t->stage);
	r = change_rows_locked(p, &whole, extents);
	if (r < 0)
		stage_fail(t->stage, r); /* half a change is not to be kept */
	stage_unlock(t->stage);
	end_node_locked(t, node_find_locked(t, p->split->ino));
	(void)space_recount_locked(t); /* what fails is made again before the next change */
	return r;
}

int split_file(struct tree *t, const struct split *s, int (*pace)(void *context), void *context, char **ret_why)
{
	_cleanup_(parting_release) struct parting p = {
		.t = t, .split = s, .pace = pace, .context = context, .ret_why = ret_why};
	int r = open_whole(&p);

	if (r == 0)
		r = sum(&p);
	if (r == 0)
		r = put_texts(&p);
	if (r < 0)
		return r;
	tree_lock_all(t);
	r = carry_out_locked(&p);
	tree_unlock_all(t);
	return r == 0 ? stage_sync(t->stage) : r;
}
