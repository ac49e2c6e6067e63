/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * notify.h - a service manager is told how the mount is: sd_notify(3), the protocol of systemd
 *
 *	notify_open (nothing is confined yet) -> notify_start (threads may begin) -> notify_ready -> notify_burn … ->
 *	notify_stopping -> notify_stop -> notify_free
 *
 * The socket is the one of NOTIFY_SOCKET, a path or an abstract name ("@name").  It is opened by hand and connected at
 * once, since libsystemd opens it anew for each message, and below Landlock (sandbox.h) no abstract socket of others
 * can be reached any more.  NULL, nobody wants to know, is taken by all of these.
 *
 * A burn is told each second, with the wish not to be ended before the next word of it (EXTEND_TIMEOUT_USEC): so a
 * burn may take longer than the manager would wait for the end of the service.  No burn waits for a manager that
 * does not read: a message is left out.
 */
#ifndef FS_DAEMON_NOTIFY_H
#define FS_DAEMON_NOTIFY_H

#include "fs/commit/commit.h"

struct notify;

/* Takes NOTIFY_SOCKET out of the environment.  0 and NULL: it is not there.  -errno: it cannot be reached. */
int notify_open(struct notify **ret);
/* commit NULL: nothing is ever burned. Borrowed, until notify_stop(). -EAGAIN: no thread. */
int notify_start(struct notify *n, struct commit *commit);
/* It can be used. */
void notify_ready(struct notify *n, const char *disc, const char *mountpoint);
/* A burn begins, or will: told until the commit has nothing to do any more, and what became of it. */
void notify_burn(struct notify *n);
void notify_stopping(struct notify *n);
/* No more is told of the commit but this result. */
void notify_stop(struct notify *n, const struct commit_result *result);
void notify_free(struct notify *n);

#endif
