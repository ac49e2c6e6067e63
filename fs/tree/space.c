/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Space: an upper bound of the next session, kept per change, so that df is true and what was accepted fits.
 *
 *	full tree	next session <= fixed part + the base's tree + what each touched directory may grow +
 *			staged data
 *	linked tree	next session <= fixed part + path tables + the touched directories + staged data
 *
 * The base's tree is known from our descriptors; a foreign one is measured by one walk before its first change.  A
 * directory is counted anew when it is touched (touched.c).  While a session burns, its sectors and a second session
 * for what is changed meanwhile are counted; should it fail, everything is counted again from the rows.
 */
#include "burner/format/bound.h"
#include "burner/format/pieces.h"
#include "fs/tree/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A pair for each directory that holds names of one file, and the way up from each. */
uint64_t space_link_bytes(const struct space *s)
{
	if (!s->links && !s->links_bytes)
		return 0;
	return BOUND_LINK_BYTES * (min_u64(s->n_links, s->n_linked * s->directories) + s->n_touched);
}

/* Directories that hold names of files with several: the root counts among them, and is touched by every change. */
static uint64_t others_sectors(const struct tree *t)
{
	const struct space *s = &t->space;

	return s->links_sectors - (s->burning ? 0 : min_u64(s->links_sectors, t->root->base_sectors));
}

/* Wherever in the tree the names are. */
static uint64_t xattrs_sectors(const struct tree *t, uint64_t bytes, uint64_t names)
{
	const struct space *s = &t->space;
	uint64_t old = t->options.md5 && !s->base_summed ? bound_names(s->base_tree) : 0;

	return bound_xattrs_sectors(bytes + old * bound_xattrs_bytes(BOUND_SUM_SET_BYTES, 1), names + old,
				    s->base_tree + s->names + s->linked, s->directories + s->n_touched);
}

uint64_t space_xattrs_sectors(const struct tree *t) { return xattrs_sectors(t, t->space.xattrs, t->space.n_xattrs); }

/* MD5 sums of files wherever they are. */
static uint64_t sums_sectors(const struct tree *t)
{
	return t->options.md5 ? bound_sums_sectors(bound_names(t->space.base_tree) + t->space.n_xattrs) : 0;
}

/*
 * Sessions before 0.3 have none, and get some in each record that is written again: a sector of records of any length
 * becomes no more than a quarter of one longer, and of each directory the last sector of records and that of areas may
 * be another one.
 */
uint64_t space_with_nanoseconds(const struct space *s, uint64_t sectors, uint64_t directories)
{
	return s->lacks_nanoseconds ? sectors + sectors / 4 + 2 * directories : sectors;
}

/* A linked session takes no more than a full one, whatever the bounds say. */
uint64_t space_body_locked(const struct tree *t)
{
	lock_assert(&t->lock);
	const struct space *s = &t->space;
	uint64_t links = space_link_bytes(s), full = s->base_tree + s->names + (links ? sectors_of(links) + 1 : 0);
	uint64_t linked = s->tables + s->linked + s->xattrs_burned + (s->links ? others_sectors(t) : 0) +
			  sectors_of(s->links_bytes + links) + 1;

	return BOUND_SESSION_SECTORS + s->saved_descriptors +
	       (s->links_trees && !s->astray ? min_u64(full, linked) : full) + bound_table_sectors(s->table_bytes) +
	       s->data + space_xattrs_sectors(t) + sums_sectors(t) +
	       (t->options.pieces.share == SHARE_NONE ? 0 : bound_contents_sectors(s->n_contents));
}

uint64_t space_sectors_locked(const struct tree *t)
{
	lock_assert(&t->lock);
	return bound_session_sectors(bound_protected(space_body_locked(t), t->options.parity_percent));
}

uint64_t space_more_locked(const struct tree *t, uint64_t sectors)
{
	lock_assert(&t->lock);
	uint64_t body = space_body_locked(t), all = bound_protected(body, t->options.parity_percent) + sectors;

	return bound_unprotected(all, t->options.parity_percent) - body;
}

uint64_t space_parity_locked(const struct tree *t)
{
	lock_assert(&t->lock);
	uint64_t body = space_body_locked(t);

	return bound_protected(body, t->options.parity_percent) - body;
}

static uint64_t medium_used(const struct tree *t)
{
	const struct disc_state *m = &t->space.medium;

	return (uint64_t)m->next_lba + m->tail_sectors + t->space.frozen +
	       (t->space.burning ? m->after_session_sectors : 0);
}

