/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * clashes.h - how many names of a directory come to the same Joliet name as another one
 *
 * A set of seeded 32-bit hashes of first candidates (burner/format/joliet.h), with counts.  Names that are their own
 * Joliet name differ from each other; so only those are kept that may be the result of a replacement or of a cut,
 * with '_' or '~' in it.  What looks alike by chance counts as well. Zeroed: empty.  Under the tree's lock.
 */
#ifndef FS_TREE_CLASHES_H
#define FS_TREE_CLASHES_H

#include <stdbool.h>
#include <stdint.h>

struct clashes {
	struct clash_slot {
		uint32_t key, names;
	} * slots; /* open addressing; key 0: never used */
	uint64_t seed;
	uint32_t mask, n_used;
	uint64_t taken; /* names beyond the first of each key; UINT64_MAX: no memory, nothing is known */
};

void clashes_add(struct clashes *c, const char *name);
void clashes_remove(struct clashes *c, const char *name); /* of one that was added */
void clashes_release(struct clashes *c);

#endif
