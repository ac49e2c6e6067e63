/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * directories.h - where the directories of a session are, by walking it
 */
#ifndef FS_MANIFEST_DIRECTORIES_H
#define FS_MANIFEST_DIRECTORIES_H

#include "cdappendfs/placement.h"
#include "fs/iso/iso.h"

/* All directories that lie at start_lba or behind it, and so were written by the session that starts there, ascending
 * by inode number; freed with free().  Those above them are such, too.  -EBADMSG, -ENOMEM, and what the disc says. */
int directories_of(struct iso *base, uint32_t start_lba, struct burn_directory **ret, size_t *ret_n);

#endif
