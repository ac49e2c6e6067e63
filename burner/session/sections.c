/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sections.c - which parts of files stay where they are on the disc, and which are written
 *
 * A file becomes runs: DISC (kept: whole sectors of older sessions, at a multiple of 2048 in the file) and STAGE (to
 * be written: everything else, including data of the disc that does not lie so).  Rules, in this order:
 *   whole	share=none, compat: a file that is not wholly on the disc is written as one run
 *   same	files with the same list of extents have the same runs (data staged once is burned once)
 *   first block	libarchive takes files with the same first block for hard links and reads the content of the
 *		first: of files that begin with the same block of the disc and differ, one keeps it (as it was burned
 *		before changed, wholly on the disc before mixed, longer before shorter, the lower inode number), the
 *		others get it afresh
 *   sections	at most BOUND_SECTIONS: the smallest kept runs are written too, as few as will do
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "burner/session/internal.h"
#include "burner/format/bound.h"
#include "burner/format/pieces.h"

/* A file by the place of its first byte that is not in a hole. */
struct first_place {
	uint64_t pos, ino, hole; /* hole: bytes before it */
	uint32_t body, node;
	uint64_t bytes;
	bool on_disc, mixed, as_burned;
};

static const struct extent *extents_of(const struct burn_plan *p, uint32_t node)
{
	return p->manifest->extents + p->manifest->nodes[node].first_extent;
}

uint64_t content_stored_bytes(const struct burn_plan *p, uint32_t node)
{
	const struct manifest_node *n = &p->manifest->nodes[node];
	const struct extent *last;

	if (!n->n_extents)
		return 0;
	last = extents_of(p, node) + n->n_extents - 1;
	return last->offset + last->length;
}

/* ---- runs ---- */

static int add_run(struct burn_plan *p, struct plan_file *f, const struct extent *run)
{
	struct extent *last = f->n_runs ? &p->runs[p->n_runs - 1] : NULL;

	if (last && last->kind == run->kind && (run->kind == EXTENT_STAGE || last->pos + last->length == run->pos)) {
		last->length += run->length;
		return 0;
	}
	if (p->n_runs == p->runs_room) {
		size_t room = p->runs_room ? 2 * p->runs_room : 1024;
		struct extent *runs =
			room > NO_INDEX ? NULL : bulk_resize(p->manifest->bulk, p->runs, room, sizeof(*runs));

		if (!runs)
			return -ENOMEM;
		p->runs = runs;
		p->runs_room = room;
	}
	p->runs[p->n_runs++] = *run;
	f->n_runs++;
	return 0;
}

static int add_fresh(struct burn_plan *p, struct plan_file *f, uint64_t from, uint64_t to)
{
	return from < to ? add_run(p, f, &(struct extent){.offset = from, .length = to - from, .kind = EXTENT_STAGE}) :
			   0;
}

/* Runs of the node, behind all others; nothing below fresh_below is kept. */
static int build_runs(struct burn_plan *p, uint32_t node, uint64_t fresh_below)
{
	struct plan_file *f = &p->files[node];
	uint64_t file_bytes = content_stored_bytes(p, node), done = 0;
	const struct extent *e = extents_of(p, node);
	int r = 0;

	f->first_run = (uint32_t)p->n_runs;
	f->n_runs = 0;
	for (uint32_t i = 0; i < p->manifest->nodes[node].n_extents && !r; i++) {
		struct extent kept;

		if (!pieces_keepable(&e[i], file_bytes, fresh_below, &kept))
			continue;
		r = add_fresh(p, f, done, kept.offset);
		if (!r)
			r = add_run(p, f, &kept);
		done = kept.offset + kept.length;
	}
	return r ? r : add_fresh(p, f, done, file_bytes);
}

static bool wholly_kept(const struct burn_plan *p, uint32_t node)
{
	const struct plan_file *f = &p->files[node];

	for (uint32_t i = 0; i < f->n_runs; i++)
		if (p->runs[f->first_run + i].kind != EXTENT_DISC)
			return false;
	return true;
}

static bool shares_nothing(const struct burn_plan *p) { return p->options.pieces.share == SHARE_NONE; }

/* ---- the bound on sections ---- */

