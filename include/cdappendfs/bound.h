/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bound.h - what a directory entry can cost at most (DESIGN 8, Space)
 *
 * Pure upper bounds of what burner/session writes; its unit tests hold the encoder to them.  Bytes count directory
 * records and continuation areas of one name in both trees.  Records do not cross sectors: how much is lost at their
 * ends depends on the longest.
 *
 *	bound_name -> bound_add to its directory -> bound_directory_sectors of a new one, bound_growth_sectors of one that is on the disc
 */
#ifndef CDAPPENDFS_BOUND_H
#define CDAPPENDFS_BOUND_H

#include <string.h>

#include "cdappendfs/bytes.h"
#include "cdappendfs/joliet.h"
#include "cdappendfs/link_pieces.h"

#define BOUND_SECTIONS 90u /* of one file, DESIGN 7 */
#define BOUND_FILE_BYTES (90ull * (0x100000000ull - 2048u))
/* What every session has besides its directories and data: descriptors, path tables' rounding, commit record.  Before
 * the length is rounded up to BOUND_ALIGN_SECTORS.  The first session above a head at LBA 0 saves that too. */
#define BOUND_SESSION_SECTORS (20u + 6u + 1u)
#define BOUND_SAVED_HEAD_SECTORS 28u
#define BOUND_ALIGN_SECTORS 32u

#define BOUND_RECORD_MAX 254u
#define BOUND_JOLIET_MAX 162u	    /* 34 and 64 characters */
#define BOUND_AREA_MAX (255u + 28u) /* an entry of 255 and the CE entry behind it */

#define BOUND_TW_BYTES 20u
#define BOUND_CE_BYTES 28u
/* A symbolic link is cut where a block ends: less than so many bytes stay unused there, with those of the header that
 * its rest gets. */
#define BOUND_LINK_PIECE 11u

/* A name to be counted; mode, and entries as the node has them. */
struct bound_entry {
	const char *name, *target; /* target: NULL, or of a symbolic link */
	const char *kept;	   /* ISO name that it keeps from an older session, without version; NULL: none */
	uint32_t mode;
	uint32_t more; /* bytes of System Use entries besides PX, TF, NM, SL and TW */
	bool joins;    /* a directory that has names already: one of those may hold its Joliet name */
	/* it gets its first Joliet name: whose is taken is counted apart (bound_clashes) */
	bool first;
};

/* What one name costs. Bytes; each at most. */
struct bound_name {
	uint32_t record;	   /* in the Rock Ridge tree */
	uint32_t joliet;	   /* 0: not in that tree */
	uint32_t area, area_piece; /* continuation areas, and the largest piece that is not cut */
	bool area_cut;		   /* it may lie in several blocks */
	bool may_clash;		   /* less when it gets its first Joliet name */
	uint32_t table;		   /* path tables, L and M, both trees */
};

/*
 * UTF-16 characters of the Joliet name.  It may be taken already when it is made of another: a character was replaced
 * or it was cut; and beside older names, which go first, when it looks as if made so.  It then gets a '~' and five
 * more, and TW says so.
 */
static inline uint32_t bound_joliet_chars(const struct bound_entry *e, bool *ret_may_clash)
{
	bool changed;
	uint32_t n = (uint32_t)joliet_text(e->name, NULL, 0, &changed);

	*ret_may_clash = !e->first && (changed || n > JOLIET_CHARS || (e->joins && strpbrk(e->name, "_~")));
	n += *ret_may_clash ? 1 + NAME_HASH_CHARS : 0;
	return n < JOLIET_CHARS ? n : JOLIET_CHARS;
}

/* Characters of [from, end) that an ISO name may have; at most so many. */
static inline uint32_t bound_iso_legal(const char *from, const char *end, uint32_t most)
{
	uint32_t n = 0;

	for (; from < end && n < most; from++)
		n += (*from >= '0' && *from <= '9') || ((*from | 32) >= 'a' && (*from | 32) <= 'z') || *from == '_';
	return n;
}

