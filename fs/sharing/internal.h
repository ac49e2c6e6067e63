/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * internal.h - one manifest_share(): what its steps have in common (take.c, by_table.c, foreign.c, share.c)
 */
#ifndef FS_SHARING_INTERNAL_H
#define FS_SHARING_INTERNAL_H

#include <sys/stat.h>

#include "fs/sharing/choose.h"
#include "fs/sharing/content_digest.h"
#include "burner/base/numbers.h"
#include "fs/manifest/held_manifest.h"
#include "fs/sharing/compare.h"
#include "fs/sharing/share.h"

#define WHOLE_TRIES_MAX 64u /* contents of one digest that are compared with a file, … */
#define PARTS_TRIES_MAX 16u /* … and for parts of them */

struct share {
	struct held_manifest *held;
	struct manifest *m;
	const struct share_options *options;
	struct comparison comparison;
	struct content_digester *digester;
	enum content_kind kind; /* of m->digests */
	size_t digest_space;
	bool other_kinds;	   /* the disc has tables of another kind */
	struct numbers remembered; /* node -> number in held->remapped */
};

static inline const struct extent *share_extents(const struct manifest *m, uint32_t node)
{
	return m->extents + m->nodes[node].first_extent;
}

/* Bytes that would be written. */
uint64_t share_new_bytes(const struct manifest *m, uint32_t node);

static inline bool share_has_content(const struct manifest *m, uint32_t node)
{
	return S_ISREG(m->nodes[node].mode) && m->nodes[node].n_extents && !zisofs_used(&m->nodes[node].zisofs);
}

/* Nothing of it is new, and it is written all the same, since it lies in pieces that are not worth it? */
static inline bool share_is_rewritten(const struct share *s, uint32_t node)
{
	const struct manifest_node *n = &s->m->nodes[node];

	return share_has_content(s->m, node) && n->n_extents > 1 && (!n->as_burned || s->options->heal) &&
	       !share_new_bytes(s->m, node) && !choose_pays(s->m, node, &s->options->pieces);
}

/* Has it content for which something is looked for? Not what lies on a disc in a drive in parts: that would be read
 * for its digest. */
static inline bool share_is_wanted(const struct share *s, uint32_t node)
{
	uint64_t bytes = share_has_content(s->m, node) ? share_new_bytes(s->m, node) : 0;

	return bytes && (!s->options->drive || bytes == s->m->nodes[node].size);
}

/* Errors of all: -ENOMEM, -EOVERFLOW, -ECANCELED, and those of compare.h; the manifest then serves as it is. */

/* Behind all others; what cannot be read has none. */
int share_add_digest(struct share *s, uint32_t node);

/* ---- take.c ---- */
/* WANT_PARTS_OF_OTHER: of a file that may still be there, which keeps its first block (burner/session/sections.c). */
enum want { WANT_PARTS, WANT_PARTS_OF_OTHER, WANT_WHOLE };
/* The node gets what is equal in `old` (n extents of the disc) and worth it; with WANT_WHOLE all or nothing. */
int share_take(struct share *s, uint32_t node, const struct extent *old, uint32_t n, enum want want);
/* The same of what it was before: with SHARE_AUTO all if that is all of both, else parts that may be worth it. */
int share_take_former(struct share *s, uint32_t node, const struct extent *old, uint32_t n);
/* Parts that were found and are not worth the sections that they make are given up: the file is written whole. */
void share_settle(struct share *s);
/* Notes what the tree has, before the node gets other extents. */
int share_remember(struct share *s, uint32_t node);
/* The node has the extents again that it was staged with; whoever calls puts back, or exchanges, what it had. */
void share_as_staged(const struct share *s, uint32_t node);

/* ---- by_table.c ---- */
/* By the content tables of their kind, for m->digests: first those that are equal; of what is left, those that are
 * alike. */
int share_known(struct share *s);

/* ---- foreign.c ---- */
/* By files of the tree that no content table knows; their digests come behind those of m->digests. */
int share_foreign(struct share *s);
/*
 * Digests [from, to) are of such files: as many as there is room for in the table of `from` files, which the bound
 * counts, come behind the m->n_digests that are kept; all are put in order.
 */
void share_keep_known(struct manifest *m, uint32_t from, uint32_t to);

#endif