struct size_rank {
	uint64_t length;
	uint32_t run;
};

static int compare_sizes(const void *a, const void *b)
{
	const struct size_rank *x = a, *y = b;

	if (x->length != y->length)
		return x->length < y->length ? -1 : 1;
	return x->run < y->run ? -1 : x->run > y->run;
}

/* Sections when the runs marked are written too, so that they join their neighbours. */
static uint64_t count_sections(const struct extent *runs, uint32_t n, const uint8_t *written)
{
	uint64_t sections = 0, fresh = 0;

	for (uint32_t i = 0; i < n; i++) {
		if (runs[i].kind == EXTENT_STAGE || (written && written[i])) {
			fresh += runs[i].length;
			continue;
		}
		sections += sections_of(fresh) + sections_of(runs[i].length);
		fresh = 0;
	}
	return sections + sections_of(fresh);
}

static uint64_t kept_bytes(const struct burn_plan *p, const struct plan_file *f)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < f->n_runs; i++)
		bytes += p->runs[f->first_run + i].kind == EXTENT_DISC ? p->runs[f->first_run + i].length : 0;
	return bytes;
}

/* Are the runs that the file has worth their sections? */
static bool runs_pay(const struct burn_plan *p, uint32_t node)
{
	const struct plan_file *f = &p->files[node];

	return f->n_runs < 2 ||
	       pieces_pay(&p->options.pieces, content_stored_bytes(p, node), kept_bytes(p, f),
			  count_sections(p->runs + f->first_run, f->n_runs, NULL), p->manifest->nodes[node].nlink);
}

/* What is on the disc so already is not written again only for that. */
static bool runs_may_stay(const struct burn_plan *p, uint32_t node)
{
	bool as_burned = shares_nothing(p) ? wholly_kept(p, node) : p->manifest->nodes[node].as_burned;

	return (as_burned && !p->options.heal) || runs_pay(p, node);
}

/* The file's runs are the last ones. */
static int write_whole(struct burn_plan *p, uint32_t node)
{
	p->n_runs = p->files[node].first_run;
	return build_runs(p, node, UINT64_MAX);
}

static void mark_smallest(const struct size_rank *ranks, uint32_t n_ranks, uint32_t n_marked, uint8_t *written)
{
	for (uint32_t i = 0; i < n_ranks; i++)
		written[ranks[i].run] = i < n_marked;
}

/* Writing one more never makes more sections, so the least number of runs to write is found by halving. */
static int choose_written(const struct extent *runs, uint32_t n, uint8_t *written)
{
	_free_ struct size_rank *ranks = calloc(n, sizeof(*ranks));
	uint32_t n_ranks = 0, low = 0, high;

	if (!ranks)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++)
		if (runs[i].kind == EXTENT_DISC)
			ranks[n_ranks++] = (struct size_rank){runs[i].length, i};
	qsort(ranks, n_ranks, sizeof(*ranks), compare_sizes);
	for (high = n_ranks; low < high;) {
		uint32_t middle = low + (high - low) / 2;

		mark_smallest(ranks, n_ranks, middle, written);
		if (count_sections(runs, n, written) <= BOUND_SECTIONS)
			high = middle;
		else
			low = middle + 1;
	}
	mark_smallest(ranks, n_ranks, low, written);
	return 0;
}

static int bound_sections(struct burn_plan *p, uint32_t node)
{
	struct plan_file *f = &p->files[node];
	struct extent *runs = p->runs + f->first_run;
	uint32_t n = f->n_runs, kept = 0;
	_free_ uint8_t *written = NULL;
	int r;

	if (count_sections(runs, n, NULL) <= BOUND_SECTIONS)
		return 0;
	if (shares_nothing(p))
		return build_runs(p, node, UINT64_MAX);
	written = calloc(n, 1);
	if (!written)
		return -ENOMEM;
	r = choose_written(runs, n, written);
	if (r)
		return r;
	/* Joined in place: the list only gets shorter. */
	for (uint32_t i = 0; i < n; i++) {
		struct extent run = runs[i];

		if (written[i])
			run = (struct extent){.offset = run.offset, .length = run.length, .kind = EXTENT_STAGE};
		if (kept && run.kind == EXTENT_STAGE && runs[kept - 1].kind == EXTENT_STAGE)
			runs[kept - 1].length += run.length;
		else
			runs[kept++] = run;
	}
	f->n_runs = kept;
	return runs_may_stay(p, node) ? 0 : build_runs(p, node, UINT64_MAX);
}