uint64_t space_medium_room_locked(const struct tree *t)
{
	lock_assert(&t->lock);
	uint64_t capacity = t->space.medium.capacity_sectors, used = medium_used(t);

	return !capacity ? UINT64_MAX : capacity > used ? capacity - used : 0;
}

uint64_t space_body_room(const struct tree *t, uint64_t sectors)
{
	return sectors == UINT64_MAX ? sectors :
				       bound_unprotected(bound_session_room(sectors), t->options.parity_percent);
}

/* Sectors that are still free when all that is staged was burned; a session has whole units of BOUND_ALIGN_SECTORS. */
static uint64_t medium_left_locked(struct tree *t)
{
	lock_assert(&t->lock);
	uint64_t room = space_body_room(t, space_medium_room_locked(t)), need = space_body_locked(t);

	return room == UINT64_MAX ? UINT64_MAX : room > need ? room - need : 0;
}

uint64_t space_left_locked(struct tree *t)
{
	lock_assert(&t->lock);

	/* Of what is for several discs no disc is the limit. */
	return min_u64(t->stage && !t->options.span ? medium_left_locked(t) : UINT64_MAX, host_left_locked(t));
}

/* Whether what is counted now fits: on the medium, and on the host's file system too. */
static bool medium_fits(const struct tree *t)
{
	uint64_t capacity = t->space.medium.capacity_sectors;

	return !capacity || t->options.span || medium_used(t) + space_sectors_locked(t) <= capacity;
}
bool space_fits_locked(struct tree *t)
{
	lock_assert(&t->lock);
	return medium_fits(t) && host_left_locked(t) > 0;
}

/* The first change needs a session: there must be room for one, whatever the change is.  Later ones are counted one
 * by one. */
int space_admit(struct tree *t)
{
	int r = space_measure(t);

	if (r < 0)
		return r;
	tree_lock(t);
	r = space_counted_locked(t);
	bool first = stage_empty(t->stage) || (t->space.burning && !t->space.names && !t->space.data);
	if (r == 0 && first && !medium_fits(t))
		r = -ENOSPC;
	tree_unlock(t);
	return r;
}

int space_check_locked(struct tree *t, uint64_t more_sectors)
{
	lock_assert(&t->lock);
	if (space_left_locked(t) < more_sectors)
		return -ENOSPC;
	host_hand_out_locked(t, more_sectors);
	return 0;
}

uint64_t space_staged_bytes_locked(const struct tree *t)
{
	lock_assert(&t->lock);
	return t->space.data * SECTOR_BYTES + t->space.record_bytes;
}

void tree_space(struct tree *t, uint64_t *ret_staged_bytes, uint64_t *ret_free_bytes)
{
	tree_lock(t);
	/* What is being burned is staged until it was read back. */
	*ret_staged_bytes = space_staged_bytes_locked(t) + t->space.frozen_bytes;
	/* Attributes alone are something, too. */
	if (!*ret_staged_bytes && t->stage && (t->dirty || !stage_empty(t->stage)))
		*ret_staged_bytes = SECTOR_BYTES;
	uint64_t left = space_counted_locked(t) < 0 ? 0 : space_left_locked(t);
	if (t->options.span && t->stage)
		left = min_u64(left, medium_left_locked(t));
	*ret_free_bytes = left > UINT64_MAX / SECTOR_BYTES ? 0 : left * SECTOR_BYTES;
	tree_unlock(t);
}

const char *tree_stage_directory(const struct tree *t) { return t->stage ? stage_directory(t->stage) : NULL; }

int tree_stage_directory_closed(struct tree *t, char **ret)
{
	return t->stage ? stage_directory_closed(t->stage, ret) : -EROFS;
}

uint64_t tree_stage_room(const struct tree *t) { return t->stage ? stage_room(t->stage) : 0; }

enum tree_full tree_why_full(struct tree *t)
{
	uint64_t stage = tree_stage_room(t) / SECTOR_BYTES, medium, host;

	tree_lock(t);
	medium = t->options.span ? UINT64_MAX : medium_left_locked(t);
	host = host_left_locked(t);
	tree_unlock(t);
	if (stage <= medium && stage <= host)
		return TREE_FULL_STAGE;
	return host < medium ? TREE_FULL_HOST : TREE_FULL_MEDIUM;
}

