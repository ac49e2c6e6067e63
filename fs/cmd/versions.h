/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * versions.h - the versions of a file over all sessions, the newest first
 *
 * Session by session it is looked up by its path.  Where it is not there, or another file is, both sessions are
 * compared, which says where it came from.  A name that was deleted, and given again, goes on with what had it before.
 */
#ifndef FS_CMD_VERSIONS_H
#define FS_CMD_VERSIONS_H

#include "fs/cmd/between.h"

struct version {
	const struct disc_session *session;
	char kind;		 /* as in fs/diff/diff.h */
	const char *path, *from; /* from: NULL but of R */
	uint64_t bytes;		 /* D: 0 */
};

struct versions_asked {
	const char *path; /* as it is now, without a slash before it */
	uint64_t max;
	void (*found)(void *context, const struct version *v);
	void *context;
};

/* 0 and whether there are any; or an error, which was told. */
int versions_list(const struct between *b, const struct versions_asked *asked, bool *ret_any);

#endif
