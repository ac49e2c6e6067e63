/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * search.h - all sessions of a disc, and what is staged for it, searched for what is asked for
 *
 * The tree of the first session is read; of each further one what is different from the one before.
 */
#ifndef FS_CMD_SEARCH_H
#define FS_CMD_SEARCH_H

#include "fs/cmd/argument.h"
#include "fs/cmd/between.h"
#include "fs/cmd/found.h"

struct search_asked {
	const struct between *b;
	const struct argument *where; /* of a path in a mount: only what lay below it, through renames */
};
/* ret: begun by found_init().  *ret_lost: something cannot be known, which was told.  0, or an error, told, too. */
int search_all(const struct search_asked *asked, struct found *ret, bool *ret_lost);

#endif
