/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * packed.h - files that a session writes are compressed, where that takes less (zisofs)
 *
 *	manifest_build -> manifest_share -> manifest_pack -> manifest_share_packed -> burn_plan_new …
 *
 * The plan knows every length before the first byte: so the files are compressed before it, into a file without a name
 * in the stage's directory, by all processors at once.  A dry run does the same.  It stays with the manifest, which
 * gives the streams from there.
 *
 * What is compressed: regular files all of whose content is to be written, of up to 4 GiB, whose stream takes fewer
 * blocks: at least one for each of their records, and of those that are long two.  A ZF entry makes a record longer by
 * 16 bytes, which is one block more of its directory at most, and one of continuation areas where there are some.  So a
 * session never takes more than without it, and df's bound holds as it is.
 *
 * An attribute asks for it or against it, file by file: PACKED_ATTRIBUTE, "yes" or "no", of the file or of the nearest
 * directory above it that has one.  Files that share staged content are compressed all or not at all.
 */
#ifndef FS_MANIFEST_PACKED_H
#define FS_MANIFEST_PACKED_H

#include "cdappendfs/burn.h"
#include "fs/manifest/manifest.h"

/* The body of the streams' extents: none of the stage's. */
#define PACKED_BODY UINT32_MAX

#define PACKED_ATTRIBUTE "user.cdappendfs.compress"

/* Does an attribute of anything that is written ask for it? */
bool manifest_asks_for_packing(const struct manifest *m);
/* all: what no attribute tells of is compressed, too.  -ECANCELED; other errors: what was not compressed so far stays
 * as it is. */
int manifest_pack(struct manifest *m, bool all, const struct burn_progress *progress);
/* Was it compressed? */
static inline bool manifest_is_packed(const struct manifest *m, uint32_t node)
{
	const struct manifest_node *n = &m->nodes[node];

	return zisofs_used(&n->zisofs) && n->n_extents && m->extents[n->first_extent].kind == EXTENT_STAGE &&
	       m->extents[n->first_extent].body == PACKED_BODY;
}

/* The nodes that were compressed, ascending; their streams may have been found on the disc since. */
void manifest_packed(const struct manifest *m, const uint32_t **ret, size_t *ret_n);

/* Where they are after the burn, for the rebase; freed with bulk_free().  -ENOMEM. */
int burned_packed(const struct manifest *m, const struct burn_plan *plan, struct burn_packed **ret, size_t *ret_n);

#endif
