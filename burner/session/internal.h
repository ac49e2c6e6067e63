/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * internal.h - the plan of a session, shared by the files of burner/session
 *
 * From the first sector of the session on:
 *
 *	overwritable media			sequential media
 *	S+0   zeros				S+0   zeros
 *	S+8   descriptors, absolute size
 *	S+16  descriptors, relative size	S+16  descriptors, absolute size
 *	S+32  saved foreign head, if any
 *	then, close behind each other:
 *	path tables: Rock Ridge L, M, Joliet L, M
 *	the link table, if files have several names
 *	directories of the Rock Ridge tree, breadth first, each followed by its continuation areas
 *	directories of the Joliet tree, breadth first
 *	file data
 *	the content table
 *	MD5 sums: the array, and a tag (others lie behind the terminator of S+16, and behind the directories)
 *	the parity area
 *	zeros up to the alignment
 *	the digest table, the commit record
 *
 * Directories and continuation areas lie below all data of the session and each directory above its parent, since
 * libarchive reads in ascending order only.  File data lies in the order in which tar reads the tree: the entries of
 * a directory in the order of its records, and a sub-directory wholly at the place of its record (cp -r and find do
 * the same when inode numbers ascend so).
 *
 * How the plan is made (layout.c): identifiers.c gives each entry its names, sorts the directories; sections.c
 * decides which parts of files stay where they are; record.c tells the size of each directory; then the addresses
 * are given, in the order above.
 */
#ifndef BURNER_SESSION_INTERNAL_H
#define BURNER_SESSION_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "burner/base/arena.h"
#include "burner/base/xattrs.h"
#include "cdappendfs/burn.h"
#include "burner/format/adoption.h"
#include "burner/format/checksums.h"
#include "burner/format/geometry.h"
#include "burner/format/link_table.h"
#include "burner/base/own.h"

#define NO_INDEX UINT32_MAX

enum tree_kind { TREE_ROCK_RIDGE, TREE_JOLIET, N_TREES };

/* Names of manifest.entries[i], as recorded. Joliet: 0 bytes when the entry is not in that tree (symlinks, device
 * nodes, sockets, FIFOs). */
struct plan_entry {
	const uint8_t *iso, *joliet; /* in plan.names */
	uint8_t iso_bytes, joliet_bytes;
	uint32_t joliet_attempt; /* that gave the Joliet name */
};

struct plan_directory {
	uint32_t node;	       /* in manifest.nodes */
	uint32_t entry;	       /* its name in manifest.entries; NO_INDEX: the root */
	uint32_t parent;       /* index in plan_tree.directories (in a full tree: path table number - 1) */
	uint32_t n_entries;    /* in plan_tree.order, from the node's first_entry on */
	uint32_t lba, sectors; /* of the records */
	uint32_t area_sectors; /* continuation areas, right behind */
	bool fills_blocks;     /* they are cut where a block ends */
};

struct plan_tree {
	struct plan_directory *directories; /* that are written, breadth first: the order of the path table */
	uint32_t n_directories;
	/* indexes of entries; each directory's slice of manifest.entries in the order of its records */
	uint32_t *order;
	uint32_t *of_node;		    /* index of the node's directory */
	uint32_t table_bytes, table_lba[2]; /* L, M */
	uint32_t table_entries;
	/* numbers of those that have directories, when these stand first in the table; NULL: it has the usual order */
	uint32_t *parents_first;
	struct base_table *base; /* linked: the path table of the base; NULL: all directories are written */
};

/* Content of a node: runs of plan.runs. */
struct plan_file {
	uint32_t first_run, n_runs;
	uint32_t same_as; /* NO_INDEX, or the node with the same content that has the runs */
};

/* A run that the session writes. */
struct plan_data {
	uint32_t node, run;
	uint32_t lba, sectors;
};

