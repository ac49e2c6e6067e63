/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * page.h - a disc as one page of HTML: its picture, its sessions, and their trees to browse and to search
 *
 * The page needs nothing outside of it.  Directories that sessions have in common, or that say the same, are in it
 * once, so it grows with what changed.  Names are shown as they are; what is no UTF-8 in them as U+FFFD.
 */
#ifndef FS_SHOW_PAGE_H
#define FS_SHOW_PAGE_H

#include "fs/history/history.h"
#include "fs/show/picture.h"

/* What of the disc could not be read, and is marked in the page. */
struct page_lost {
	uint64_t directories, sessions, messages;
};

/*
 * Reads the directories of all sessions.  Errors of the disc are marked and counted, not returned, but for -ENODEV,
 * -ENOMEDIUM; -ENOMEM.  What cannot be written: ferror(out).
 */
int page_write(struct disc *disc, const struct history *h, const struct picture *p, FILE *out, struct page_lost *ret);

#endif