#define BOUND_ISO_PLAIN 12u /* a longer name is not its own ISO name */

/*
 * The ISO name that a new record gets: itself in 8.3 form, or, always when it is no such name or that is taken, made
 * of three characters, a hash and the extension.  The longer of both, and by how much.
 */
static inline uint32_t bound_iso_bytes(const char *name, bool directory, uint32_t *ret_unsure)
{
	uint32_t length = (uint32_t)strlen(name), made, plain, extension;
	const char *end = name + length, *dot = directory ? NULL : strrchr(name, '.');

	if (dot == name)
		dot = NULL;
	extension = dot ? bound_iso_legal(dot + 1, end, 3) : 0;
	made = bound_iso_legal(name, dot ? dot : end, 3) + 5 + (extension ? 1 + extension : 0) +
	       (directory ? 0 :
		extension ? 2 :
			    3);
	*ret_unsure = 0;
	if (length > BOUND_ISO_PLAIN || bound_iso_legal(name, end, length) + (dot != NULL) < length)
		return made;
	plain = !directory ? length + (dot ? 2 : 3) : length < 8 ? length : 8;
	*ret_unsure = made > plain ? made - plain : plain - made;
	return made > plain ? made : plain;
}

/* The SL entries of a symbolic link before they are cut at the end of a block, to the byte, as burner/session/susp.c
 * makes them. */
struct bound_link {
	uint32_t bytes, last;
}; /* of all; of the last entry */

static inline void bound_component(struct bound_link *l, uint32_t n)
{
	if (!l->last || l->last + SL_COMPONENT_BYTES + n > SL_ENTRY_MAX) {
		l->bytes += SL_HEADER_BYTES;
		l->last = SL_HEADER_BYTES;
	}
	l->bytes += SL_COMPONENT_BYTES + n;
	l->last += SL_COMPONENT_BYTES + n;
}

static inline void bound_component_text(struct bound_link *l, uint32_t n, bool more)
{
	for (;;) {
		uint32_t piece = sl_piece(l->last ? l->last : SL_HEADER_BYTES, n, more);

		bound_component(l, piece);
		n -= piece;
		if (!n)
			return;
		l->last = 0;
	}
}

static inline uint32_t bound_link_bytes(const char *target)
{
	struct bound_link l = {0, 0};

	if (*target == '/') {
		bound_component(&l, 0);
		target++;
		if (!*target)
			return l.bytes;
	}
	for (;;) {
		uint32_t n = (uint32_t)strcspn(target, "/");

		if ((n == 1 && target[0] == '.') || (n == 2 && target[0] == '.' && target[1] == '.'))
			bound_component(&l, 0);
		else
			bound_component_text(&l, n, target[n]);
		if (!target[n])
			return l.bytes;
		target += n + 1;
	}
}

/* The largest piece of the area that is not cut: what of a block stays unused is less, with a CE entry at the end of
 * what is cut. */
static inline void bound_area(const uint32_t *entry, unsigned n, unsigned link, struct bound_name *ret)
{
	ret->area_cut = link < n || ret->area > entry[0] + BOUND_CE_BYTES;
	if (link == n) {
		ret->area_piece = ret->area_cut ? BOUND_AREA_MAX : entry[0] + (n > 1 ? BOUND_CE_BYTES : 0);
		return;
	}
	ret->area_piece = BOUND_LINK_PIECE;
	for (unsigned i = 0; i < n; i++)
		if (i != link && entry[i] > ret->area_piece)
			ret->area_piece = entry[i];
	ret->area_piece += BOUND_CE_BYTES;
}

/*
 * System Use entries behind PX and TF, in their order: what does not fit into the record goes to the area.  link:
 * which of them stands for all SL entries, n: none; several of them do not fit into a record, not even the first.
 * unsure: bytes that may be fewer, so that a record is counted as full when it might be.
 */
static inline void bound_cut(uint32_t fixed, uint32_t unsure, const uint32_t *entry, unsigned n, unsigned link,
			     struct bound_name *ret)
{
	uint32_t room = BOUND_RECORD_MAX - fixed, inside = 44 + 26, all = inside;
	unsigned i = 0;

