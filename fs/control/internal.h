/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * internal.h - what this room's files share that answer
 */
#ifndef FS_CONTROL_INTERNAL_H
#define FS_CONTROL_INTERNAL_H

#include <pthread.h>
#include <stdbool.h>

#include "burner/base/json.h"
#include "fs/control/listener.h"
#include "fs/control/protocol.h"

#define CONTROL_REQUEST_MAX CONTROL_LINE_MAX
#define CONTROL_REFUSED_MAX 16
#define CONTROL_IO_MS 10000 /* for a request; for each CONTROL_IO_BYTES of an answer */
#define CONTROL_IO_BYTES 65536u

struct control {
	struct control_options options;
	/* On the mount's name, on the disc's, which begin with those of include/cdappendfs/control.h; -1 none.  The
	 * thread's, once it is there */
	int listener, disc_listener;
	int stop[2]; /* a pipe to the thread: a byte makes it deaf to the mount's name, its end ends it */
	pthread_t thread;

	char device[32]; /* of the mount: MAJOR:MINOR */

	/* Sent away, and open for a moment, so that they can read why; the thread's. */
	int refused[CONTROL_REFUSED_MAX];
	unsigned n_refused;

	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t changed;
	struct connection *connections;
	bool deaf;     /* the mount's name is given back */
	bool finished; /* the mount has ended, with this result */
	struct commit_result result;
};

/* A conversation; its descriptor never blocks. */
struct connection {
	struct control *control;
	int fd;
	uid_t user;
	struct connection *next; /* under the control's lock */
};

/* Until the descriptor is ready for those events of poll(2), or it is that late. -ETIME */
int control_await(int fd, short events, int64_t until_ms);
/* Answer the request line; returns when all is said. */
void control_reply(struct connection *n, const char *line);
/* A result line that only says no. */
void control_refuse(struct connection *n, int error, const char *message);

/* Lines of an answer, built in memory: open, members, send, which frees them. */
struct line {
	char *bytes;
	size_t length;
	struct json json;
};
int control_line_open(struct line *l);
int control_line_send(struct line *l, struct connection *n);
int control_send_result(struct connection *n, const struct commit_result *result);
/* Any bytes.  -EPIPE: nobody reads them. */
int control_send(struct connection *n, const void *from, size_t length);
/* The medium as the commit last saw it; of a read-only mount as it was mounted. *ret_owned is to be freed. */
int control_medium(const struct control_options *o, struct disc_state *ret_state,
		   const struct disc_session **ret_sessions, size_t *ret_n, struct disc_session **ret_owned);

/* Queued, and its result sent when it is done; < 0: it was not queued, which was sent. */
int control_reply_commit(struct connection *n, const struct commit_request_options *o);
/* The members "1", "2"… of an object: paths in the mount, to be freed, also those before an error.  -EINVAL: none. */
#define CONTROL_PATHS_MAX 256u
int control_take_paths(const char *object, char *paths[CONTROL_PATHS_MAX], size_t *ret_n);

/* ---- commits.c ---- */

/* Is it a request to the commit?  Then it is answered. */
bool control_reply_to_commits(struct connection *n, const char *line);

/* ---- reverting.c ---- */

void control_revert(struct connection *n, const char *object);

/* ---- passing.c ---- */

void control_pass_disc(struct connection *n);
void control_pass_medium(struct connection *n);

/* ---- lists.c ---- */

void control_list_changes(struct connection *n);
void control_list_names(struct connection *n);
void control_list_span(struct connection *n);
void control_list_span_split(struct connection *n);
void control_list_options(struct connection *n);
void control_list_pieces(struct connection *n);
/* Of what is discarded. */
int control_emit_dropped(void *context, char kind, const char *path, const char *from, uint64_t bytes);

#endif
