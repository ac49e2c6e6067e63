/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * share.h - staged content that need not be burned, since it lies on the disc already
 *
 *	manifest_build -> manifest_share -> burn_plan_new …
 *
 * Files of the manifest get extents of the disc for what is equal there, byte by byte:
 *	- blocks at the same offsets of the file that had the number or the name before (a file written anew, or
 *	  replaced by a new one)
 *	- the content of any other file, by the content tables of our sessions (burner/format/content_table.h); of
 *	  a foreign tree by its files of the same size
 *	- the content of another staged file: both get the same extents
 * Parts of a file are taken only where they are worth the sections that they make (burner/format/pieces.h).  A file
 * that differs in parts from one that is still there gets its first block afresh (burner/session/sections.c
 * says why).
 */
#ifndef FS_SHARING_SHARE_H
#define FS_SHARING_SHARE_H

#include "cdappendfs/burn.h"
#include "fs/manifest/manifest.h"

struct share_options {
	struct pieces_rule pieces;	      /* SHARE_AUTO or SHARE_BLOCKS; that of the plan to come */
	bool heal;			      /* as that of the plan to come */
	bool drive;			      /* reading costs seeks: no samples of what is on the disc already */
	const struct burn_progress *progress; /* may be NULL */
};
/* Also fills m->digests.  -ECANCELED; errors of the stage, -ENOMEM: the manifest serves as it is, with less shared. */
int manifest_share(struct manifest *m, const struct share_options *o);
/* The same of the streams of files that were compressed since (fs/manifest/packed.h), as wholes: by the content tables,
 * which know streams as any other content, and by other ones of the manifest. */
int manifest_share_packed(struct manifest *m, const struct share_options *o);
/* Bytes of staged content that were found. */
uint64_t manifest_found_bytes(const struct manifest *m);

#endif