	for (unsigned j = 0; j < n; j++)
		all += entry[j];
	if (all > room) {
		while (inside + entry[i] <= room - BOUND_CE_BYTES)
			inside += entry[i++];
		ret->area = all - inside;
		bound_area(entry + i, n - i, link < i || link == n ? n - i : link - i, ret);
		if (all <= room + unsure || inside + entry[i] <= room - BOUND_CE_BYTES + unsure)
			all = room;
		else
			all = inside + BOUND_CE_BYTES;
	}
	ret->record = (fixed + all + 1) & ~1u;
}

static inline struct bound_name bound_name(const struct bound_entry *e)
{
	struct bound_name b = {0};
	bool directory = (e->mode & 0170000) == 0040000, file = (e->mode & 0170000) == 0100000, may_clash;
	uint32_t length = (uint32_t)strlen(e->name), unsure, iso = bound_iso_bytes(e->name, directory, &unsure),
		 entries[5];
	uint32_t old = e->kept && strlen(e->kept) <= 31 ? (uint32_t)strlen(e->kept) + 3 : 0,
		 joliet = 2 * bound_joliet_chars(e, &may_clash);
	unsigned n = 0, link;

	/* One more to be even. */
	unsure += (unsure > 0) + (old > iso ? old - iso + 1 : 0) + (file && may_clash ? BOUND_TW_BYTES : 0);
	iso = old > iso ? old : iso;
	entries[n++] = 5 + (length < 250 ? length : 250);
	if (length > 250)
		entries[n++] = 5 + length - 250;
	link = n;
	if (e->target)
		entries[n++] = bound_link_bytes(e->target);
	if (e->more)
		entries[n++] = e->more;
	if (directory || (file && may_clash))
		entries[n++] = BOUND_TW_BYTES;
	bound_cut(33 + iso + (iso % 2 == 0), unsure, entries, n, e->target ? link : n, &b);
	b.joliet = directory || file ? 33 + joliet + 1 : 0;
	b.may_clash = b.joliet && may_clash;
	b.table = directory ? 2 * (8 + iso + iso % 2) + 2 * (8 + joliet) : 0;
	return b;
}
#define BOUND_PN_BYTES 20u
#define BOUND_ZF_BYTES 16u

/*
 * Names that were counted as if each got its first Joliet name, in a directory that is not on the disc, and so many
 * had the name of another: each of them costs a record of another length in both trees, and an area; and another one
 * may have the name that it gets instead.
 */
static inline uint64_t bound_clash_sectors(uint64_t clashes) { return clashes * 2 * 3; }

/* The names of one directory, added up. */
struct bound_directory {
	uint64_t record_bytes, joliet_bytes, area_bytes;
	uint32_t record_max, joliet_max, area_max;
	uint64_t n_records, n_joliet, n_areas; /* n_areas: blocks that they can need at most */
	bool area_cut;			       /* some of them lie in several */
};

/* A file of several sections has as many records. */
static inline void bound_add(struct bound_directory *d, const struct bound_name *b, uint64_t records)
{
	d->record_bytes += b->record * records;
	d->joliet_bytes += b->joliet * records;
	d->area_bytes += b->area;
	d->record_max = b->record > d->record_max ? b->record : d->record_max;
	d->joliet_max = b->joliet > d->joliet_max ? b->joliet : d->joliet_max;
	d->area_max = b->area_piece > d->area_max ? b->area_piece : d->area_max;
	d->n_records += records;
	d->n_joliet += b->joliet ? records : 0;
	d->n_areas += b->area ? 1 + b->area / (2048 - BOUND_AREA_MAX) : 0;
	d->area_cut |= b->area_cut;
}
/* Of one that was added; the largest lengths stay. */
static inline void bound_remove(struct bound_directory *d, const struct bound_name *b)
{
	d->record_bytes -= b->record < d->record_bytes ? b->record : d->record_bytes;
	d->joliet_bytes -= b->joliet < d->joliet_bytes ? b->joliet : d->joliet_bytes;
	d->area_bytes -= b->area < d->area_bytes ? b->area : d->area_bytes;
	d->n_records -= d->n_records > 0;
	d->n_joliet -= b->joliet && d->n_joliet;
	uint64_t areas = b->area ? 1 + b->area / (2048 - BOUND_AREA_MAX) : 0;
	d->n_areas -= areas < d->n_areas ? areas : d->n_areas;
}

