/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * remote.c - the client's side: a disc whose sectors the daemon reads
 */
#include "fs/control/remote.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "burner/base/bytes.h"
#include "burner/base/own.h"
#include "burner/base/time.h"
#include "fs/control/client.h"

#define SESSIONS_MAX 65536u
#define AGAIN_MS 200

struct remote {
	struct disc disc;
	struct client *client;
	int fd; /* the client's */
	const volatile sig_atomic_t *stop;
	struct disc_state state;
	struct disc_identity identity;
	struct disc_session *sessions;
	size_t n_sessions;
	pthread_mutex_t lock; /* a request and its answer */
};

static struct remote *remote_of(struct disc *d) { return (struct remote *)d; }

/* All of it. */
static int receive(const struct remote *m, void *buf, size_t bytes)
{
	uint8_t *to = buf;

	while (bytes) {
		ssize_t n = recv(m->fd, to, bytes, 0);

		if (n < 0 && errno == EINTR && m->stop && *m->stop)
			return -ECANCELED;
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -ENOTCONN;
		to += n;
		bytes -= (size_t)n;
	}
	return 0;
}

static int ask_locked(const struct remote *m, uint32_t lba, void *buf, uint32_t n_sectors)
{
	const struct remote_request request = {lba, n_sectors};
	struct remote_answer answer;
	int r;

	if (send(m->fd, &request, sizeof(request), MSG_NOSIGNAL) != (ssize_t)sizeof(request))
		return -ENOTCONN;
	r = receive(m, &answer, sizeof(answer));
	if (r || answer.error)
		return r ? r : answer.error > 0 ? -answer.error : -EPROTO;
	return receive(m, buf, (size_t)n_sectors * SECTOR_BYTES);
}

/* A burn is waited for. */
static int read_some(struct remote *m, uint32_t lba, void *buf, uint32_t n_sectors)
{
	int r;

	for (;;) {
		pthread_mutex_lock(&m->lock);
		r = ask_locked(m, lba, buf, n_sectors);
		pthread_mutex_unlock(&m->lock);
		if (r != -EAGAIN)
			return r;
		if (m->stop && *m->stop)
			return -ECANCELED;
		sleep_ms(AGAIN_MS);
	}
}

static int remote_read(struct disc *d, uint32_t lba, void *buf, uint32_t n_sectors)
{
	uint8_t *to = buf;
	int r = 0;

	for (uint32_t n; n_sectors && !r; lba += n, n_sectors -= n, to += (size_t)n * SECTOR_BYTES) {
		n = (uint32_t)min_u64(n_sectors, REMOTE_SECTORS_MAX);
		r = read_some(remote_of(d), lba, to, n);
	}
	return r;
}

static int remote_state(struct disc *d, struct disc_state *ret)
{
	*ret = remote_of(d)->state;
	return 0;
}

static int remote_sessions(struct disc *d, struct disc_session **ret, size_t *ret_n)
{
	const struct remote *m = remote_of(d);

	*ret = calloc(m->n_sessions + 1, sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	if (m->n_sessions)
		memcpy(*ret, m->sessions, m->n_sessions * sizeof(**ret));
	*ret_n = m->n_sessions;
	return 0;
}

static int remote_identity(struct disc *d, struct disc_identity *ret)
{
	*ret = remote_of(d)->identity;
	return 0;
}

static int remote_fingerprint(struct disc *d, struct disc_fingerprint *ret)
{
	(void)d, (void)ret;
	return -EOPNOTSUPP;
}

static void remote_close(struct disc *d)
{
	struct remote *m = remote_of(d);

	client_free(m->client);
	pthread_mutex_destroy(&m->lock);
	free(m->sessions);
	free(m);
}

static const struct disc_ops remote_ops = {
	.read = remote_read,
	.state = remote_state,
	.sessions = remote_sessions,
	.identity = remote_identity,
	.fingerprint = remote_fingerprint,
	.close = remote_close,
};

/* A daemon that does not know the request answers with a line. */
static int take_greeting(struct remote *m)
{
	struct remote_greeting g;
	int r = receive(m, &g, sizeof(g.magic));

	if (r)
		return r;
	if (memcmp(g.magic, REMOTE_MAGIC, sizeof(g.magic)) != 0)
		return -EPROTO;
	r = receive(m, (char *)&g + sizeof(g.magic), sizeof(g) - sizeof(g.magic));
	if (!r && (g.bytes != sizeof(g) || g.session_bytes != sizeof(*m->sessions) || g.n_sessions > SESSIONS_MAX))
		r = -EPROTO;
	if (r)
		return r;
	m->state = g.state;
	m->state.name = "recorder";
	m->state.why_not = "";
	m->identity = g.identity;
	m->n_sessions = g.n_sessions;
	m->sessions = calloc(m->n_sessions + 1, sizeof(*m->sessions));
	return m->sessions ? receive(m, m->sessions, m->n_sessions * sizeof(*m->sessions)) : -ENOMEM;
}

int remote_disc_open(const struct control_mount *mount, const volatile sig_atomic_t *stop, struct disc **ret)
{
	_cleanup_(disc_closep) struct disc *d = NULL;
	struct remote *m = calloc(1, sizeof(*m));
	int r;

	if (!m)
		return -ENOMEM;
	d = &m->disc;
	m->disc.ops = &remote_ops;
	m->stop = stop;
	pthread_mutex_init(&m->lock, NULL);
	r = client_open(mount, &m->client);
	if (!r)
		r = client_send(m->client, "disc");
	if (r)
		return r;
	m->fd = client_fd(m->client);
	r = take_greeting(m);
	if (!r)
		*ret = TAKE_PTR(d);
	return r;
}
