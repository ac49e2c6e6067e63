/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * manifest.h - from a frozen tree to the manifest of a session
 *
 *	tree_freeze or tree_preview -> manifest_build -> burn_plan_new … -> manifest_free
 *
 * The frozen tree, the disc and the stage are borrowed until manifest_free().  One thread.
 */
#ifndef FS_MANIFEST_MANIFEST_H
#define FS_MANIFEST_MANIFEST_H

#include "cdappendfs/burn.h"
#include "cdappendfs/disc.h"
#include "cdappendfs/manifest.h"
#include "burner/base/own.h"
#include "fs/stage/stage.h"
#include "fs/tree/tree.h"

#define MANIFEST_WHY_BYTES 512u

/*
 * The whole merged tree: the base's directories overlaid by the snapshot; when f->linked, without what stays where it
 * is.  -EUCLEAN, then: something that is staged was not reached, it needs the whole tree.  -EBADMSG: a part of the
 * base or of the journal is damaged; -EIO it cannot be read; -EOVERFLOW more than a session can hold; -ENOMEM.  On
 * failure why says what and where, with the path (never empty).  A tree that was not understood to the last record is
 * never burned: what was not read would be hidden for ever.  -EPERM: a part of the base contradicts itself, and
 * f->accepted does not say that it may.
 */
int manifest_build(const struct tree_frozen *f, struct disc *disc, struct stage *stage, struct manifest **ret,
		   char why[MANIFEST_WHY_BYTES]);
/* Fetches what the burn of that plan will ask of the disc, for a drive that cannot read while it burns; into the
 * stage's directory. Errors of disc_read() and open(2), -ENOSPC.  Then the manifest serves one burn. */
int manifest_spool(struct manifest *m, struct burn_plan *plan);
/* What a rebase has to tell the tree of its files; owned by the manifest. */
void manifest_homes(const struct manifest *m, const struct burn_home **ret, size_t *ret_n);
/* Path of an associated file (ECMA-119 9.1.6) in a directory of the base that is written; NULL: none was met. */
const char *manifest_associated(const struct manifest *m);
/* How many names have extended attributes that are left out, as f->accepted says; the paths of the first of them. */
#define MANIFEST_LOST_NAMED 10u
uint64_t manifest_lost_attributes(const struct manifest *m, const char *const **ret_paths);
/* Of the directories whose names it has, the lowest block that one has in the base; UINT32_MAX: none is there. */
uint32_t manifest_lowest_directory(const struct manifest *m);
/* The path of a node from the root, of a long one its end; of the root "".  Returns buf.  It looks at all names. */
const char *manifest_path(const struct manifest *m, uint32_t node, char *buf, size_t bytes);
void manifest_free(struct manifest *m);
DEFINE_FREEP(struct manifest, manifest_free)

#endif