/*
 * n records of at most `most` bytes that do not cross sectors, behind others of `before` bytes: each sector but the
 * last is filled so far that the next did not fit, and holds as many as any.
 */
static inline uint64_t bound_packed_sectors(uint64_t before, uint64_t bytes, uint64_t n, uint32_t most)
{
	uint64_t each, taken;

	if (!n || !most)
		return before != 0;
	each = 2048u / most;
	taken = (before + most - 1) / most;
	return min_u64((before + bytes) / (2048u + 1 - most) + 1, (n + taken + each - 1) / each);
}

/* A new directory with "." and ".." (150 bytes in a root, 124 elsewhere, and 104; 34 in Joliet), however the records
 * fall. */
static inline uint64_t bound_directory_sectors(const struct bound_directory *d)
{
	return bound_packed_sectors(150 + 104, d->record_bytes, d->n_records, d->record_max) +
	       bound_packed_sectors(34 + 34, d->joliet_bytes, d->n_joliet, d->joliet_max) +
	       bound_packed_sectors(0, d->area_bytes, d->area_cut && d->area_bytes ? UINT32_MAX : d->n_areas,
				    d->area_max);
}

/*
 * Records that come to others: those fill so many sectors and have at most `most` bytes each; n come, of so many
 * bytes, at most `longest` each. Three bounds: filling sector by sector is the best way to cut a row of records, so
 * that each that comes needs one sector more at most, wherever it falls; every sector may lose most - 1 bytes; or
 * longest - 1, and each old record its own length once, if it begins a sector.
 */
static inline uint64_t bound_growth(uint64_t sectors, uint32_t most, uint64_t bytes, uint64_t n, uint32_t longest)
{
	uint64_t filled = sectors * (most - 1) + bytes, old, mixed;

	if (!n || longest > most)
		return n;
	old = filled / (2049 - most) + 1;
	mixed = (sectors * (2048 + longest - 1) + bytes) / (2049 - longest) + 1;
	return min_u64(n, min_u64(old, mixed));
}

/* How much a directory grows by names that come to what takes so many sectors (of Rock Ridge records, at most; so
 * many of areas). */
static inline uint64_t bound_growth_sectors(const struct bound_directory *d, uint64_t sectors, uint64_t area_sectors)
{
	return bound_growth(sectors, BOUND_RECORD_MAX, d->record_bytes, d->n_records, d->record_max) +
	       bound_growth(sectors, BOUND_JOLIET_MAX, d->joliet_bytes, d->n_joliet, d->joliet_max) +
	       bound_growth(area_sectors, BOUND_AREA_MAX, d->area_bytes, d->n_areas, d->area_max);
}

/* Each section of a multi-extent file beyond the first repeats the record in both trees, and is a run of the content
 * table; one that is longer than all others leaves more unused, too. */
static inline uint64_t bound_section_sectors(uint64_t sections, uint64_t names)
{
	return sections > 1 ? (sections - 1) * 708 * names / (2048 - BOUND_RECORD_MAX) + 1 : 0;
}
/* Path tables that grow by so many bytes: each of the four is rounded up. */
static inline uint64_t bound_table_sectors(uint64_t bytes) { return bytes ? sectors_of(bytes) + 3 : 0; }

/* The content table of so many files. */
static inline uint64_t bound_contents_sectors(uint64_t files) { return files ? sectors_of(32 + 32 * files) : 0; }

/* One pair of the link table. */
#define BOUND_LINK_BYTES 8u

#endif
