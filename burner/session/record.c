/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * record.c - the directory records of one directory, and its continuation areas
 *
 * One pass serves for the size (out is NULL: nothing is written, addresses may be unknown) and for the bytes, so the
 * two cannot differ. A record does not cross a sector (ECMA-119 6.8.1.1).  System Use entries that do not fit into
 * the record (254 bytes) go to continuation areas behind the directory, each inside one block; what does not fit into
 * the rest of a block continues in the next. Symbolic links are cut where the block ends, so that hardly a byte of it
 * is lost; but in directories that take no more blocks without that, since pycdlib refuses a disc with an area that
 * leads on to another. Extended attributes come behind all other entries, in the record only if all of them fit
 * there, else in the areas, cut where a block ends. A file of several sections has as many records; they repeat the
 * entries and share the continuation area.
 */
#include <string.h>
#include <sys/stat.h>

#include "burner/session/internal.h"
#include "burner/session/record.h"
#include "burner/session/system_use.h"
#include "burner/format/directory_record.h"

struct writer {
	const struct burn_plan *plan;
	enum tree_kind kind;
	uint8_t *out;  /* sectors of the directory, zeroed; NULL: measure */
	uint8_t *area; /* continuation areas, zeroed */
	uint32_t area_lba;
	uint64_t at, area_at;  /* bytes so far */
	bool fills_blocks;     /* an area begins where the one before ended, also when it does not fit there … */
	bool left_some;	       /* … else in the next block: that was so */
	struct system_use use; /* of the record at hand */
};

/* How the entries of a record are cut: the first n_inside are in the record, the others begin at area_at. */
struct cut {
	unsigned n_inside;
	uint64_t area_at;
	uint32_t area_bytes; /* of the first area; 0: none */
};

/* Entries from `first` on that fit into room bytes. */
static unsigned fitting(const struct system_use *s, unsigned first, unsigned room)
{
	unsigned n = first;

	while (n < s->n && s->end[n] - system_use_start(s, first) <= room)
		n++;
	return n;
}

static void put_area(struct writer *w, uint64_t at, const void *bytes, unsigned length)
{
	if (w->out)
		memcpy(w->area + at, bytes, length);
}

/* Bytes of entries `first` to n - 1. */
static unsigned bytes_between(const struct system_use *s, unsigned first, unsigned n)
{
	return system_use_start(s, n) - system_use_start(s, first);
}

/* Of entries `first` and later, with the attributes behind them. */
static uint32_t bytes_left(const struct system_use *s, unsigned first)
{
	return bytes_between(s, first, s->n) + aaip_left(&s->attributes);
}

/* Entries from `first` on that fit into `left` bytes of a block, with the CE entry behind them when more follow; a
 * link is cut so that they fill it. */
static unsigned fill(struct system_use *s, unsigned first, unsigned left)
{
	unsigned n;

	if (bytes_left(s, first) <= left)
		return s->n;
	if (left <= SUSP_CE_BYTES)
		return first;
	n = fitting(s, first, left - SUSP_CE_BYTES);
	return n == s->n ? n : n + system_use_cut_link(s, n, left - SUSP_CE_BYTES - bytes_between(s, first, n));
}

static struct susp_ce pointer_to(const struct writer *w, uint64_t area_at, uint32_t bytes)
{
	return (struct susp_ce){w->area_lba + (uint32_t)(area_at / SECTOR_BYTES), area_at % SECTOR_BYTES, bytes};
}

static unsigned room_in_block(const struct writer *w) { return SECTOR_BYTES - (unsigned)(w->area_at % SECTOR_BYTES); }

/* Puts entries from `first` on, with attributes behind the last, into what the block has left; *first is the next one
 * then.  Their bytes, with room for a CE entry when more follow; 0: not one fits. */
static unsigned put_entries(struct writer *w, unsigned *first)
{
	struct system_use *s = &w->use;
	unsigned left = room_in_block(w), n = fill(s, *first, left), bytes = bytes_between(s, *first, n), al = 0;
	bool all = bytes_left(s, *first) <= left;

	put_area(w, w->area_at, s->bytes + system_use_start(s, *first), bytes);
	if (n == s->n && left > bytes + (all ? 0 : SUSP_CE_BYTES))
		al = aaip_take(&s->attributes, left - bytes - (all ? 0 : SUSP_CE_BYTES),
			       w->out ? w->area + w->area_at + bytes : NULL);
	*first = n;
	return bytes + al ? bytes + al + (all ? 0 : SUSP_CE_BYTES) : 0;
}

