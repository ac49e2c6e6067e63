/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * listener.h - the server side of include/cdappendfs/control.h: what a running mount can be asked
 *
 *	control_new -> control_listen (when the mount answers) -> … the loop ends: control_deafen -> commit_stop
 *	-> control_finish (what became of the commit of the unmount: "wait" is answered) -> control_free, before
 *	commit_free
 *
 * A thread listens, on the name of the mount and, until control_free(), on that of the disc when it is writable; each
 * connection has one of its own, for a client may be slow.  None of them serves requests of the kernel.  Who may not
 * ask is sent away by the thread that listens, and takes no place; the owner and root each have places of their own.
 */
#ifndef FS_CONTROL_LISTENER_H
#define FS_CONTROL_LISTENER_H

#include <stdbool.h>
#include <sys/types.h>

#include "fs/commit/commit.h"
#include "fs/control/progress.h"
#include "fs/tree/tree.h"

struct control;

/* All borrowed. */
struct control_options {
	struct tree *tree;
	struct commit *commit; /* NULL: the mount is read-only */
	const char *disc_path, *mountpoint;
	const char *staging; /* directory of the stage, or NULL */
	const char *given;   /* -o of the mount, as another disc gets it; NULL none */
	bool own_staging;    /* the stage's directory was given, too */
	uid_t owner;	     /* who may ask; root may too */
	/* The mount has gone, and its number may be another's: who asks by that is not answered.  NULL: never */
	bool (*unmounted)(void *context);
	void *context;
	struct disc *disc; /* as the medium has it; to be read */
	struct disc_identity identity;
	int holding; /* a socket that only its name is for (fs/daemon/holding.h), or 0: callers are sent away */
	/* Of a read-only mount, whose medium never changes. */
	struct disc_state state;
	const struct disc_session *sessions;
	size_t n_sessions;
};

/* How far that is, in bytes, and how fast. */
void control_burning(const struct commit_status *status, struct burning *ret);

int control_new(const struct control_options *options, struct control **ret);
/* Where one of our own daemons still has the name, as it ends, that is waited for, some seconds; beside one of other
 * users it listens at once (names.h). */
int control_listen(struct control *c, dev_t device);
/* The mount is gone, and its name free for another: no new connections but by the disc's.  Those that are there go
 * on. */
void control_deafen(struct control *c);
/* The end of the mount. result->error with errors; the struct is copied. */
void control_finish(struct control *c, const struct commit_result *result);
/* Waits for the connections: those that do not read, or do not end, are cut off after some seconds. */
void control_free(struct control *c);
static inline void control_freep(struct control **c) { control_free(*c); }

#endif
