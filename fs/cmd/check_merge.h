/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * check_merge.h - cdappendfs-check --merge
 */
#ifndef FS_CMD_CHECK_MERGE_H
#define FS_CMD_CHECK_MERGE_H

#include "cdappendfs/burn.h"
#include "fs/check/check.h"

struct merge_asked {
	const char *out;
	char *const *copies;
	int n_copies;
	char *const *maps; /* COPY=FILE */
	size_t n_maps;
	bool quiet;
	const struct burn_progress *progress;
	/* Checks the image and tells of it, under that name; what to exit with. *ret_proven: all of it is proven. */
	int (*check)(void *context, struct disc *disc, const char *name, bool *ret_proven);
	void *context;
};
/* What to exit with. */
int check_merge(const struct merge_asked *asked);

#endif