uint64_t tree_directories(struct tree *t)
{
	uint64_t n;

	tree_lock(t);
	n = t->space.base_known ? t->space.directories : 0;
	tree_unlock(t);
	return n;
}

/* ---- staged data ---- */

/* Staged bytes that the next session writes. While a session burns, what lies in frozen bodies is part of that one. */
static uint64_t fresh_bytes(const struct tree *t, const struct node *n)
{
	uint64_t bytes = n->hole_bytes + node_aside_beyond(n);

	if (!t->space.burning)
		return bytes + n->stage_bytes;
	for (uint32_t i = 0; i < n->map.n; i++) {
		const struct extent *e = &n->map.extents[i];

		if (e->kind == EXTENT_STAGE && !stage_body_frozen(t->stage, e->body))
			bytes += e->length;
	}
	return bytes;
}

/* What of the content decides what the next session writes of it. */
struct content {
	uint64_t size;
	uint64_t fresh;	 /* bytes to be written … */
	uint64_t kept;	 /* … and bytes that can stay where they are */
	uint64_t pieces; /* that the session has at most: what is written between two that stay is one */
	uint32_t became; /* enum stage_content */
};

/* While a session burns, what lies in frozen bodies is on the disc as good as. */
static bool stays(const struct tree *t, const struct extent *e)
{
	return e->kind == EXTENT_DISC ||
	       (t->space.burning && e->kind == EXTENT_STAGE && stage_body_frozen(t->stage, e->body));
}

static struct content content_of(const struct tree *t, const struct node *n)
{
	struct content c = {.size = max_u64(n->size, n->aside_end), .fresh = fresh_bytes(t, n), .became = n->content};
	bool fresh = false, beyond = node_aside_beyond(n);

	if (!t->space.burning && n->stage_bytes + n->hole_bytes >= map_end(&n->map)) {
		c.pieces = n->map.n > 0 || beyond;
		return c;
	}
	for (uint32_t i = 0; i < n->map.n; i++) {
		struct extent e = n->map.extents[i], part;
		bool here = stays(t, &e);

		c.pieces += here || !fresh;
		fresh = !here;
		if (here && e.kind != EXTENT_DISC)
			e = (struct extent){.offset = e.offset,
					    .length = e.length,
					    .pos = e.offset,
					    .kind = EXTENT_DISC};
		if (here && pieces_keepable(&e, n->size, 0, &part))
			c.kept += part.length;
	}
	c.pieces += beyond && !fresh;
	return c;
}

/*
 * Is all of it written although parts could stay?  Whenever it may come to that: the first block may have to be
 * written afresh (burner/session/sections.c), which makes a section more and less that stays.
 */
static bool may_be_whole(const struct tree *t, const struct node *n, const struct content *c)
{
	const struct pieces_rule *rule = &t->options.pieces;

	return rule->share != SHARE_BLOCKS &&
	       !pieces_pay(rule, c->size, c->kept - min_u64(c->kept, SECTOR_BYTES), c->pieces + 2, n->nlink);
}

/*
 * All of it is on the disc, and it is another content than that of the file as it was burned: a part of another file,
 * copied without its data, or a beginning of itself.  The first block may have to be written afresh, if there is a file
 * that begins so and goes on.
 */
static bool may_begin_another(const struct content *c)
{
	return c->size && (c->became & STAGE_CONTENT_CUT || (c->became && c->size % SECTOR_BYTES == 0));
}

/*
 * Nothing of the content is written.  Its names cost a record for each section all the same, whichever of them are new:
 * the first of each is counted with the name, the others here.
 */
static bool stays_as_it_is(const struct content *c) { return !c->fresh && c->pieces <= 1 && !may_begin_another(c); }

static uint64_t content_cost(const struct tree *t, const struct node *n, const struct content *c)
{
	uint64_t names = n->nlink ? n->nlink : 1, sections = c->pieces + c->size / SECTION_MAX_BYTES;
	uint64_t records = bound_section_sectors(min_u64(sections, BOUND_SECTIONS), names);
	bool whole = may_be_whole(t, n, c);

	if (stays_as_it_is(c))
		return records;
	/* Too many sections: pieces that lie on the disc are written again, too, even if nothing else is. */
	if (sections + 2 > BOUND_SECTIONS || (c->fresh && whole))
		return sectors_of(c->size) + records;
	if (c->fresh)
		return sectors_of(c->fresh) + records + (c->pieces > 1);
	if (c->pieces > 1)
		return (c->became && whole ? sectors_of(c->size) : 1) + records;
	return (whole ? sectors_of(c->size) : 1) + bound_section_sectors(sections + 1, names);
}

