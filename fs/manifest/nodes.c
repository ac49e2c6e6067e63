/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * nodes.c - manifest nodes from rows of the stage and from records of the base
 *
 * One inode number is one node.  A row of the stage speaks for its inode number wherever a name leads to it, also
 * from names of the base.  Without a row, names of the base with nlink > 1 are joined by their inode number.  In a
 * damaged session of ours one serial may be given to several files: those that differ in anything we would write are
 * kept apart and get inode numbers of their own.
 */
#include "fs/manifest/internal.h"

#include <string.h>
#include <sys/stat.h>

#include "burner/base/bytes.h"
#include "burner/base/own.h"
#include "burner/base/time.h"

/* Different files with one serial: more than this is no accident. */
#define LIKE_NODES_MAX 64u

size_t build_find_row(const struct build *b, uint64_t ino)
{
	size_t low = 0, high = b->rows ? b->rows->n_nodes : 0;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (b->rows->nodes[middle].ino < ino)
			low = middle + 1;
		else
			high = middle;
	}
	return b->rows && low < b->rows->n_nodes && b->rows->nodes[low].ino == ino ? low : SIZE_MAX;
}

/* Plain files: the extents touch each other and cover [0, size) exactly. zisofs: they cover a stream of unknown
 * length. */
static bool extents_are_whole(const struct extent *extents, uint32_t n, uint64_t size, const struct zisofs *z)
{
	uint64_t offset = 0;

	for (uint32_t i = 0; i < n; i++) {
		const struct extent *e = &extents[i];

		if (e->offset != offset || !e->length || e->kind > EXTENT_STAGE || offset + e->length < offset ||
		    e->pos + e->length < e->pos)
			return false;
		offset += e->length;
	}
	return zisofs_used(z) ? (size == 0 || n > 0) : offset == size;
}

/* The last address means "none"; what is interleaved with other files has one that is none (fs/iso/iso.h).  What lies
 * where the next session comes would be overwritten by it. */
static bool extents_are_on_a_disc(const struct build *b, const struct extent *extents, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (extents[i].kind == EXTENT_DISC &&
		    (extents[i].pos + extents[i].length - 1) >> SECTOR_SHIFT >= min_u64(UINT32_MAX, b->limit_sectors))
			return false;
	return true;
}

/* The same of a directory that stays where it is, and of its twin. */
static bool kept_is_on_a_disc(const struct build *b, const struct iso_entry *e)
{
	return e->dir.lba + sectors_of(e->dir.bytes) + e->area_sectors <= b->limit_sectors &&
	       e->twin.lba + sectors_of(e->twin.bytes) <= b->limit_sectors;
}

static int add_extents(struct build *b, struct manifest_node *n, const struct extent *extents, uint32_t n_extents)
{
	n->first_extent = b->m->n_extents;
	n->n_extents = n_extents;
	for (uint32_t i = 0; i < n_extents; i++) {
		int r = bulk_grow(b->m->bulk, (void **)&b->m->extents, &b->held->extent_space, b->m->n_extents,
				  sizeof(struct extent));

		if (r)
			return r;
		b->m->extents[b->m->n_extents++] = extents[i];
	}
	return 0;
}

int build_set_extents(struct build *b, uint32_t node, const struct extent *extents, uint32_t n)
{
	return add_extents(b, &b->m->nodes[node], extents, n);
}

static int add_target(struct build *b, struct manifest_node *n, const char *target, const char **ret_reason)
{
	size_t length = target ? strnlen(target, 4096) : 0;

	if (length == 0 || length > 4095) {
		*ret_reason = "the symbolic link has no valid target";
		return -EBADMSG;
	}
	n->target = arena_string(&b->held->strings, target, length);
	return n->target ? 0 : -ENOMEM;
}

/* A directory extent has exactly one parent record, so no listing is met twice, and all of them together are not
 * larger than the disc. */
