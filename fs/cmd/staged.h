/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * staged.h - what is staged in a mount, as its daemon tells it, laid over the newest session
 *
 *	staged_open -> staged.overlay -> staged_release
 */
#ifndef FS_CMD_STAGED_H
#define FS_CMD_STAGED_H

#include "fs/control/protocol.h"
#include "fs/diff/overlay.h"

struct staged {
	struct diff_overlay *overlay; /* NULL: nothing is staged */
	int root;		      /* of the mount, or -1 */
	uint64_t root_lba;	      /* of the session below, as the daemon says; UINT64_MAX: it does not */
	int error;
};
#define STAGED_NONE \
	{ \
		NULL, -1, UINT64_MAX, 0 \
	}

/* base: the newest session, or NULL, borrowed; that the daemon has another one is an error, as one may have been burned
 * meanwhile.  0, or an error after a message, which ends in the advice where only the owner may look. */
int staged_open(const struct control_mount *mount, const struct disc_session *newest, struct iso *base,
		const char *advice, struct staged *ret);
void staged_release(struct staged *s);
/* Where in the newest session what has that path in the mount is, when it, or a directory above it, is renamed and not
 * burned yet: *ret, to be freed, else NULL.  0, or an error after a message. */
int staged_former(const struct control_mount *mount, const struct disc_session *newest, const char *path, char **ret);

#endif