/* A function of the node's state alone, so that a node dropped from memory and loaded again is counted once. */
static uint64_t node_cost(const struct tree *t, const struct node *n)
{
	struct content c;

	if (!S_ISREG(n->mode) || n->orphan || !n->staged || !t->stage)
		return 0;
	c = content_of(t, n);
	return content_cost(t, n, &c);
}

int space_grow_locked(struct tree *t, const struct node *n, const struct space_growth *more)
{
	lock_assert(&t->lock);
	struct content c = content_of(t, n);

	c.pieces += c.pieces > 1 || !n->stage_bytes ? more->pieces : 0;
	c.fresh += more->fresh;
	c.kept -= min_u64(c.kept, more->replaced);
	c.size = more->size;
	c.became |= more->became;
	uint64_t cost = content_cost(t, n, &c);
	/* One more for the content table, when it is the first. */
	return n->orphan || cost <= n->cost ? 0 : space_check_locked(t, cost - n->cost + !n->cost);
}

/* Are all blocks of [from, to) such that the next session writes anyway?  Whatever is written there, it costs no more:
 * so there is always room in what was set aside. */
static bool is_counted(const struct tree *t, const struct node *n, uint64_t from, uint64_t to)
{
	uint64_t counted = 0, aside_end = max_u64(n->size, n->aside_end);

	if (!n->staged || !n->cost)
		return false;
	for (uint32_t i = map_find(&n->map, from); i < n->map.n && n->map.extents[i].offset < to; i++) {
		const struct extent part = map_clip(&n->map.extents[i], from, to);

		if (stays(t, &part))
			return false;
		counted += part.length;
	}
	uint64_t beyond = max_u64(from, n->size), beyond_end = max_u64(beyond, min_u64(to, aside_end));

	return round_up(counted + beyond_end - beyond, SECTOR_BYTES) == to - from;
}

static int space_range_locked(struct tree *t, const struct node *n, uint64_t from, uint64_t to, uint64_t more_pieces)
{
	uint64_t first = from / SECTOR_BYTES * SECTOR_BYTES, last = round_up(to, SECTOR_BYTES), all = last - first;
	struct map_sums have = map_sum(&n->map, first, last);

	if (to <= max_u64(n->size, n->aside_end) && is_counted(t, n, first, last))
		return 0;
	if (t->space.burning)
		have.stage = 0; /* may lie in frozen bodies */
	const struct space_growth more = {
		.fresh = all - min_u64(all, have.stage + have.hole),
		.replaced = t->space.burning ? all - min_u64(all, have.hole) : have.disc,
		.pieces = more_pieces + SPACE_PIECES_MORE,
		.size = max_u64(n->size, to),
		.became = STAGE_CONTENT_CHANGED,
	};
	return space_grow_locked(t, n, &more);
}

int space_write(struct tree *t, struct node *n, uint64_t from, uint64_t to)
{
	if (to > BOUND_FILE_BYTES)
		return -EFBIG;
	tree_lock(t);
	int r = space_counted_locked(t);
	if (r == 0)
		r = dirty_ancestors_of_locked(t, n);
	if (r == 0)
		r = space_range_locked(t, n, from, to, 0);
	tree_unlock(t);
	return r;
}

int space_stage(struct tree *t, struct node *n, uint64_t from, uint64_t to)
{
	tree_lock(t);
	int r = host_stage_locked(t, n, from, to);
	tree_unlock(t);
	return r;
}

int space_cut_locked(struct tree *t, const struct node *n, uint64_t size)
{
	lock_assert(&t->lock);
	const struct space_growth less = {
		.size = size,
		.replaced = map_sum(&n->map, size, UINT64_MAX).disc,
		.became = STAGE_CONTENT_CHANGED | STAGE_CONTENT_CUT,
	};
	int r = space_counted_locked(t);

	return r ? r : space_grow_locked(t, n, &less);
}

/* Zeros are a hole between two written edges, each a change of its own. */
int space_zeros(struct tree *t, struct node *n, uint64_t from, uint64_t to)
{
	tree_lock(t);
	int r = space_counted_locked(t);
	if (r == 0)
		r = dirty_ancestors_of_locked(t, n);
	if (r == 0)
		r = space_range_locked(t, n, from, to, 2 * SPACE_PIECES_MORE);
	tree_unlock(t);
	return r;
}