/* The link table. names and ways: of the directories written; in ascending order, as the numbers are. */
struct plan_links {
	struct link_pair *names, *ways;
	size_t n_names, n_ways;
	struct link_written {
		uint32_t ino;
		uint64_t base_sectors;
	} * written;	/* directories that are written */
	uint32_t *kept; /* and those that stay in one that is, by number */
	size_t n_written, n_kept;
	uint32_t all_names, all_ways; /* pairs of the table */
	/* sectors in the base of directories that its table names and that are written */
	uint64_t replaced;
	uint32_t lba, bytes; /* bytes 0: there is none */
};

/* The content table; bytes 0: there is none. */
struct plan_contents {
	uint32_t n_entries, n_runs, lba, bytes;
};

/* The parity area, of all before it and of older blocks; sectors 0: there is none.  fd: a file with it, once it was
 * made; else -1. */
struct plan_parity {
	uint32_t lba, sectors;
	struct burn_range *older;
	size_t n_older;
	int fd;
};

/* The adoption table; sectors 0: there is none.  table: all of it, its digests zeros until they are made. */
struct plan_adoption {
	struct adoption header;
	uint32_t lba, sectors;
	uint8_t *table; /* bulk */
};

/* MD5 sums (burner/format/checksums.h); n 0: there are none. */
struct plan_sums {
	uint32_t n;	   /* entries of the array: those of files, and two */
	uint32_t *of_node; /* which is its own; 0: none */
	uint32_t array_lba, tag_lba[TAG_SESSION + 1];
	uint8_t *array;				     /* whole sectors; zeros so far … */
	uint8_t tag_md5[TAG_SESSION + 1][MD5_BYTES]; /* … until they are made (sums.h) */
};

struct burn_plan {
	const struct manifest *manifest;
	struct burn_options options;
	uint8_t *foreign_descriptors, *boot_record, *labels, *joliet_labels; /* copies, or NULL */
	uint32_t n_trees;
	struct arena names;
	struct plan_entry *entries;
	struct plan_tree trees[N_TREES];
	struct plan_links links;
	struct plan_contents contents;
	struct plan_sums sums;
	struct plan_adoption adoption;
	struct plan_parity parity;
	struct plan_file *files; /* one for each node */
	/* Touching, ascending, starting at multiples of 2048 of the file.  DISC: there it is; STAGE: to be written,
	 * no address so far. */
	struct extent *runs;
	size_t n_runs, runs_room;
	struct plan_data *data; /* ascending lba */
	size_t n_data, data_room;
	struct burn_placement *placements;
	size_t n_placements;
	struct burn_directory *directories;
	uint64_t whole_tree_sectors; /* of metadata, were all of the tree written */
	/* first path table; first file data; the digest table; behind the commit record */
	uint32_t tree_lba, data_lba, digests_lba, end_lba;
	struct burn_cost cost;
};

/* parity.c: what it is to protect (once; a copy); its place, *at goes behind it: -ENOSPC. */
int parity_plan(struct burn_plan *p, const struct burn_options *o);
int parity_place(struct burn_plan *p, uint64_t *at);
void parity_release(struct plan_parity *parity);

/* adoption.c: the same of the adoption table.  -EINVAL: too many ranges. */
int adoption_plan(struct burn_plan *p, const struct burn_options *o);
int adoption_place(struct burn_plan *p, uint64_t *at);
void adoption_release(struct plan_adoption *a);

/* identifiers.c: names of all entries of one directory and the order of its records. */
struct name_scratch;
int name_scratch_new(const struct burn_plan *p, struct name_scratch **ret);
void name_scratch_free(struct name_scratch *s);
DEFINE_FREEP(struct name_scratch, name_scratch_free)
int names_of_directory(struct burn_plan *p, struct name_scratch *scratch, uint32_t node);

static inline const struct plan_file *plan_content(const struct burn_plan *p, uint32_t node)
{
	const struct plan_file *f = &p->files[node];

	return f->same_as == NO_INDEX ? f : &p->files[f->same_as];
}
/* Number of sections (directory records) that so many bytes in one piece take. */
static inline uint64_t sections_of(uint64_t bytes)
{
	if (bytes <= SECTION_LAST_MAX_BYTES)
		return bytes > 0;
	return (bytes - (SECTION_LAST_MAX_BYTES - SECTION_MAX_BYTES) + SECTION_MAX_BYTES - 1) / SECTION_MAX_BYTES;
}

