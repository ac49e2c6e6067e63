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
	const volatile sig_atomic_t *stop;
	struct disc_state state;
	struct disc_identity identity;
	struct disc_session *sessions;
	size_t n_sessions;
	pthread_mutex_t lock; /* a request and its answer */
};

static struct remote *remote_of(struct disc *d) { return (struct remote *)d; }

/* Whatever ends the conversation: the daemon has gone, or we were told to stop. */
static int of_client(int r) { return r == -EINTR ? -ECANCELED : r == -EPIPE ? -ENOTCONN : r; }

static int receive(struct remote *m, void *buf, size_t bytes) { return of_client(client_take(m->client, buf, bytes)); }

static int ask_locked(struct remote *m, uint32_t lba, void *buf, uint32_t n_sectors)
{
	const struct remote_request request = {lba, n_sectors};
	struct remote_answer answer = {.error = 0};
	int r = of_client(client_put(m->client, &request, sizeof(request)));

	if (!r)
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

/* A daemon that does not know the request says so in a line, as one that refuses it says why. */
static int take_refusal(struct remote *m, char **ret_why)
{
	struct client_result result;
	int r = of_client(client_finish(m->client, NULL, &result));

	if (r)
		return r;
	if (!result.error || result.error == EINVAL)
		return -EPROTO;
	*ret_why = result.message[0] ? strdup(result.message) : NULL;
	return -result.error;
}

static int take_greeting(struct remote *m, char **ret_why)
{
	struct remote_greeting g;
	char first = 0;
	int r = of_client(client_peek(m->client, &first));

	if (!r && first == '{')
		return take_refusal(m, ret_why);
	if (!r)
		r = receive(m, &g, sizeof(g.magic));
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

int remote_disc_open(const struct control_mount *mount, const struct remote_options *options, struct disc **ret,
		     char **ret_why)
{
	_cleanup_(disc_closep) struct disc *d = NULL;
	struct remote *m = calloc(1, sizeof(*m));
	int r;

	if (!m)
		return -ENOMEM;
	d = &m->disc;
	m->disc.ops = &remote_ops;
	m->stop = options->stop;
	pthread_mutex_init(&m->lock, NULL);
	*ret_why = NULL;
	r = client_open(mount, &m->client);
	if (r)
		return r;
	client_stop_by(m->client, options->stop);
	r = of_client(client_send(m->client, options->from_medium ? "disc medium" : "disc"));
	if (!r)
		r = take_greeting(m, ret_why);
	if (!r)
		*ret = TAKE_PTR(d);
	return r;
}