/* Puts entries `first` and later into areas.  The first begins at *ret_at with *ret_bytes. */
static void continue_entries(struct writer *w, unsigned first, uint64_t *ret_at, uint32_t *ret_bytes)
{
	struct system_use *s = &w->use;
	uint64_t pointer = UINT64_MAX; /* where the CE entry to this area is */
	unsigned room = room_in_block(w);
	uint32_t all = bytes_left(s, first);

	if (!w->fills_blocks && all > room && all <= SECTOR_BYTES) {
		w->area_at += room;
		w->left_some = true;
	}
	while (first < s->n || !aaip_is_done(&s->attributes)) {
		unsigned bytes = put_entries(w, &first);

		if (!bytes) {
			w->area_at += room_in_block(w);
			continue;
		}
		if (pointer == UINT64_MAX) {
			*ret_at = w->area_at;
			*ret_bytes = bytes;
		} else {
			struct susp_ce ce = pointer_to(w, w->area_at, bytes);
			uint8_t entry[SUSP_CE_BYTES];

			susp_ce_encode(&ce, entry);
			put_area(w, pointer, entry, sizeof(entry));
		}
		w->area_at += bytes;
		pointer = w->area_at - SUSP_CE_BYTES;
	}
}

static struct cut cut_entries(struct writer *w, unsigned identifier_bytes)
{
	unsigned room = RECORD_MAX_BYTES - record_system_use_at(identifier_bytes);
	struct cut cut = {.n_inside = w->use.n};

	if (bytes_left(&w->use, 0) <= room) {
		system_use_close_attributes(&w->use);
		cut.n_inside = w->use.n;
		return cut;
	}
	cut.n_inside = fitting(&w->use, 0, room - SUSP_CE_BYTES);
	continue_entries(w, cut.n_inside, &cut.area_at, &cut.area_bytes);
	return cut;
}

static void put_record(struct writer *w, const struct directory_record *r, const struct cut *cut)
{
	unsigned fixed = record_system_use_at(r->identifier_bytes),
		 inside = cut->n_inside ? w->use.end[cut->n_inside - 1] : 0;
	unsigned length = fixed + inside + (cut->area_bytes ? SUSP_CE_BYTES : 0);

	length += length % 2;
	if (w->at % SECTOR_BYTES + length > SECTOR_BYTES)
		w->at = round_up(w->at, SECTOR_BYTES);
	if (w->out) {
		uint8_t *out = w->out + w->at;

		record_encode(r, length, out);
		memcpy(out + fixed, w->use.bytes, inside);
		if (cut->area_bytes) {
			struct susp_ce ce = pointer_to(w, cut->area_at, cut->area_bytes);

			susp_ce_encode(&ce, out + fixed + inside);
		}
	}
	w->at += length;
}

struct plan_place plan_place_of(const struct burn_plan *p, enum tree_kind kind, uint32_t node)
{
	const struct manifest_kept *kept = plan_kept(p, node);
	const struct plan_directory *d;

	if (kind >= p->n_trees)
		return (struct plan_place){0, 0};
	if (kept && kind == TREE_JOLIET)
		return (struct plan_place){kept->twin_lba, kept->twin_bytes};
	if (kept)
		return (struct plan_place){kept->lba, kept->bytes};
	d = &p->trees[kind].directories[p->trees[kind].of_node[node]];
	return (struct plan_place){d->lba, d->sectors * SECTOR_BYTES};
}

static void add_twin(struct writer *w, uint32_t node, uint32_t attempt)
{
	const struct burn_plan *p = w->plan;
	const struct manifest_kept *kept = plan_kept(p, node);
	struct plan_place twin = plan_place_of(p, TREE_JOLIET, node);
	struct twin entry = {twin.lba, twin.bytes, kept ? kept->area_sectors : 0, attempt};

	if (!kept)
		entry.area_sectors =
			p->trees[TREE_ROCK_RIDGE].directories[p->trees[TREE_ROCK_RIDGE].of_node[node]].area_sectors;
	system_use_add_twin(&w->use, &entry);
}

static void add_last(struct writer *w, uint32_t node)
{
	const struct manifest_node *n = &w->plan->manifest->nodes[node];
	uint8_t own[SUMS_ATTRIBUTE_MAX];
	uint32_t bytes = sums_attribute(w->plan, node, own);

	system_use_add_nanoseconds(&w->use, n);
	system_use_add_attributes(&w->use, n, own, bytes);
}

/* "." and "..": one byte, 0 or 1. */
static void put_dot(struct writer *w, const struct plan_directory *d, uint8_t identifier, enum dot which)
{
	const struct manifest_node *node = &w->plan->manifest->nodes[d->node];
	struct directory_record r = {&identifier,	1, d->lba, d->sectors * SECTOR_BYTES, ISO_DIRECTORY,
				     node->mtime.tv_sec};
	struct cut cut;

	w->use.n = 0;
	if (w->kind == TREE_ROCK_RIDGE)
		system_use_of_dots(&w->use, node, which);
	if (w->kind == TREE_ROCK_RIDGE && !identifier)
		add_twin(w, d->node, 0);
	if (w->kind == TREE_ROCK_RIDGE && which == DOT_OF_VOLUME)
		add_last(w, d->node);
	cut = cut_entries(w, 1);
	put_record(w, &r, &cut);
}

