/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * passing.c - the daemon's side of remote.h: sectors of its disc, for a command
 *
 * Only reads, which any thread may do.  What the disc is wrapped into, for those who read files, is passed by: a check
 * wants to know what the medium has.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "burner/base/bytes.h"
#include "burner/base/own.h"
#include "burner/base/time.h"
#include "fs/control/internal.h"
#include "fs/control/remote.h"

#define SLICE_MS 200

static bool is_ending(struct control *c)
{
	bool ending;

	pthread_mutex_lock(&c->lock);
	ending = c->deaf || c->finished;
	pthread_mutex_unlock(&c->lock);
	return ending;
}

/* False: the client has gone, or the mount. */
static bool next_request(struct connection *n, struct remote_request *ret)
{
	size_t got = 0;

	while (got < sizeof(*ret)) {
		ssize_t bytes;

		if (control_await(n->fd, POLLIN, now_ms() + SLICE_MS) == -ETIME) {
			if (is_ending(n->control))
				return false;
			continue;
		}
		bytes = recv(n->fd, (char *)ret + got, sizeof(*ret) - got, 0);
		if (bytes < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (bytes <= 0)
			return false;
		got += (size_t)bytes;
	}
	return !is_ending(n->control);
}

/* buf: room for an answer and REMOTE_SECTORS_MAX sectors. */
static int answer_request(struct connection *n, const struct remote_request *request, uint8_t *buf,
			  int (*read)(struct disc *, uint32_t, void *, uint32_t))
{
	bool sound = request->n_sectors && request->n_sectors <= REMOTE_SECTORS_MAX;
	int r = sound ? read(n->control->options.disc, request->lba, buf + sizeof(struct remote_answer),
			     request->n_sectors) :
			-EINVAL;
	const struct remote_answer answer = {-r};

	memcpy(buf, &answer, sizeof(answer));
	return control_send(n, buf, sizeof(answer) + (r ? 0 : (size_t)request->n_sectors * SECTOR_BYTES));
}

static int send_greeting(struct connection *n)
{
	const struct control_options *o = &n->control->options;
	struct remote_greeting g = {.bytes = sizeof(g), .session_bytes = sizeof(struct disc_session)};
	_free_ struct disc_session *owned = NULL;
	const struct disc_session *sessions = NULL;
	size_t n_sessions = 0;
	int r = control_medium(o, &g.state, &sessions, &n_sessions, &owned);

	if (r)
		return r;
	memcpy(g.magic, REMOTE_MAGIC, sizeof(g.magic));
	g.state.name = g.state.why_not = NULL; /* places in memory are nobody's business */
	g.n_sessions = (uint32_t)n_sessions;
	g.identity = o->identity;
	r = control_send(n, &g, sizeof(g));
	return r || !n_sessions ? r : control_send(n, sessions, n_sessions * sizeof(*sessions));
}

/* Nothing that is in memory, where the disc can tell. */
static int read_from_medium(struct disc *d, uint32_t lba, void *buf, uint32_t n_sectors)
{
	int r = disc_read_medium(d, lba, buf, n_sectors);

	return r == -EOPNOTSUPP ? disc_read(d, lba, buf, n_sectors) : r;
}

static void pass(struct connection *n, int (*read)(struct disc *, uint32_t, void *, uint32_t))
{
	_free_ uint8_t *buf = malloc(sizeof(struct remote_answer) + (size_t)REMOTE_SECTORS_MAX * SECTOR_BYTES);
	struct remote_request request;
	int r = buf ? send_greeting(n) : -ENOMEM;

	if (r) {
		control_refuse(n, r, strerror(-r));
		return;
	}
	while (next_request(n, &request) && answer_request(n, &request, buf, read) == 0)
		;
}

void control_pass_disc(struct connection *n) { pass(n, disc_read); }

void control_pass_medium(struct connection *n) { pass(n, read_from_medium); }
