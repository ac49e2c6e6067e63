/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bound.h - what a directory entry can cost at most (fs/DESIGN.md, "Space")
 *
 * Pure upper bounds of what burner/session writes; its unit tests hold the encoder to them.  Bytes count directory
 * records and continuation areas of one name in both trees.  Records do not cross sectors: how much is lost at their
 * ends depends on the longest.
 *
 *	bound_name -> bound_add to its directory -> bound_directory_sectors of a new one, bound_growth_sectors of
 *	one that is on the disc
 */
#ifndef BURNER_FORMAT_BOUND_H
#define BURNER_FORMAT_BOUND_H

#include <string.h>

#include "burner/base/bytes.h"
#include "burner/format/aaip.h"
#include "burner/format/checksums.h"
#include "burner/format/content_table.h"
#include "burner/format/digest_table.h"
#include "burner/format/geometry.h"
#include "burner/format/joliet.h"
#include "burner/format/link_table.h"
#include "burner/format/parity.h"
#include "burner/format/susp.h"

#define BOUND_SECTIONS 90u /* of one file: burner/SESSION.md, "Content of files" */
#define BOUND_FILE_BYTES (BOUND_SECTIONS * SECTION_MAX_BYTES)
/* What every session has besides its directories and data: descriptors, path tables' rounding.  Digest table and commit
 * record follow, up to a multiple of BOUND_ALIGN_SECTORS: bound_session_sectors().  The first session above a head at
 * LBA 0 saves that too. */
#define BOUND_SESSION_SECTORS (20u + 6u)
#define BOUND_SAVED_DESCRIPTORS_SECTORS 28u
#define BOUND_ALIGN_SECTORS SESSION_ALIGN_SECTORS

#define BOUND_RECORD_MAX 254u
#define BOUND_RECORD_MIN 110u /* in the Rock Ridge tree, of any name */
#define BOUND_JOLIET_MAX 162u /* 34 and 64 characters */
#define BOUND_AREA_MAX (SUSP_ENTRY_MAX + SUSP_CE_BYTES)

/* A symbolic link is cut where a block ends: less than so many bytes stay unused there, with those of the header that
 * its rest gets. */
#define BOUND_LINK_PIECE 11u

/* A name to be counted; mode, and entries as the node has them. */
struct bound_entry {
	const char *name, *target; /* target: NULL, or of a symbolic link */
	const char *kept;	   /* ISO name that it keeps from an older session, without version; NULL: none */
	uint32_t mode;
	uint32_t more; /* bytes of System Use entries that not each has: bound_more() */
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

/* Bytes of PN or ZF that a node has; the most that any has. */
uint32_t bound_more(uint32_t mode, bool zisofs);
uint32_t bound_more_max(void);

struct bound_name bound_name(const struct bound_entry *e);

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
void bound_add(struct bound_directory *d, const struct bound_name *b, uint64_t records);
/* Of one that was added; the largest lengths stay. */
void bound_remove(struct bound_directory *d, const struct bound_name *b);

/*
 * n records of at most `most` bytes that do not cross sectors, behind others of `before` bytes: each sector but the
 * last is filled so far that the next did not fit, and holds as many as any.
 */
uint64_t bound_packed_sectors(uint64_t before, uint64_t bytes, uint64_t n, uint32_t most);

/* A new directory with "." and "..", however the records fall. */
uint64_t bound_directory_sectors(const struct bound_directory *d);

/*
 * Records that come to others: those fill so many sectors and have at most `most` bytes each; n come, of so many
 * bytes, at most `longest` each. Three bounds: filling sector by sector is the best way to cut a row of records, so
 * that each that comes needs one sector more at most, wherever it falls; every sector may lose most - 1 bytes; or
 * longest - 1, and each old record its own length once, if it begins a sector.
 */
uint64_t bound_growth(uint64_t sectors, uint32_t most, uint64_t bytes, uint64_t n, uint32_t longest);

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
	return sections > 1 ? (sections - 1) * 708 * names / (SECTOR_BYTES - BOUND_RECORD_MAX) + 1 : 0;
}
/* Path tables that grow by so many bytes: each of the four is rounded up. */
static inline uint64_t bound_table_sectors(uint64_t bytes) { return bytes ? sectors_of(bytes) + 3 : 0; }

