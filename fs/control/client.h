/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * client.h - a conversation with the daemon of a mount (include/cdappendfs/control.h)
 *
 *	client_open -> client_send -> client_finish -> client_free		one request a connection
 * "wait": client_send -> client_await_first -> (unmount) -> client_finish -> client_await_end.
 *
 * Errors: -ENOTCONN the daemon has ended, before or while it was asked; -ECONNREFUSED it runs and does not listen here:
 * in another network namespace; -EPERM only processes of users who do not count listen; -EPIPE it closed without a
 * result; -EPROTO it said something else; -EAGAIN, -ETIME it does not answer.
 */
#ifndef FS_CONTROL_CLIENT_H
#define FS_CONTROL_CLIENT_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "cdappendfs/further.h"
#include "cdappendfs/pieces.h"
#include "burner/base/own.h"
#include "fs/control/progress.h"
#include "fs/control/protocol.h"

struct client_result {
	int error; /* 0 or a positive errno */
	char message[1024];
	bool burned, fits;
	uint64_t append_bytes, data_bytes, parity_bytes, shared_bytes, tree_bytes, found_bytes;
	uint64_t files_in_pieces; /* PIECES_UNKNOWN */
	uint64_t names_changed, names_closed, attributes_lost;
	uint64_t older_bytes, older_sessions, unproven_bytes, left_out_bytes;
	bool older_more;
	uint64_t adopted_bytes, adopted_sessions, unread_bytes;
	uint64_t made, changed, renamed, removed; /* of revert */
	bool adopted_more;
	uint64_t overhead_bytes, more_sessions; /* as struct forecast has them */
	uint64_t held_bytes, set, disc, discs;	/* of a set of discs: as in struct commit_result */
	uint32_t session;
};

/* Either may be NULL. */
struct client_handlers {
	void (*progress)(void *context, const struct burning *b);
	void (*line)(void *context, const char *type, const char *line); /* all but progress and result */
	void *context;
};

struct client;
int client_open(const struct control_mount *mount, struct client **ret);
/* The daemon that has this disc for writing, mounted or not any more: our own or root's; when root asks, else that of
 * the disc's owner.  -ECONNREFUSED: none; -EPERM: others listen there. */
int client_open_disc(const char *path, struct client **ret);
/* The same, of our own or root's alone. */
int client_open_own_disc(const char *path, struct client **ret);
/* A signal handler sets *stop: then what waits gives -EINTR. */
void client_stop_by(struct client *c, const volatile sig_atomic_t *stop);
int client_send(struct client *c, const char *request);
/* For what is no conversation in lines: all of that, whole; a short request; the next byte, which stays. */
int client_take(struct client *c, void *buf, size_t bytes);
int client_put(struct client *c, const void *buf, size_t bytes);
int client_peek(struct client *c, char *ret);
/* Until the daemon said its first word, which client_finish() will hand on; -ETIME. */
int client_await_first(struct client *c, int timeout_ms);
/* Until the daemon says more than was read already, or closes: 0, -ETIME, -EINTR. */
int client_await_line(struct client *c, int timeout_ms);
/* Lines to the handlers, up to the result. */
int client_finish(struct client *c, const struct client_handlers *handlers, struct client_result *ret);
/* Until the daemon closed the connection and its process ended. */
int client_await_end(struct client *c, int timeout_ms);
void client_free(struct client *c);
DEFINE_FREEP(struct client, client_free)

/* open, send, finish. */
int client_ask(const struct control_mount *mount, const char *request, const struct client_handlers *handlers,
	       struct client_result *ret);
/*
 * The mount from which the daemon serves that disc; its number by the daemon's word, which must be that of a mount of
 * the daemon's own user, or of none here: then all but the number is empty, for it is mounted elsewhere, or nowhere any
 * more and in use.  -ENOENT: the mount has ended (its number may be another's by now), and the daemon has not yet;
 * -EPERM: it is not its mount.
 */
int client_locate(const char *disc, struct control_mount *ret);
/* Why a conversation failed and what to do, for the user; static. */
const char *client_why(int error);

#endif