/* The records of a file: one for each section; one of no bytes when it has no content. */
static void put_sections(struct writer *w, const struct plan_file *f, struct directory_record *r, const struct cut *cut)
{
	uint8_t flags = r->flags;

	for (uint32_t i = 0; i < f->n_runs; i++) {
		const struct extent *run = &w->plan->runs[f->first_run + i];

		for (uint64_t done = 0; done < run->length; done += r->bytes) {
			r->lba = (uint32_t)((run->pos + done) / SECTOR_BYTES);
			uint64_t left = run->length - done;

			r->bytes = (uint32_t)(left <= SECTION_LAST_MAX_BYTES ? left : SECTION_MAX_BYTES);
			r->flags = flags;
			if (i + 1 < f->n_runs || done + r->bytes < run->length)
				r->flags |= ISO_MULTIEXTENT;
			put_record(w, r, cut);
		}
	}
	if (!f->n_runs)
		put_record(w, r, cut);
}

static void put_entry(struct writer *w, uint32_t entry)
{
	const struct burn_plan *p = w->plan;
	const struct manifest_entry *e = &p->manifest->entries[entry];
	const struct manifest_node *node = &p->manifest->nodes[e->node];
	const struct plan_entry *named = &p->entries[entry];
	struct directory_record r = {.time = node->mtime.tv_sec, .flags = e->hidden ? ISO_EXISTENCE : 0};
	struct cut cut;

	r.identifier = w->kind == TREE_ROCK_RIDGE ? named->iso : named->joliet;
	r.identifier_bytes = w->kind == TREE_ROCK_RIDGE ? named->iso_bytes : named->joliet_bytes;
	w->use.n = 0;
	if (w->kind == TREE_ROCK_RIDGE)
		system_use_of_node(&w->use, node, e->name);
	if (w->kind == TREE_ROCK_RIDGE && S_ISDIR(node->mode))
		add_twin(w, e->node, named->joliet_attempt);
	else if (w->kind == TREE_ROCK_RIDGE && named->joliet_attempt)
		system_use_add_twin(&w->use, &(struct twin){.attempt = named->joliet_attempt});
	if (w->kind == TREE_ROCK_RIDGE)
		add_last(w, e->node);
	cut = cut_entries(w, r.identifier_bytes);
	if (S_ISDIR(node->mode)) {
		struct plan_place place = plan_place_of(p, w->kind, e->node);

		r.lba = place.lba;
		r.bytes = place.bytes;
		r.flags |= ISO_DIRECTORY;
		put_record(w, &r, &cut);
	} else {
		put_sections(w, plan_content(p, e->node), &r, &cut);
	}
}

static void write_directory(struct writer *w, const struct plan_directory *d)
{
	const struct plan_tree *tree = &w->plan->trees[w->kind];
	const uint32_t *order = tree->order + w->plan->manifest->nodes[d->node].first_entry;

	put_dot(w, d, 0, d->entry == NO_INDEX ? DOT_OF_VOLUME : DOT_OF_DIRECTORY);
	put_dot(w, &tree->directories[d->parent], 1, DOT_OF_DIRECTORY);
	for (uint32_t i = 0; i < d->n_entries; i++)
		put_entry(w, order[i]);
}

void directory_measure(const struct burn_plan *p, enum tree_kind kind, struct plan_directory *d)
{
	struct writer w = {.plan = p, .kind = kind};
	uint64_t area_sectors;

	write_directory(&w, d);
	area_sectors = sectors_of(w.area_at);
	if (w.left_some) {
		w.at = w.area_at = 0;
		w.fills_blocks = true;
		write_directory(&w, d);
		d->fills_blocks = sectors_of(w.area_at) < area_sectors;
		area_sectors = min_u64(sectors_of(w.area_at), area_sectors);
	}
	d->sectors = (uint32_t)sectors_of(w.at);
	d->area_sectors = (uint32_t)area_sectors;
}

void directory_encode(const struct burn_plan *p, enum tree_kind kind, const struct plan_directory *d, uint8_t *ret)
{
	struct writer w = {.plan = p,
			   .kind = kind,
			   .out = ret,
			   .area = ret + (size_t)d->sectors * SECTOR_BYTES,
			   .area_lba = d->lba + d->sectors,
			   .fills_blocks = d->fills_blocks};

	memset(ret, 0, ((size_t)d->sectors + d->area_sectors) * SECTOR_BYTES);
	write_directory(&w, d);
}

int records_read(struct records *r, uint8_t *buf, size_t bytes)
{
	while (bytes) {
		int more = 1;
		size_t n;

		if (r->at == r->n) {
			r->at = 0;
			more = r->next(r->context, r);
		}
		if (more < 0)
			return more;
		if (!more) {
			r->n = 0;
			memset(buf, 0, bytes);
			return 0;
		}
		n = min_u64(bytes, r->n - r->at);
		memcpy(buf, r->record + r->at, n);
		r->at += (unsigned)n;
		buf += n;
		bytes -= n;
	}
	return 0;
}