/* ---- files that begin at the same place ---- */

static int compare_places(const void *a, const void *b)
{
	const struct first_place *x = a, *y = b;

	if (x->on_disc != y->on_disc)
		return x->on_disc ? -1 : 1;
	if (x->body != y->body)
		return x->body < y->body ? -1 : 1;
	if (x->pos != y->pos)
		return x->pos < y->pos ? -1 : 1;
	if (x->hole != y->hole)
		return x->hole < y->hole ? -1 : 1;
	if (x->as_burned != y->as_burned)
		return x->as_burned ? -1 : 1;
	if (x->mixed != y->mixed)
		return x->mixed ? 1 : -1;
	if (!x->as_burned && x->bytes != y->bytes)
		return x->bytes > y->bytes ? -1 : 1;
	if (x->ino != y->ino)
		return x->ino < y->ino ? -1 : 1;
	return x->node < y->node ? -1 : x->node > y->node;
}

static bool same_content(const struct burn_plan *p, uint32_t a, uint32_t b)
{
	const struct extent *x = extents_of(p, a), *y = extents_of(p, b);

	if (p->manifest->nodes[a].n_extents != p->manifest->nodes[b].n_extents)
		return false;
	for (uint32_t i = 0; i < p->manifest->nodes[a].n_extents; i++)
		if (x[i].length != y[i].length || x[i].pos != y[i].pos || x[i].body != y[i].body ||
		    x[i].kind != y[i].kind)
			return false;
	return true;
}

static bool keeps_first(const struct burn_plan *p, uint32_t node)
{
	return p->runs[p->files[node].first_run].kind == EXTENT_DISC;
}

/* One content, in the same sections? */
static bool same_file(const struct burn_plan *p, uint32_t a, uint32_t b)
{
	return p->files[a].n_runs == p->files[b].n_runs && same_content(p, a, b);
}

/* The first block afresh, which may not be worth the sections that it makes. */
static int give_first_block(struct burn_plan *p, uint32_t node)
{
	int r = build_runs(p, node, shares_nothing(p) ? UINT64_MAX : SECTOR_BYTES);

	return r || runs_pay(p, node) ? r : write_whole(p, node);
}

/* Nodes of one place, in the order in which they have a right to it. */
static int settle_group(struct burn_plan *p, const struct first_place *group, size_t n)
{
	uint32_t owner = group[0].node, whole = NO_INDEX; /* whole: a copy of a file in pieces that is written in one */

	for (size_t i = 1; i < n; i++) {
		uint32_t node = group[i].node;
		int r;

		if (same_file(p, owner, node) && !(shares_nothing(p) && group[i].mixed)) {
			p->files[node].same_as = owner;
			continue;
		}
		if (!keeps_first(p, node)) {
			if (whole != NO_INDEX && same_file(p, whole, node))
				p->files[node].same_as = whole;
			else if (whole == NO_INDEX && !shares_nothing(p))
				whole = node;
			continue;
		}
		if (!keeps_first(p, owner)) {
			owner = node;
			continue;
		}
		/* Not those that are burned already: in a linked session other names of them may stay where they
		 * are. */
		r = p->manifest->linked && p->manifest->nodes[node].as_burned ? 0 : give_first_block(p, node);
		if (r)
			return r;
	}
	return 0;
}

static struct first_place place_of(const struct burn_plan *p, uint32_t node)
{
	const struct extent *e = extents_of(p, node);
	uint64_t hole = e->kind == EXTENT_HOLE ? e->length : 0;

	if (hole && p->manifest->nodes[node].n_extents > 1)
		e++;
	return (struct first_place){.pos = e->pos,
				    .ino = p->manifest->nodes[node].ino,
				    .hole = hole,
				    .body = e->body,
				    .node = node,
				    .bytes = content_stored_bytes(p, node),
				    .on_disc = e->kind == EXTENT_DISC,
				    .mixed = !wholly_kept(p, node),
				    .as_burned = p->manifest->nodes[node].as_burned};
}

