/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * known.h - files that the kernel knows, and that nobody has open: 24 bytes each
 *
 * A table by inode number.  What else there is to know of such a file stands in its record on the disc or in its row
 * in the stage, where it is read when it is asked for (node_fetch); then a struct node takes its place, until it is
 * used no more.  Not locked: the tree's lock guards it.  64 tables (table.h) that grow by a quarter, so that neither their
 * room nor the moment in which one is copied costs much of what is kept.
 */
#ifndef FS_TREE_KNOWN_H
#define FS_TREE_KNOWN_H

#include <assert.h>
#include <stdbool.h>

#include "burner/base/table.h"

/* known.where: below KNOWN_READERS, which of the tree's readers reads its record; or */
#define KNOWN_READERS 250u
#define KNOWN_STAGED 253u /* it has a row in the stage */
/* it had one until the last burn: its record is in the listing of its parent, its locator not known yet */
#define KNOWN_BURNED 254u
#define KNOWN_DROPPED 255u /* its row was discarded: the kernel may ask for it by its name */
#define KNOWN_LOOKUPS_MAX 0xffffu

struct known {
	uint64_t ino;			       /* 0: an empty slot */
	uint64_t locator : 48, n_lookups : 16; /* of its record; that the kernel will forget */
	uint64_t parent : 56, where : 8;
};

static_assert(sizeof(struct known) == 24, "24 bytes each");

#define KNOWN_PARTS 64u

struct known_table {
	struct table parts[KNOWN_PARTS];
	size_t count;
	uint64_t seed; /* of its hash */
};

/* Do the numbers fit? false: it remains a node. */
bool known_fits(uint64_t locator, uint64_t parent, uint64_t n_lookups, uint32_t where);
/* Of numbers that fit; known_fits() is to be asked before. */
struct known known_of(uint64_t ino, uint64_t locator, uint64_t parent, uint64_t n_lookups, uint32_t where);
struct known *known_find(const struct known_table *t, uint64_t ino); /* NULL: none; valid until the next change */
int known_add(struct known_table *t, const struct known *k);	     /* not there yet. -ENOMEM */
void known_remove(struct known_table *t, struct known *k);
/* for (struct known *k = NULL; (k = known_next(t, k));), with no change but to what it points to */
struct known *known_next(const struct known_table *t, const struct known *after);
void known_release(struct known_table *t);

#endif
