/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * between.h - two sessions of a disc compared, and what is said when something of them cannot be read
 */
#ifndef FS_CMD_BETWEEN_H
#define FS_CMD_BETWEEN_H

#include "fs/diff/diff.h"
#include "fs/history/history.h"

struct between {
	struct disc *disc;
	const struct history *history;
	const char *name; /* of the disc, for messages */
};

/* The session before it that can be read as a whole tree; NULL: it is the first. */
const struct disc_session *between_former(const struct between *b, const struct disc_session *s);
/* It is of ours, and says that there are sessions before it that are not found: what it changed is not known. */
bool between_misses_former(const struct between *b, const struct disc_session *s);
/*
 * old NULL: nothing.  What is lost is told on standard error, and to lost, if that is not NULL.  counted, fresh: as
 * diff_options has it; overlay: NULL, or what is staged above the newer one.  0 and *ret, or an error, which is told,
 * too.
 */
struct between_asked {
	const struct disc_session *old, *new;
	const struct diff_overlay *overlay;
	struct iso *base; /* of the overlay */
	bool counted;
	int (*lost)(void *context, const char *path, bool newer);
	int (*fresh)(void *context, const struct diff_change *c);
	void *context;
};
int between_sessions(const struct between *b, const struct between_asked *asked, struct diff *ret);

#endif