static int add_listing(struct build *b, struct manifest_node *n, uint32_t lba, uint32_t bytes, const char **ret_reason)
{
	int r;

	n->listing.lba = lba;
	n->listing.bytes = bytes;
	if (!bytes)
		return 0;
	r = iso_room_take(&b->room, (struct iso_extent){lba, bytes});
	if (r == 1)
		*ret_reason = "the same directory is found in two places of the disc's tree";
	else if (r == -EBADMSG)
		*ret_reason = "the disc's directories overlap";
	return r == 1 ? -EBADMSG : r;
}

struct iso_extent build_take_listing(struct manifest_node *directory)
{
	struct iso_extent listing = {directory->listing.lba, directory->listing.bytes};

	directory->first_extent = directory->n_extents = 0; /* what those who plan see */
	return listing;
}

/* What a row and a base entry have in common. */
struct content {
	uint32_t n_extents;
	const struct extent *extents;
	const char *target;
	struct iso_extent listing;
	uint32_t claim; /* link count */
	/* extended attributes: a set, or the locator of the record that has them */
	const uint8_t *xattrs;
	uint32_t xattrs_bytes;
	uint64_t xattrs_at;
};

static int add_more(struct build *b, struct manifest_node *n, const struct content *c, const char **ret_reason)
{
	struct manifest_more more;
	_free_ uint8_t *read = NULL;
	const uint8_t *set = c->xattrs;
	size_t bytes = c->xattrs_bytes;
	int r = c->xattrs_at ? build_read_xattrs(b, c->xattrs_at, &read, &bytes, ret_reason) : 0;

	if (r < 0 || !bytes)
		return r;
	more.xattrs = arena_copy(&b->held->strings, read ? read : set, bytes);
	more.xattrs_bytes = (uint32_t)bytes;
	if (!more.xattrs)
		return -ENOMEM;
	struct manifest_more *kept = arena_take(&b->held->strings, sizeof(more), alignof(struct manifest_more));
	if (!kept)
		return -ENOMEM;
	*kept = more;
	n->more = kept;
	return 0;
}

/* What is counted as names of a file may be another number: in a linked manifest other names may be in directories
 * that stay. */
static int add_claim(struct build *b, uint32_t claim)
{
	int r = bulk_grow(b->m->bulk, (void **)&b->claims, &b->claim_space, b->m->n_nodes, sizeof(*b->claims));

	if (!r)
		b->claims[b->m->n_nodes] = claim;
	return r;
}

/* Publishes the node as the last step: on failure the manifest has extents and strings too many, but no node. */
static int add_node(struct build *b, struct manifest_node *n, const struct content *c, uint32_t *ret_node,
		    const char **ret_reason)
{
	int r = 0;

	if (n->ino == 0 || n->ino > UINT32_MAX) {
		*ret_reason = "its inode number does not fit a Rock Ridge serial number";
		return -EOVERFLOW;
	}
	if (S_ISDIR(n->mode)) {
		r = add_listing(b, n, c->listing.lba, c->listing.bytes, ret_reason);
		n->nlink = 2;
	} else if (S_ISLNK(n->mode)) {
		r = add_target(b, n, c->target, ret_reason);
	} else if (S_ISREG(n->mode)) {
		if (!extents_are_whole(c->extents, c->n_extents, n->size, &n->zisofs)) {
			*ret_reason = "the list of its extents does not cover the file";
			return -EBADMSG;
		}
		if (!extents_are_on_a_disc(b, c->extents, c->n_extents)) {
			*ret_reason = "its content lies on no disc, behind its end, or between that of other files "
				      "(interleaved), and cannot be kept: remove it";
			return -EBADMSG;
		}
		r = add_extents(b, n, c->extents, c->n_extents);
	} else if (!S_ISCHR(n->mode) && !S_ISBLK(n->mode) && !S_ISFIFO(n->mode) && !S_ISSOCK(n->mode)) {
		*ret_reason = "its file type is unknown";
		return -EBADMSG;
	}
	if (!S_ISREG(n->mode)) {
		n->size = 0;
		n->zisofs = (struct zisofs){{0}, 0, 0};
	}
	if (!r && (c->xattrs || c->xattrs_at))
		r = add_more(b, n, c, ret_reason);
	if (!r)
		r = bulk_grow(b->m->bulk, (void **)&b->m->nodes, &b->node_space, b->m->n_nodes, sizeof(*n));
	if (!r)
		r = add_claim(b, c->claim);
	if (r)
		return r;
	*ret_node = b->m->n_nodes;
	b->m->nodes[b->m->n_nodes++] = *n;
	return 0;
}

