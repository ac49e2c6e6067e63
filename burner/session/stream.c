/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * stream.c - the sectors of a planned session, in order
 *
 * The session is a row of pieces: the volume (start, descriptors, saved head), path tables, directories, file data,
 * padding.  The stream stands in one piece at a time.  Metadata pieces are encoded whole into one buffer when the
 * stream comes to them (the largest is the largest directory), but for path tables, which come in pieces from a walk;
 * file data goes from the manifest's callbacks straight to the caller's buffer.
 */
#include "burner/session/stream.h"

#include <errno.h>
#include <string.h>

#include "burner/base/io.h"
#include "burner/session/internal.h"
#include "cdappendfs/proof.h"

enum phase {
	PHASE_VOLUME,
	PHASE_TABLES,
	PHASE_LINKS,
	PHASE_ROCK_RIDGE,
	PHASE_JOLIET,
	PHASE_TREE_TAG,
	PHASE_DATA,
	PHASE_CONTENTS,
	PHASE_SUMS,
	PHASE_ADOPTION,
	PHASE_PARITY,
	PHASE_PADDING,
	PHASE_END
};

struct session_stream {
	const struct burn_plan *plan;
	enum phase phase;
	size_t index;			  /* of the piece in its phase */
	uint32_t done, sectors;		  /* of the piece; 0 of 0: open the one that phase and index tell */
	uint64_t at;			  /* sectors given so far */
	struct table_stream *table;	  /* the path table at hand */
	struct links_stream *links;	  /* the link table */
	struct contents_stream *contents; /* the content table */
	uint8_t *buffer;		  /* any other metadata piece */
	size_t buffer_bytes;
};

int session_stream_new(const struct burn_plan *p, struct session_stream **ret)
{
	struct session_stream *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->plan = p;
	*ret = s;
	return 0;
}

void session_stream_free(struct session_stream *s)
{
	if (!s)
		return;
	table_stream_free(s->table);
	links_stream_free(s->links);
	contents_stream_free(s->contents);
	free(s->buffer);
	free(s);
}

uint32_t session_stream_left(const struct session_stream *s) { return session_body(s->plan) - (uint32_t)s->at; }
uint32_t session_stream_at(const struct session_stream *s) { return (uint32_t)s->at; }

/* ---- pieces ---- */

static size_t pieces_of(const struct burn_plan *p, enum phase phase)
{
	switch (phase) {
	case PHASE_TABLES:
		return 2 * (size_t)p->n_trees;
	case PHASE_LINKS:
		return p->links.bytes != 0;
	case PHASE_ROCK_RIDGE:
		return p->trees[TREE_ROCK_RIDGE].n_directories;
	case PHASE_JOLIET:
		return p->trees[TREE_JOLIET].n_directories;
	case PHASE_DATA:
		return p->n_data;
	case PHASE_CONTENTS:
		return p->contents.bytes != 0;
	case PHASE_TREE_TAG:
	case PHASE_SUMS:
		return p->sums.n != 0;
	case PHASE_ADOPTION:
		return p->adoption.sectors != 0;
	case PHASE_PARITY:
		return p->parity.sectors != 0;
	default:
		return 1;
	}
}

static enum tree_kind tree_of(enum phase phase) { return phase == PHASE_JOLIET ? TREE_JOLIET : TREE_ROCK_RIDGE; }

static uint64_t piece_sectors(const struct session_stream *s)
{
	const struct burn_plan *p = s->plan;
	const struct plan_directory *d;

	switch (s->phase) {
	case PHASE_VOLUME:
		return p->tree_lba - p->options.start_lba;
	case PHASE_TABLES:
		return sectors_of(p->trees[s->index / 2].table_bytes);
	case PHASE_LINKS:
		return sectors_of(p->links.bytes);
	case PHASE_ROCK_RIDGE:
	case PHASE_JOLIET:
		d = &p->trees[tree_of(s->phase)].directories[s->index];
		return (uint64_t)d->sectors + d->area_sectors;
	case PHASE_DATA:
		return p->data[s->index].sectors;
	case PHASE_CONTENTS:
		return sectors_of(p->contents.bytes);
	case PHASE_TREE_TAG:
		return 1;
	case PHASE_SUMS:
		return checksums_sectors(p->sums.n - 2) + 1;
	case PHASE_ADOPTION:
		return p->adoption.sectors;
	case PHASE_PARITY:
		return p->parity.sectors;
	default:
		return session_stream_left(s);
	}
}

