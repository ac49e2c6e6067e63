/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * internal.h - a manifest while it is made: what manifest.c (names, directories) and nodes.c (attributes, content)
 * share
 */
#ifndef FS_MANIFEST_INTERNAL_H
#define FS_MANIFEST_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "burner/base/numbers.h"
#include "burner/format/appuse.h"
#include "fs/iso/iso.h"
#include "fs/manifest/held_manifest.h"

/* A directory of the base. */
struct removed {
	uint64_t ino;
	struct iso_extent listing;
};

/* A row and the entry of its sum in the base. */
struct row_sum {
	uint32_t row, entry;
};

struct build {
	const struct tree_frozen *frozen;
	const struct stage_snapshot *rows;
	struct held_manifest *held;
	struct manifest *m; /* &held->manifest */
	size_t node_space, entry_space, former_space, former_extent_space, as_burned_space, removed_space;
	uint32_t *row_nodes; /* for each row: its node, or NUMBERS_NONE */
	/* rows of files whose names may be others than the tree thinks: looked at when all names are counted */
	uint32_t *doubts;
	uint32_t n_doubts;
	size_t last_row;  /* that was looked at */
	uint64_t walked;  /* inode number of the directory whose names are met */
	bool linked;	  /* directories of the base without a row stay where they are */
	bool needs_twins; /* the base has a Joliet tree */
	bool base_ours;
	struct numbers met_rows; /* rows of files with several names -> what records of the base say of them */
	struct record_met *met;
	uint32_t n_met;
	size_t met_space;
	uint64_t limit_sectors; /* what lies there and beyond is not kept: the next session comes there */
	size_t claim_space, kept_space, home_space, doubt_space, sum_of_space;
	uint32_t n_sum_of; /* nodes that m->sum_of tells of */
	struct row_sum *row_sums;
	uint32_t n_row_sums;
	size_t row_sum_space;
	struct as_burned *as_burned;
	uint32_t n_as_burned;
	struct removed *removed; /* directories of the base that were met without being in the tree */
	uint32_t n_removed;
	struct numbers pieces; /* base files of several sections and several names that were met */
	uint32_t *claims;      /* for each node, the number of its names that its row or record tells */
	struct numbers links;  /* base inode number -> nodes of files with several names */
	struct iso_room room;  /* base directories met */
	/* linked: base directories without a row that are written all the same (links.c) */
	struct numbers needed;
	uint64_t used_sectors; /* of the disc, or as its volume says */
	bool lost_xattrs;      /* of what was read last */
	char *why;
};

/* ---- links.c ---- */

/* Fills b->needed: directories that hold further names of files that changed, and those above them.  -EUCLEAN: the
 * base's link table is none. */
int build_find_links(struct build *b, const struct appuse *base);

/* ---- nodes.c ---- */

/* Row of an inode number, or SIZE_MAX. */
size_t build_find_row(const struct build *b, uint64_t ino);
/*
 * The node of a row or of a base entry: a new one, or for a further hard link the one it has already.  Directories:
 * `listing` is where the base has it, until build_take_listing(). On failure *ret_reason is static text.
 * -EBADMSG, -EOVERFLOW, -ENOMEM.
 */
int build_node_from_row(struct build *b, size_t row, uint32_t *ret_node, const char **ret_reason);
int build_node_from_entry(struct build *b, const struct iso_entry *e, uint32_t *ret_node, const char **ret_reason);
/* The node has these from now on, behind all others. */
int build_set_extents(struct build *b, uint32_t node, const struct extent *extents, uint32_t n);
struct iso_extent build_take_listing(struct manifest_node *directory);

/* ---- xattrs.c ---- */

/* A set, or none where it is lost and that was accepted: then the name is noted by the next call.  -EPERM: it was not;
 * *ret_reason is static text.  Others of disc_read(), -ENOMEM. */
int build_read_xattrs(struct build *b, uint64_t at, uint8_t **ret, size_t *ret_bytes, const char **ret_reason);
int build_note_lost(struct build *b, uint32_t directory, const char *name); /* 0, -ENOMEM */

/* ---- serials.c ---- */

/* Is a record of the base what the number in it stands for?  -EBADMSG, *ret_reason is static text. */
int build_check_record(struct build *b, const struct iso_entry *e, const char **ret_reason);
/* When all names of the whole tree are counted.  -EBADMSG: that number has more names than its file. */
int build_check_counts(struct build *b, uint64_t *ret_ino);

/* ---- homes.c ---- */

/* Fills held->homes; when all names are counted. */
int build_list_homes(struct build *b);

/* ---- former.c ---- */

/* Notes what the node was, if it has content to be written.  -ENOMEM, -EOVERFLOW. */
int build_add_former(struct build *b, uint32_t node, const struct extent *extents, uint32_t n);
void build_sort_formers(struct build *b);
/* Does the row say that the content is what was burned? */
bool row_as_burned(const struct stage_node *row);
/* The content of both, which are files, lies at the same places. */
bool row_is_there(const struct stage_node *row, const struct iso_entry *e);
/* A base record was met: of a file whose row says so, this is where it is. -ENOMEM, -EOVERFLOW. */
int build_note_burned(struct build *b, const struct iso_entry *e);
int build_place_burned(struct build *b); /* when all are met */

/* ---- sums.c ---- */

/* The sums that the base has, if they are asked for.  -ENOMEM, -EOPNOTSUPP. */
int build_find_sums(struct build *b);
/* A base record was met: its sum is that of the node that was made of it (no row has its number), or of the row, if
 * that says that the content is the same. */
int build_note_sum(struct build *b, const struct iso_entry *e, uint32_t node);
int build_note_row_sum(struct build *b, const struct iso_entry *e);
int build_end_sums(struct build *b); /* when all are met */

/* ---- pieces.c ---- */

/* In a linked manifest: a base record was met; one was met under a name that is another's now, or nobody's.
 * -ENOMEM, -EOVERFLOW. */
int build_note_pieces(struct build *b, const struct iso_entry *e);
int build_note_removed(struct build *b, const struct iso_entry *e);
/* m->replaced_pieces is complete, with the directories that are no more; or m->base_pieces is PIECES_UNKNOWN. */
int build_count_pieces(struct build *b);

/* Base files under names that staged ones of a directory have taken. */
struct covered {
	struct extent *extents;
	uint32_t n;
	bool hidden;
};
void covered_take(struct covered *c, struct iso_entry *e);
void covered_free(struct covered *list, size_t n); /* NULL is fine */

#endif