static void data_change(struct space *s, uint64_t less, uint64_t more)
{
	s->data -= min_u64(less, s->data);
	s->data += more;
	s->n_contents -= less > 0 && s->n_contents;
	s->n_contents += more > 0;
}

static uint64_t node_aside(const struct tree *t, const struct node *n)
{
	return S_ISREG(n->mode) && !n->orphan && n->staged && t->stage ? n->aside_bytes + node_aside_beyond(n) : 0;
}

static void aside_change(struct space *s, struct node *n, uint64_t aside)
{
	s->aside += aside - n->aside;
	n->aside = aside;
}

/* Names that the link table may list, all of them: which are new is not known. */
static uint32_t node_links(const struct tree *t, const struct node *n)
{
	return !S_ISDIR(n->mode) && n->nlink > 1 && n->staged && t->stage ? n->nlink : 0;
}

static void links_change(struct space *s, struct node *n, uint32_t links)
{
	s->n_linked += (links > 0) - (uint64_t)(n->links > 0);
	s->n_links += (uint64_t)links - n->links;
	n->links = links;
}

/* Records of content that has been counted with the longest that records can be; others are those of its sections. */
static uint64_t records_of(const struct node *n)
{
	return S_ISREG(n->mode) && !n->cost ? 1 + n->size / SECTION_MAX_BYTES : 1;
}

/* Of a set of so many bytes, with what a session adds to it, on one name. */
static uint64_t xattrs_cost(const struct tree *t, const struct node *n, uint64_t bytes)
{
	return bound_xattrs_bytes(bytes + (t->options.md5 && S_ISREG(n->mode) ? BOUND_SUM_SET_BYTES : 0),
				  records_of(n));
}

/* Extended attributes are written with each name; those that a changed node has on the disc, too. */
static uint32_t xattr_names(const struct tree *t, const struct node *n)
{
	if (!xattrs_cost(t, n, n->xattrs_bytes) || !n->staged || n->orphan || !t->stage)
		return 0;
	return S_ISDIR(n->mode) || !n->nlink ? 1 : n->nlink;
}

static void xattrs_change(struct tree *t, struct node *n, uint32_t names)
{
	struct space *s = &t->space;
	uint64_t cost = names * xattrs_cost(t, n, n->xattrs_bytes);

	s->n_xattrs += (uint64_t)names - n->xattr_names;
	s->xattrs += cost - n->xattr_cost;
	n->xattr_names = names;
	n->xattr_cost = cost;
}

int space_xattrs_locked(struct tree *t, const struct node *n, uint64_t bytes)
{
	lock_assert(&t->lock);
	const struct space *s = &t->space;
	uint64_t names = S_ISDIR(n->mode) || !n->nlink ? 1 : n->nlink, cost = xattrs_cost(t, n, bytes), now, then;

	if (!cost || n->orphan)
		return 0;
	now = space_xattrs_sectors(t);
	then = xattrs_sectors(t, s->xattrs - n->xattr_cost + names * cost, s->n_xattrs - n->xattr_names + names);
	then += t->options.md5 ? 1 : 0; /* of the sums */
	return then <= now ? 0 : space_check_locked(t, then - now);
}

void space_node_locked(struct tree *t, struct node *n)
{
	lock_assert(&t->lock);
	uint64_t cost = node_cost(t, n);

	data_change(&t->space, n->cost, cost);
	n->cost = cost;
	aside_change(&t->space, n, node_aside(t, n));
	links_change(&t->space, n, node_links(t, n));
	xattrs_change(t, n, xattr_names(t, n));
}

void space_loaded_locked(struct tree *t, struct node *n, uint32_t generation)
{
	lock_assert(&t->lock);
	bool frozen = t->space.burning && generation != stage_generation(t->stage);

	n->cost = frozen ? 0 : node_cost(t, n);
	n->aside = frozen ? 0 : node_aside(t, n);
	n->links = frozen ? 0 : node_links(t, n);
	n->xattr_names = frozen ? 0 : xattr_names(t, n);
	n->xattr_cost = n->xattr_names * xattrs_cost(t, n, n->xattrs_bytes);
}

void space_forget_node_locked(struct tree *t, struct node *n)
{
	lock_assert(&t->lock);
	data_change(&t->space, n->cost, 0);
	n->cost = 0;
	aside_change(&t->space, n, 0);
	links_change(&t->space, n, 0);
	xattrs_change(t, n, 0);
}