static int encode_piece(struct session_stream *s)
{
	const struct burn_plan *p = s->plan;
	size_t bytes = (size_t)s->sectors * SECTOR_BYTES;

	if (s->phase == PHASE_TABLES) {
		table_stream_free(TAKE_PTR(s->table));
		return table_stream_new(p, (enum tree_kind)(s->index / 2), s->index % 2, &s->table);
	}
	if (s->phase == PHASE_LINKS) {
		links_stream_free(TAKE_PTR(s->links));
		return links_stream_new(p, &s->links);
	}
	if (s->phase == PHASE_CONTENTS) {
		contents_stream_free(TAKE_PTR(s->contents));
		return contents_stream_new(p, &s->contents);
	}
	if (bytes > s->buffer_bytes) {
		uint8_t *buffer = malloc(bytes);

		if (!buffer)
			return -ENOMEM;
		free(s->buffer);
		s->buffer = buffer;
		s->buffer_bytes = bytes;
	}
	if (s->phase == PHASE_VOLUME)
		return volume_encode(p, s->buffer);
	directory_encode(p, tree_of(s->phase), &p->trees[tree_of(s->phase)].directories[s->index], s->buffer);
	return 0;
}

/* Stands in a piece with sectors to give; the caller knows that there is one. */
static int enter_piece(struct session_stream *s)
{
	while (s->done == s->sectors) {
		/* A directory is as many items as its records, more or less. */
		bulk_pace(s->plan->manifest->bulk, s->phase < PHASE_DATA ? BULK_ANYWHERE + s->sectors * 8 : 2);
		if (s->sectors)
			s->index++;
		while (s->phase < PHASE_END && s->index >= pieces_of(s->plan, s->phase)) {
			s->phase++;
			s->index = 0;
		}
		if (s->phase == PHASE_END)
			return -ERANGE;
		s->done = 0;
		s->sectors = (uint32_t)piece_sectors(s);
		if (s->phase < PHASE_TREE_TAG || s->phase == PHASE_CONTENTS) {
			int r = encode_piece(s);

			if (r) {
				s->sectors = 0;
				return r;
			}
		}
		if (!s->sectors) /* no padding */
			return -ERANGE;
	}
	return 0;
}

/* ---- file data ---- */

static int read_data(struct session_stream *s, uint8_t *buf, uint32_t n_sectors)
{
	const struct plan_data *d = &s->plan->data[s->index];
	const struct extent *run = &s->plan->runs[d->run];
	uint64_t from = (uint64_t)s->done * SECTOR_BYTES, bytes = (uint64_t)n_sectors * SECTOR_BYTES;
	uint64_t length = min_u64(bytes, run->length - from);

	memset(buf + length, 0, bytes - length);
	return manifest_read(s->plan->manifest, d->node, run->offset + from, buf, length);
}

static int read_parity(struct session_stream *s, uint8_t *buf, uint32_t n_sectors)
{
	int fd = s->plan->parity.fd;

	return fd < 0 ? -EBADF :
			pread_full(fd, buf, (size_t)n_sectors * SECTOR_BYTES, (uint64_t)s->done * SECTOR_BYTES, NULL);
}

/* The array; the tag behind it is put there as all tags are. */
static void read_sums(const struct session_stream *s, uint8_t *buf, uint32_t n_sectors)
{
	size_t all = (size_t)(s->sectors - 1) * SECTOR_BYTES, from = (size_t)s->done * SECTOR_BYTES;
	size_t bytes = (size_t)n_sectors * SECTOR_BYTES, n = from < all ? (size_t)min_u64(bytes, all - from) : 0;

	if (n)
		memcpy(buf, s->plan->sums.array + from, n);
	memset(buf + n, 0, bytes - n);
}

/* Sectors of the piece at hand. */
static int read_piece(struct session_stream *s, uint8_t *out, uint32_t n_sectors)
{
	size_t bytes = (size_t)n_sectors * SECTOR_BYTES;

	switch (s->phase) {
	case PHASE_TABLES:
		return table_stream_read(s->table, out, bytes);
	case PHASE_LINKS:
		return links_stream_read(s->links, out, bytes);
	case PHASE_CONTENTS:
		return contents_stream_read(s->contents, out, bytes);
	case PHASE_DATA:
		return read_data(s, out, n_sectors);
	case PHASE_SUMS:
		read_sums(s, out, n_sectors);
		return 0;
	case PHASE_ADOPTION:
		memcpy(out, s->plan->adoption.table + (size_t)s->done * SECTOR_BYTES, bytes);
		return 0;
	case PHASE_PARITY:
		return read_parity(s, out, n_sectors);
	case PHASE_VOLUME:
	case PHASE_ROCK_RIDGE:
	case PHASE_JOLIET:
		memcpy(out, s->buffer + (size_t)s->done * SECTOR_BYTES, bytes);
		return 0;
	default:
		memset(out, 0, bytes);
		return 0;
	}
}

