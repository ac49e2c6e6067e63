/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * names.h - names of the abstract namespace, which anybody may take before us
 *
 * A daemon listens on the name that its clients know, or, where somebody else has that, on the name with "/" and 16
 * hexadecimal digits behind it, which nobody can guess and take.  A client tries the known name, and then each that
 * /proc/net/unix shows with such an end; the kernel says who listens (SO_PEERCRED), and a listener of a user who does
 * not count is passed over.  So others can make a search longer, and no more.
 */
#ifndef FS_CONTROL_NAMES_H
#define FS_CONTROL_NAMES_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

/* A listening socket that does not block.  -EADDRINUSE: a process of our own user or of root listens there (one that
 * ends gives it free: ask again), unless beside: then the name with an end is taken as for any other. */
int names_listen(const struct sockaddr_un *name, socklen_t length, bool beside, int *ret_fd);
/*
 * A connection to a process of that user or of the other one, and which it is.  -EPERM: only others listen;
 * -ECONNREFUSED: nobody does; -EAGAIN: who listens has taken no connection for some seconds; or another errno.
 */
int names_connect(const struct sockaddr_un *name, socklen_t length, const uid_t users[2], int *ret_fd,
		  struct ucred *ret_peer);

#endif
