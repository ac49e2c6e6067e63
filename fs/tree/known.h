/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * known.h - files of the base that the kernel knows, and that nobody has open or has changed: 32 bytes each
 *
 * A table by inode number.  What else there is to know of such a file stands in its record on the disc, where it is read when it is asked
 * for (node_fetch); then a struct node takes its place, until it is used no more.  Not locked: the tree's lock guards it.
 */
#ifndef FS_TREE_KNOWN_H
#define FS_TREE_KNOWN_H

#include <stddef.h>
#include <stdint.h>

struct known {
	uint64_t ino;		/* 0: an empty slot */
	uint64_t locator;	/* of its record … */
	uint64_t parent;
	uint32_t n_lookups;	/* that the kernel will forget */
	uint32_t reader;	/* … for this one of the tree's readers */
};

struct known_table { struct known *slots; size_t capacity, count; uint64_t seed; };	/* seed: of its hash */

struct known *known_find(const struct known_table *t, uint64_t ino);	/* NULL: none; valid until the next change */
int known_add(struct known_table *t, const struct known *k);		/* not there yet. -ENOMEM */
void known_remove(struct known_table *t, struct known *k);
void known_release(struct known_table *t);

#endif
