/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sessions.h - .sessions of a mount, as -o sessions= has it
 */
#ifndef FS_SESSIONS_H
#define FS_SESSIONS_H

#include <stdbool.h>

#include "fs/daemon/opening.h"
#include "fs/fuse/server.h"
#include "fs/snapdir/snapdir.h"

struct sessions_options {
	uid_t owner; /* whose mount it is */
	bool (*changing)(void *context);
	void *context;
};

/* *ret NULL: it is not to be there.  Borrows what is opened. */
int sessions_new(const struct sessions_options *options, const struct opening *o, const struct server *server,
		 struct snapdir **ret);

#endif
