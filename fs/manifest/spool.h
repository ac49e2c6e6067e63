/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * spool.h - bytes of the disc that a session writes anew, fetched before the burn
 *
 * A drive that burns cannot read.  What the plan will ask of the disc is asked once before, kept in a file without a
 * name, and given from there.
 *
 *	spool_new -> spool_add … (in the order of the plan) -> spool_get … (in the same order) -> spool_free
 *
 * One thread.
 */
#ifndef FS_MANIFEST_SPOOL_H
#define FS_MANIFEST_SPOOL_H

#include <stddef.h>
#include <stdint.h>

#include "burner/base/own.h"

struct spool;
/* In that directory.  Errors of open(2). */
int spool_new(const char *directory, struct spool **ret);
void spool_free(struct spool *s);
DEFINE_FREEP(struct spool, spool_free)
/* pos: bytes from the beginning of the disc.  -ENOSPC, -EIO, -ENOMEM. */
int spool_add(struct spool *s, uint64_t pos, const void *buf, size_t length);
/* However the pieces are cut.  -EIO: not what was added next. */
int spool_get(struct spool *s, uint64_t pos, void *buf, size_t length);

#endif