/* Most files have one name, and it is met where the row says. Nodes lie in another order than rows: to look at all of
 * them costs far more. */
static int add_doubt(struct build *b, size_t row)
{
	const struct stage_node *staged = &b->rows->nodes[row];
	bool again = b->row_nodes[row] != NUMBERS_NONE, alone = staged->nlink == 1;

	if (S_ISDIR(staged->mode) || (again ? !alone : alone && staged->parent == b->walked))
		return 0;
	int r = bulk_grow(b->m->bulk, (void **)&b->doubts, &b->doubt_space, b->n_doubts, sizeof(*b->doubts));
	if (!r)
		b->doubts[b->n_doubts++] = (uint32_t)row;
	return r;
}

int build_node_from_row(struct build *b, size_t row, uint32_t *ret_node, const char **ret_reason)
{
	const struct stage_node *staged = &b->rows->nodes[row];
	struct content content = {staged->n_extents,	staged->extents,
				  staged->target,	{staged->base_lba, staged->base_bytes}, /* directories */
				  staged->nlink,	staged->xattrs,
				  staged->xattrs_bytes, staged->xattrs_at};
	struct manifest_node n = {.ino = staged->ino,
				  .size = staged->size,
				  .rdev = staged->rdev,
				  .atime = staged->atime,
				  .mtime = staged->mtime,
				  .ctime = staged->ctime,
				  .mode = staged->mode,
				  .uid = staged->uid,
				  .gid = staged->gid,
				  .zisofs = staged->zisofs,
				  .as_burned = row_as_burned(staged)};
	int r;

	if (b->row_nodes[row] != NUMBERS_NONE) {
		if (S_ISDIR(staged->mode)) {
			*ret_reason = "the directory has two names";
			return -EBADMSG;
		}
		*ret_node = b->row_nodes[row];
		return add_doubt(b, row);
	}
	if (content.listing.bytes && !b->frozen->base) {
		*ret_reason = "the journal refers to a directory of a disc that is blank";
		return -EBADMSG;
	}
	r = add_node(b, &n, &content, ret_node, ret_reason);
	if (!r)
		r = add_doubt(b, row);
	if (!r)
		b->row_nodes[row] = *ret_node;
	if (!r && S_ISDIR(staged->mode) && staged->base_bytes)
		b->m->nodes[*ret_node].size = staged->size;
	return r;
}

/* 1, 0, or -errno. */
static int same_xattrs(struct build *b, const struct manifest_node *n, const struct iso_entry *e,
		       const char **ret_reason)
{
	_free_ uint8_t *set = NULL;
	size_t bytes = 0;
	int r = build_read_xattrs(b, e->xattrs_at, &set, &bytes, ret_reason);

	if (r < 0)
		return r;
	return bytes == (n->more ? n->more->xattrs_bytes : 0) && (!bytes || !memcmp(set, n->more->xattrs, bytes));
}

/* But for attributes, would the record of this entry say the same as that node? */
static bool same_record(const struct build *b, const struct manifest_node *n, const struct iso_entry *e)
{
	const struct extent *extents = b->m->extents + n->first_extent;

	if (n->mode != e->mode || n->uid != e->uid || n->gid != e->gid || !same_time(n->mtime, e->mtime))
		return false;
	if (S_ISLNK(n->mode))
		return e->target && strcmp(n->target, e->target) == 0;
	if (!S_ISREG(n->mode))
		return n->rdev == e->rdev;
	if (n->size != e->size || n->n_extents != e->n_extents ||
	    memcmp(&n->zisofs, &e->zisofs, sizeof(n->zisofs)) != 0)
		return false;
	for (uint32_t i = 0; i < e->n_extents; i++)
		if (extents[i].pos != e->extents[i].pos || extents[i].length != e->extents[i].length)
			return false;
	return true;
}