/* The content table of so many files. */
static inline uint64_t bound_contents_sectors(uint64_t files)
{
	return files ? sectors_of(CONTENTS_HEADER_BYTES + CONTENTS_ENTRY_BYTES * files) : 0;
}

/* What comes before the parity area, and it; percent 0: there is none.  And how much can come before it in so many. */
static inline uint64_t bound_protected(uint64_t sectors, unsigned percent)
{
	return percent ? sectors + parity_sectors_for(sectors, percent) : sectors;
}
static inline uint64_t bound_unprotected(uint64_t sectors, unsigned percent)
{
	return percent ? parity_room_for(sectors, percent) : sectors;
}

/*
 * Extended attributes: what they take besides all that is counted above, wherever names are.  Bytes for one name with a
 * set of so many bytes: its AL entries, one more cut in each block, the CE entry of the record.  A file of several
 * sections has as many records, which repeat what fits into them.
 */
static inline uint64_t bound_xattrs_bytes(uint64_t set_bytes, uint64_t records)
{
	uint64_t al = aaip_bytes_max(set_bytes), each = SECTOR_BYTES + 1 - BOUND_AREA_MAX;

	al += (al / each + 2) * AAIP_CUT_BYTES;
	return set_bytes ? al + SUSP_CE_BYTES + 1 + (records - 1) * min_u64(al + SUSP_CE_BYTES + 1, BOUND_RECORD_MAX) :
			   0;
}
/*
 * Of so many bytes, of so many names, in directories that take so many sectors without them, at most.  Records and
 * areas of a directory become longer, so that what lies behind is cut into sectors anew: of each sector less than
 * BOUND_AREA_MAX bytes stay unused then, where none was before, and a last one is begun.  Or: of a record that
 * becomes longer what does not fit any more goes into a sector of its own (that is a way to cut them, and filling
 * sector by sector is the best one); an area is moved behind the others, and leaves less than a sector unused there
 * and where it was.
 */
static inline uint64_t bound_xattrs_sectors(uint64_t bytes, uint64_t names, uint64_t sectors, uint64_t directories)
{
	uint64_t each = SECTOR_BYTES + 1 - BOUND_AREA_MAX;

	return names ? bytes / each + 1 +
			       min_u64(3 * names, sectors * (BOUND_AREA_MAX - 1) / each + 1 + 2 * directories) :
		       0;
}

/*
 * MD5 sums (checksums.h): the attribute of a file, as a set; with the array and the tags, of so many files.  The root's
 * attribute may need a block of continuation areas, and make a record of it cross into the next.
 */
#define BOUND_SUM_SET_BYTES (XATTRS_RECORD_BYTES + sizeof(CHECKSUMS_FILE_NAME) - 1 + CHECKSUMS_FILE_BYTES)
static inline uint64_t bound_sums_sectors(uint64_t files) { return checksums_sectors(files) + 3 + 2; }
/* How many names directories of so many sectors have at most: each has PX, TF, NM in a record of ours. */
static inline uint64_t bound_names(uint64_t sectors) { return sectors * SECTOR_BYTES / BOUND_RECORD_MIN; }

/* A session that has so many sectors before its digest table. */
static inline uint64_t bound_session_sectors(uint64_t body_sectors)
{
	uint64_t table;

	return digest_table_place(body_sectors, BOUND_ALIGN_SECTORS, &table);
}
/* And how many it can have in so much room. */
static inline uint64_t bound_session_room(uint64_t sectors)
{
	return digest_table_body(sectors - sectors % BOUND_ALIGN_SECTORS);
}
/* Of room that is not counted by sessions: what is left when the digests of it all are taken off, and a few sectors. */
static inline uint64_t bound_undigested(uint64_t sectors) { return sectors - sectors / 1024; }

/* One pair of the link table. */
#define BOUND_LINK_BYTES LINKS_PAIR_BYTES

#endif