/* sections.c: plan.files and plan.runs of all nodes, without the addresses of what is to be written. */
int content_plan(struct burn_plan *p);
/* Of zisofs the stream. */
uint64_t content_stored_bytes(const struct burn_plan *p, uint32_t node);
/* Of the whole tree, those of several sections; PIECES_UNKNOWN. */
uint64_t content_files_in_pieces(const struct burn_plan *p);

/* The directory's extent: where it will be, or where it stays. */
struct plan_place {
	uint32_t lba, bytes;
};
struct plan_place plan_place_of(const struct burn_plan *p, enum tree_kind kind, uint32_t node);
static inline const struct manifest_kept *plan_kept(const struct burn_plan *p, uint32_t node)
{
	uint32_t kept = p->manifest->nodes[node].kept;

	return kept ? &p->manifest->kept[kept - 1] : NULL;
}

/* record.c: the size of a directory; its bytes (sectors + area_sectors of them). */
void directory_measure(const struct burn_plan *p, enum tree_kind kind, struct plan_directory *d);
void directory_encode(const struct burn_plan *p, enum tree_kind kind, const struct plan_directory *d, uint8_t *ret);

/*
 * tables.c: path tables.  Of a full tree from the list of directories; of a linked one as a merge of the base's
 * table, read in pieces. path_table_measure: table_bytes and table_entries.  -EUCLEAN: the base's table is not that
 * of its tree.  -EMLINK more than 65,535 parents.
 */
void base_table_free(struct base_table *t);
int path_table_measure(struct burn_plan *p, enum tree_kind kind);
/* The bytes of one table (which: 0 L, 1 M), in pieces, with zeros up to the end of its last sector. */
struct table_stream;
int table_stream_new(const struct burn_plan *p, enum tree_kind kind, unsigned which, struct table_stream **ret);
int table_stream_read(struct table_stream *s, uint8_t *buf, size_t bytes);
void table_stream_free(struct table_stream *s);
DEFINE_FREEP(struct table_stream, table_stream_free)

/* link_table.c: the link table's pairs and length.  -EUCLEAN: the base's is none.  Sectors of the directories that it
 * names, at most. */
int links_measure(struct burn_plan *p);
uint64_t links_directory_sectors(const struct burn_plan *p);
void plan_links_release(struct plan_links *l);
/* Its bytes, as those of a path table. */
struct links_stream;
int links_stream_new(const struct burn_plan *p, struct links_stream **ret);
int links_stream_read(struct links_stream *s, uint8_t *buf, size_t bytes);
void links_stream_free(struct links_stream *s);

/* content_table.c: the length of the content table; its bytes, as those of a path table.  -EOVERFLOW: too many. */
int contents_measure(struct burn_plan *p);
struct contents_stream;
int contents_stream_new(const struct burn_plan *p, struct contents_stream **ret);
int contents_stream_read(struct contents_stream *s, uint8_t *buf, size_t bytes);
void contents_stream_free(struct contents_stream *s);

/* sums.c: which files have one; -ENOMEM.  The attribute that says where they are, of the root (node 0) or of a file, as
 * a set: its bytes, 0: there is none. Puts the tags among those sectors. */
int sums_plan(struct burn_plan *p);
void sums_release(struct plan_sums *s);
#define SUMS_ATTRIBUTE_MAX (XATTRS_RECORD_BYTES + sizeof(CHECKSUMS_ROOT_NAME) + CHECKSUMS_ROOT_BYTES)
uint32_t sums_attribute(const struct burn_plan *p, uint32_t node, uint8_t ret[SUMS_ATTRIBUTE_MAX]);
int sums_put_tags(const struct burn_plan *p, uint32_t lba, uint8_t *buf, uint32_t n_sectors);

/* volume.c: everything from the start up to tree_lba. */
uint32_t descriptor_sectors(const struct burn_plan *p);
int volume_encode(const struct burn_plan *p, uint8_t *ret);

#endif