static int new_base_node(struct build *b, const struct iso_entry *e, uint64_t ino, uint32_t *ret_node,
			 const char **ret_reason)
{
	struct content content = {e->n_extents, e->extents, e->target, e->dir, e->nlink, .xattrs_at = e->xattrs_at};
	struct manifest_node n = {.ino = ino,
				  .size = e->size,
				  .rdev = e->rdev,
				  .atime = e->atime,
				  .mtime = e->mtime,
				  .ctime = e->ctime,
				  .mode = e->mode,
				  .uid = e->uid,
				  .gid = e->gid,
				  .zisofs = e->zisofs,
				  .as_burned = S_ISREG(e->mode)};

	return add_node(b, &n, &content, ret_node, ret_reason);
}

/* A directory that stays where it is: a node without entries. -EUCLEAN: its record does not tell enough. */
static int new_kept_node(struct build *b, const struct iso_entry *e, uint32_t *ret_node, const char **ret_reason)
{
	struct manifest_node *n;
	int r;

	if (!e->dir.bytes || (b->needs_twins && !e->twin.bytes) || !kept_is_on_a_disc(b, e))
		return -EUCLEAN;
	r = new_base_node(b, e, e->ino, ret_node, ret_reason);
	if (!r)
		r = bulk_grow(b->m->bulk, (void **)&b->m->kept, &b->kept_space, b->m->n_kept, sizeof(*b->m->kept));
	if (r)
		return r;
	b->m->kept[b->m->n_kept++] =
		(struct manifest_kept){e->dir.lba, e->dir.bytes, e->area_sectors, e->twin.lba, e->twin.bytes};
	n = &b->m->nodes[*ret_node];
	n->kept = b->m->n_kept;
	n->nlink = e->nlink;
	build_take_listing(n);
	return 0;
}

int build_node_from_entry(struct build *b, const struct iso_entry *e, uint32_t *ret_node, const char **ret_reason)
{
	size_t row = build_find_row(b, e->ino), cursor = 0;
	uint64_t ino = e->ino;
	uint32_t like, n_like = 0;
	int r;

	if (row != SIZE_MAX)
		return build_node_from_row(b, row, ret_node, ret_reason);
	if (b->linked && S_ISDIR(e->mode) && numbers_first(&b->needed, e->ino) == NUMBERS_NONE)
		return new_kept_node(b, e, ret_node, ret_reason);
	if (S_ISDIR(e->mode)) {
		r = new_base_node(b, e, ino, ret_node, ret_reason);
		if (!r)
			b->m->nodes[*ret_node].size = iso_entry_sectors(e);
		return r;
	}
	if (e->nlink < 2)
		return new_base_node(b, e, ino, ret_node, ret_reason);
	while ((like = numbers_next(&b->links, e->ino, &cursor)) != NUMBERS_NONE) {
		r = same_record(b, &b->m->nodes[like], e) ? same_xattrs(b, &b->m->nodes[like], e, ret_reason) : 0;
		if (r > 0)
			*ret_node = like;
		if (r)
			return r < 0 ? r : 0;
		n_like++;
	}
	if (n_like >= LIKE_NODES_MAX) {
		*ret_reason = "too many different files claim to be links of one";
		return -EBADMSG;
	}
	if (n_like) {
		r = b->held->stage ? stage_new_ino(b->held->stage, &ino) : -EBADMSG;
		if (r) {
			*ret_reason = "no inode number could be had for it";
			return r;
		}
	}
	r = new_base_node(b, e, ino, ret_node, ret_reason);
	return r ? r : numbers_add(&b->links, e->ino, *ret_node);
}
