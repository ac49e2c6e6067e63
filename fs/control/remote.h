/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * remote.h - the disc of a mount, read through its daemon: a drive is the daemon's alone
 *
 * The request "disc" (include/cdappendfs/control.h) turns the connection into this, in the processor's byte order; both
 * sides are of one machine.  The daemon sends a greeting and the sessions; then to each request an answer and, without
 * an error, the sectors.  They are as the medium has them: not healed, not compared.  While the drive burns the error
 * is EAGAIN.  After the request "disc medium" each is read from the medium, also what the daemon has in memory of a
 * drive.
 *
 *	remote_disc_open -> disc_state, disc_sessions, disc_identity, disc_read … -> disc_close
 *
 * Threads: as cdappendfs/disc.h says.  A read waits until the drive has burned.  -ECANCELED: it was told to stop;
 * -ENOTCONN: the daemon has ended.
 */
#ifndef FS_CONTROL_REMOTE_H
#define FS_CONTROL_REMOTE_H

#include <signal.h>

#include "cdappendfs/disc.h"
#include "fs/control/protocol.h"

#define REMOTE_MAGIC "cdappendfs disc" /* 16 bytes with the terminator */
#define REMOTE_SECTORS_MAX 512u

struct remote_greeting {
	char magic[16];
	uint32_t bytes, session_bytes; /* of this, and of a session: others are of another version */
	uint32_t n_sessions;
	struct disc_state state; /* its texts are NULL */
	struct disc_identity identity;
};
struct remote_request {
	uint32_t lba, n_sectors;
};
struct remote_answer {
	int32_t error; /* 0, or a positive errno */
};

struct remote_options {
	const volatile sig_atomic_t *stop; /* set by a signal handler, it ends what waits */
	bool from_medium;		   /* for proof: see above */
};

/* -EPROTO: the daemon is of another version; as client_open(); what it refuses with, *ret_why (to be freed) being its
 * words, or NULL. */
int remote_disc_open(const struct control_mount *mount, const struct remote_options *options, struct disc **ret,
		     char **ret_why);

#endif