int session_stream_read(struct session_stream *s, void *buf, uint32_t n_sectors)
{
	uint8_t *out = buf;

	if (n_sectors > session_stream_left(s))
		return -ERANGE;
	while (n_sectors) {
		int r = enter_piece(s);
		uint32_t n = (uint32_t)min_u64(n_sectors, s->sectors - s->done);

		if (!r)
			r = read_piece(s, out, n);
		if (!r)
			r = sums_put_tags(s->plan, s->plan->options.start_lba + (uint32_t)s->at, out, n);
		if (r)
			return r;
		s->done += n;
		s->at += n;
		out += (size_t)n * SECTOR_BYTES;
		n_sectors -= n;
	}
	return 0;
}

/* What comes from a walk is read, and dropped. */
static bool is_walked(enum phase phase)
{
	return phase == PHASE_TABLES || phase == PHASE_LINKS || phase == PHASE_CONTENTS;
}

int session_stream_forward(struct session_stream *s, uint64_t n_sectors)
{
	uint8_t dropped[16 * SECTOR_BYTES];

	if (n_sectors > session_stream_left(s))
		return -ERANGE;
	while (n_sectors) {
		int r = enter_piece(s);
		uint32_t n = (uint32_t)min_u64(n_sectors, s->sectors - s->done);

		if (!r && is_walked(s->phase)) {
			n = (uint32_t)min_u64(n, sizeof(dropped) / SECTOR_BYTES);
			r = read_piece(s, dropped, n);
		}
		if (r)
			return r;
		s->done += n;
		s->at += n;
		n_sectors -= n;
	}
	return 0;
}

/* ---- zeros ---- */

/* Whole sectors of the hole that the next sector of a data piece begins with; one that ends the run counts its last
 * sector whole. */
static uint32_t hole_sectors(const struct session_stream *s)
{
	const struct plan_data *d = &s->plan->data[s->index];
	const struct extent *run = &s->plan->runs[d->run];
	const struct manifest_node *n = &s->plan->manifest->nodes[d->node];
	const struct extent *e = s->plan->manifest->extents + n->first_extent, *end = e + n->n_extents;
	uint64_t from = run->offset + (uint64_t)s->done * SECTOR_BYTES, run_end = run->offset + run->length, to = from;

	for (e += extent_at(e, n->n_extents, from); e < end && e->kind == EXTENT_HOLE && to < run_end; e++)
		to = min_u64(e->offset + e->length, run_end);
	return to == run_end ? d->sectors - s->done : (uint32_t)((to - from) / SECTOR_BYTES);
}

uint32_t session_stream_zeros(struct session_stream *s)
{
	if (!session_stream_left(s) || enter_piece(s) != 0)
		return 0;
	if (s->phase == PHASE_PADDING)
		return s->sectors - s->done;
	return s->phase == PHASE_DATA ? hole_sectors(s) : 0;
}

int session_stream_skip(struct session_stream *s, uint32_t n_sectors)
{
	if (n_sectors > session_stream_zeros(s))
		return -ERANGE;
	s->done += n_sectors;
	s->at += n_sectors;
	return 0;
}

uint32_t session_stream_step(struct session_stream *s, uint32_t most, bool *ret_zeros)
{
	uint32_t left = session_stream_left(s), past = (uint32_t)s->at % PROOF_PIECE_SECTORS,
		 lead = past ? PROOF_PIECE_SECTORS - past : 0, zeros = session_stream_zeros(s);

	*ret_zeros = false;
	if (zeros < lead + PROOF_PIECE_SECTORS && (!zeros || zeros != left))
		return (uint32_t)min_u64(left, most - (uint32_t)s->at % most);
	if (lead)
		return (uint32_t)min_u64(left, lead);
	*ret_zeros = true;
	return zeros == left ? zeros : zeros - zeros % PROOF_PIECE_SECTORS;
}
