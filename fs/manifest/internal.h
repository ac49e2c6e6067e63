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

struct build {
	const struct tree_frozen *frozen;
	const struct stage_snapshot *rows;
	struct held_manifest *held;
	struct manifest *m; /* &held->manifest */
	size_t node_space, entry_space, former_space, former_extent_space;
	uint32_t *row_nodes; /* for each row: its node, or NUMBERS_NONE */
	/* rows of files whose names may be others than the tree thinks: looked at when all names are counted */
	uint32_t *doubts;
	uint32_t n_doubts;
	size_t last_row;  /* that was looked at */
	uint64_t walked;  /* inode number of the directory whose names are met */
	bool linked;	  /* directories of the base without a row stay where they are */
	bool needs_twins; /* the base has a Joliet tree */
	size_t claim_space, kept_space, home_space, doubt_space;
	uint32_t *claims;	       /* for each node, the number of its names that its row or record tells */
	struct numbers links;	       /* base inode number -> nodes of files with several names */
	struct numbers directory_lbas; /* base directories met */
	/* linked: base directories without a row that are written all the same (links.c) */
	struct numbers needed;
	uint64_t directory_bytes, directory_bytes_max;
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
struct iso_extent build_take_listing(struct manifest_node *directory);

/* ---- former.c ---- */

/* Notes what the node was, if it has content to be written.  -ENOMEM, -EOVERFLOW. */
int build_add_former(struct build *b, uint32_t node, const struct extent *extents, uint32_t n);
void build_sort_formers(struct build *b);
/* Base files under names that staged ones of a directory have taken. */
struct covered {
	struct extent *extents;
	uint32_t n;
};
void covered_take(struct covered *c, struct iso_entry *e);
void covered_free(struct covered *list, size_t n); /* NULL is fine */

#endif