static bool same_place(const struct first_place *a, const struct first_place *b)
{
	return a->on_disc == b->on_disc && a->body == b->body && a->pos == b->pos && a->hole == b->hole;
}

static int settle_places(struct burn_plan *p)
{
	_bulk_ struct first_place *places =
		bulk_zalloc(p->manifest->bulk, (size_t)p->manifest->n_nodes + 1, sizeof(*places));
	size_t n = 0;
	int r = 0;

	if (!places)
		return -ENOMEM;
	for (uint32_t i = 0; i < p->manifest->n_nodes; i++) {
		if (p->files[i].n_runs)
			places[n++] = place_of(p, i);
		bulk_pace(p->manifest->bulk, 1);
	}
	bulk_sort(p->manifest->bulk, places, n, sizeof(*places), compare_places);
	for (size_t i = 0, end; i < n && !r; i = end) {
		for (end = i + 1; end < n && same_place(&places[i], &places[end]); end++)
			;
		r = settle_group(p, places + i, end - i);
		bulk_pace(p->manifest->bulk, 4); /* near each other as a rule */
	}
	return r;
}

/* ---- checks ---- */

/* Extents touch and cover the file; what is on the disc lies below the session. */
static int check_extents(const struct burn_plan *p, uint32_t node)
{
	const struct manifest *m = p->manifest;
	const struct manifest_node *n = &m->nodes[node];
	uint64_t done = 0, disc_end = (uint64_t)p->options.start_lba * SECTOR_BYTES;

	if (n->first_extent > m->n_extents || n->n_extents > m->n_extents - n->first_extent)
		return -EINVAL;
	for (uint32_t i = 0; i < n->n_extents; i++) {
		const struct extent *e = &m->extents[n->first_extent + i];

		if (e->offset != done || !e->length || e->length > BOUND_FILE_BYTES)
			return e->length > BOUND_FILE_BYTES ? -EFBIG : -EINVAL;
		if (e->kind == EXTENT_DISC && (e->length > disc_end || e->pos > disc_end - e->length))
			return -EBADMSG;
		done += e->length;
		if (done > BOUND_FILE_BYTES)
			return -EFBIG;
	}
	return zisofs_used(&n->zisofs) || done == n->size ? 0 : -EINVAL;
}

int content_plan(struct burn_plan *p)
{
	uint32_t n = p->manifest->n_nodes;
	int r = 0;

	for (uint32_t i = 0; i < n; i++) {
		p->files[i].same_as = NO_INDEX;
		bulk_pace(p->manifest->bulk, 1);
	}
	for (uint32_t i = 0; i < n && !r; i++) {
		bulk_pace(p->manifest->bulk, 1);
		if (!S_ISREG(p->manifest->nodes[i].mode))
			continue;
		r = check_extents(p, i);
		if (!r && p->manifest->nodes[i].n_extents)
			r = build_runs(p, i, 0);
		if (!r && !runs_may_stay(p, i))
			r = write_whole(p, i);
	}
	if (!r)
		r = settle_places(p);
	for (uint32_t i = 0; i < n && !r; i++) {
		if (p->files[i].n_runs && p->files[i].same_as == NO_INDEX)
			r = bound_sections(p, i);
		bulk_pace(p->manifest->bulk, 1);
	}
	return r;
}

uint64_t content_files_in_pieces(const struct burn_plan *p)
{
	const struct manifest *m = p->manifest;
	uint64_t files = 0;

	for (uint32_t i = 0; i < m->n_nodes; i++) {
		const struct plan_file *f = plan_content(p, i);

		files += S_ISREG(m->nodes[i].mode) && count_sections(p->runs + f->first_run, f->n_runs, NULL) > 1;
		bulk_pace(m->bulk, 1);
	}
	if (!m->linked)
		return files;
	return m->base_pieces == PIECES_UNKNOWN || m->replaced_pieces > m->base_pieces ?
		       PIECES_UNKNOWN :
		       m->base_pieces - m->replaced_pieces + files;
}
