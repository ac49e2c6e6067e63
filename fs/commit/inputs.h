/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * inputs.h - what the layout of the next session takes from the disc as it is
 *
 * The dry run and the commit gather them in the same way, so that one says to the block what the other burns.
 */
#ifndef FS_COMMIT_INPUTS_H
#define FS_COMMIT_INPUTS_H

#include "cdappendfs/burn.h"
#include "burner/format/geometry.h"
#include "fs/commit/commit.h"

struct inputs {
	struct disc_state state;
	struct burn_options options; /* head, boot record and labels point into this struct */
	uint8_t published[DESCRIPTORS_SECTORS * SECTOR_BYTES];
	uint8_t boot[SECTOR_BYTES], labels[SECTOR_BYTES], joliet_labels[SECTOR_BYTES];
};

/* *ret stays where it is afterwards. uuid and time are left zero. -EROFS: no session can be appended; -ENOSPC; what
 * disc_read says. */
int inputs_gather(const struct commit_options *o, struct disc *disc, uint64_t next_ino, struct inputs *ret);
/* What the commit record is to say of the one before it.  -EPERM: the sessions that are there contradict each other
 * (ODDITY_CHAIN); what disc_read says. */
int inputs_chain(const struct commit_options *o, struct disc *disc, struct inputs *in);
/* Does a session of that length fit?  Otherwise how many bytes are missing, and where. */
bool inputs_fit(const struct inputs *in, uint64_t append_sectors, uint64_t *ret_missing_bytes, const char **ret_where);
/* The newest session that can be mounted, or NULL. */
const struct disc_session *newest_session(const struct disc_session *sessions, size_t n);

#endif
