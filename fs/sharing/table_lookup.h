/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * table_lookup.h - where the disc's content tables have digests (burner/format/content_table.h)
 */
#ifndef FS_SHARING_TABLE_LOOKUP_H
#define FS_SHARING_TABLE_LOOKUP_H

#include "cdappendfs/burn.h"
#include "burner/format/content_table.h"
#include "cdappendfs/disc.h"
#include "cdappendfs/manifest.h"

/*
 * Looks for digests, which are of one kind and ascend, in the content tables of all sessions that have that kind, the
 * newest first.  `found` is called for each entry met; i: the digest's number; extents: what the entry says, checked
 * to be `size` bytes within the first disc_sectors of the disc.  Not 0: it ends with that. Tables that are damaged or
 * cannot be read are left out.  -ECANCELED, -ENOMEM.
 */
struct digest_query {
	enum content_kind kind;
	const struct manifest_digest *digests;
	uint32_t n;
	uint64_t disc_sectors;
	const struct burn_progress *progress; /* asked for each digest; NULL is fine */
	int (*found)(void *context, uint32_t i, const struct content_entry *e, const struct extent *extents);
	void *context;
	bool others; /* set: there are tables of another kind */
};
int digest_find(struct disc *disc, struct digest_query *q);
int digest_compare(const void *a, const void *b); /* of two struct manifest_digest; for qsort(3) */

#endif
