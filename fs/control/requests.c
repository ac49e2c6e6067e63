/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * requests.c - the requests of include/cdappendfs/control.h
 *
 * Each line of a reply is built in memory and sent whole; nothing is sent while the tree is locked.  A request of the
 * commit is waited for in slices, with a progress line after each; when its client is gone the request is forgotten,
 * unless the commit has begun. A `struct waiting` has two holders: the connection, and the commit until it called
 * back or forgot it.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "burner/base/time.h"
#include "burner/base/bytes.h"
#include "burner/base/json.h"
#include "burner/base/lock.h"
#include "burner/base/own.h"
#include "fs/control/progress.h"
#include "fs/control/report.h"
#include "fs/control/internal.h"

#define PROGRESS_MS 200

/* ---- lines ---- */

/* A reader may be slow, but not so slow as to be none. */
int control_send(struct connection *n, const void *from, size_t length)
{
	const char *bytes = from;
	int64_t until = now_ms() + CONTROL_IO_MS;
	size_t since = 0;

	while (length) {
		ssize_t sent = send(n->fd, bytes, length, MSG_NOSIGNAL);
		if (sent < 0 && (errno == EINTR || (errno == EAGAIN && control_await(n->fd, POLLOUT, until) == 0)))
			continue;
		if (sent <= 0)
			return -EPIPE;
		bytes += sent;
		length -= (size_t)sent;
		since += (size_t)sent;
		if (since >= CONTROL_IO_BYTES) {
			until = now_ms() + CONTROL_IO_MS;
			since = 0;
		}
	}
	return 0;
}

int control_line_open(struct line *l)
{
	*l = (struct line){0};
	l->json.out = open_memstream(&l->bytes, &l->length);
	return l->json.out ? 0 : -ENOMEM;
}

static int line_begin(struct line *l, const char *type)
{
	if (control_line_open(l) < 0)
		return -ENOMEM;
	json_open(&l->json, NULL, '{');
	json_string(&l->json, "type", type);
	return 0;
}

int control_line_send(struct line *l, struct connection *n)
{
	int r = fclose(l->json.out) == 0 ? control_send(n, l->bytes, l->length) : -ENOMEM;

	free(l->bytes);
	return r;
}

static int line_send(struct line *l, struct connection *n)
{
	json_close(&l->json, '}');
	json_end_line(&l->json);
	return control_line_send(l, n);
}

int control_send_result(struct connection *n, const struct commit_result *result)
{
	struct line l;

	if (line_begin(&l, "result") < 0)
		return -ENOMEM;
	json_u64(&l.json, "error", (uint64_t) - (int64_t)result->error);
	json_string(&l.json, "message",
		    result->message[0] || !result->error ? result->message : strerror(-result->error));
	json_bool(&l.json, "burned", result->burned);
	json_u64(&l.json, "append_bytes", result->cost.append_sectors * SECTOR_BYTES);
	json_u64(&l.json, "data_bytes", result->cost.data_sectors * SECTOR_BYTES);
	json_u64(&l.json, "parity_bytes", result->cost.parity_sectors * SECTOR_BYTES);
	json_u64(&l.json, "shared_bytes", result->cost.shared_sectors * SECTOR_BYTES);
	json_u64(&l.json, "found_bytes", result->found_bytes);
	json_u64(&l.json, "tree_bytes", result->cost.tree_sectors * SECTOR_BYTES);
	json_u64_or_null(&l.json, "files_in_pieces", result->cost.files_in_pieces, PIECES_UNKNOWN);
	json_u64(&l.json, "names_changed", result->cost.names_changed);
	json_u64(&l.json, "names_closed", result->cost.names_closed);
	json_u64(&l.json, "attributes_lost", result->attributes_lost);
	json_u64(&l.json, "older_bytes", result->cost.older_sectors * SECTOR_BYTES);
	json_u64(&l.json, "older_sessions", result->older_sessions);
	json_u64(&l.json, "unproven_bytes", result->unproven_sectors * SECTOR_BYTES);
	json_u64(&l.json, "left_out_bytes", result->left_out_sectors * SECTOR_BYTES);
	json_bool(&l.json, "older_more", result->older_more);
	json_u64(&l.json, "adopted_bytes", result->adopted_sectors * SECTOR_BYTES);
	json_u64(&l.json, "adopted_sessions", result->adopted_sessions);
	json_u64(&l.json, "unread_bytes", result->unread_sectors * SECTOR_BYTES);
	json_bool(&l.json, "adopted_more", result->adopted_more);
	json_u64(&l.json, "made", result->made);
	json_u64(&l.json, "changed", result->changed);
	json_u64(&l.json, "renamed", result->renamed);
	json_u64(&l.json, "removed", result->removed);
	json_u64(&l.json, "held_bytes", result->held_bytes);
	json_u64(&l.json, "set", result->set.id);
	json_u64(&l.json, "disc", result->set.disc);
	json_u64(&l.json, "discs", result->set_discs);
	json_u64(&l.json, "overhead_bytes", result->forecast.overhead_sectors * SECTOR_BYTES);
	json_u64_or_null(&l.json, "more_sessions",
			 result->cost.append_sectors ? result->forecast.more_sessions : SESSIONS_NO_BOUND,
			 SESSIONS_NO_BOUND);
	json_bool(&l.json, "fits", result->fits);
	json_u64(&l.json, "session", result->session);
	return line_send(&l, n);
}

void control_refuse(struct connection *n, int error, const char *message)
{
	struct commit_result result = {.error = error};

	snprintf(result.message, sizeof(result.message), "%s", message);
	control_send_result(n, &result);
}

void control_burning(const struct commit_status *status, struct burning *ret)
{
	*ret = (struct burning){
		.done_bytes = status->done_sectors * SECTOR_BYTES,
		.all_bytes = status->all_sectors * SECTOR_BYTES,
	};
	snprintf(ret->phase, sizeof(ret->phase), "%s", commit_phase_name(status->phase));
	burning_measure(ret, now_ms() - status->began_ms);
}

static int send_progress(struct connection *n, const struct commit_status *status)
{
	struct burning burning;
	struct line l;

	if (line_begin(&l, "progress") < 0)
		return -ENOMEM;
	control_burning(status, &burning);
	burning_json(&l.json, &burning);
	json_u64(&l.json, "done", burning.done_bytes); /* their names before 0.3 */
	json_u64(&l.json, "all", burning.all_bytes);
	return line_send(&l, n);
}

/* ---- waiting ---- */

static bool client_gone(struct connection *n)
{
	struct pollfd fd = {.fd = n->fd};

	return poll(&fd, 1, 0) > 0 && (fd.revents & (POLLHUP | POLLERR | POLLNVAL));
}

/* A slice later, or when it was signalled. */
static void wait_slice_locked(pthread_cond_t *changed, pthread_mutex_t *lock)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += PROGRESS_MS * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000L;
	until.tv_nsec %= 1000000000L;
	pthread_cond_timedwait(changed, lock, &until);
}

/* What happened in a slice, told to the client. -EPIPE: nobody is there. */
static int tell_progress(struct connection *n)
{
	struct commit_status status;

	if (client_gone(n))
		return -EPIPE;
	commit_status(n->control->options.commit, &status);
	return status.phase == COMMIT_IDLE ? 0 : send_progress(n, &status);
}

struct waiting {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned holders;
	bool done;
	struct commit_result result;
};

static int waiting_new(struct waiting **ret)
{
	struct waiting *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->holders = 2;
	pthread_mutex_init(&w->lock, NULL);
	lock_condition_init(&w->changed);
	*ret = w;
	return 0;
}

static void waiting_drop(struct waiting *w, unsigned holders)
{
	pthread_mutex_lock(&w->lock);
	w->holders -= holders;
	bool last = w->holders == 0;
	pthread_mutex_unlock(&w->lock);
	if (!last)
		return;
	pthread_cond_destroy(&w->changed);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

static void waiting_done(void *arg, const struct commit_result *result)
{
	struct waiting *w = arg;

	pthread_mutex_lock(&w->lock);
	w->result = *result;
	w->done = true;
	pthread_cond_signal(&w->changed);
	pthread_mutex_unlock(&w->lock);
	waiting_drop(w, 1);
}

/* False: the client went away. */
static bool wait_for(struct connection *n, struct waiting *w)
{
	bool done;

	do {
		pthread_mutex_lock(&w->lock);
		if (!w->done)
			wait_slice_locked(&w->changed, &w->lock);
		done = w->done;
		pthread_mutex_unlock(&w->lock);
		if (!done && tell_progress(n) < 0)
			return false;
	} while (!done);
	return true;
}

int control_reply_commit(struct connection *n, const struct commit_request_options *o)
{
	struct commit *commit = n->control->options.commit;
	struct waiting *w;
	int r;

	if (!commit) {
		control_refuse(n, -EROFS, "the disc is mounted read-only");
		return -EROFS;
	}
	r = waiting_new(&w);
	if (r < 0) {
		control_refuse(n, r, strerror(-r));
		return r;
	}
	r = commit_request(commit, o, waiting_done, w);
	if (r < 0) {
		control_refuse(n, r, strerror(-r));
		waiting_drop(w, 2);
	} else if (wait_for(n, w)) {
		control_send_result(n, &w->result);
		waiting_drop(w, 1);
	} else {
		waiting_drop(w, commit_forget(commit, w) ? 2 : 1);
	}
	return r;
}

/* ---- requests ---- */

int control_medium(const struct control_options *o, struct disc_state *ret_state,
		   const struct disc_session **ret_sessions, size_t *ret_n, struct disc_session **ret_owned)
{
	int r;

	if (o->commit) {
		r = commit_disc_info(o->commit, ret_state, ret_owned, ret_n);
		if (!r)
			*ret_sessions = *ret_owned;
		return r;
	}
	*ret_state = o->state;
	*ret_sessions = o->sessions;
	*ret_n = o->n_sessions;
	return 0;
}

static void reply_info(struct connection *n)
{
	const struct control_options *o = &n->control->options;
	_free_ struct disc_session *owned = NULL;
	const struct disc_session *sessions = NULL;
	struct commit_status status;
	struct report_info info;
	struct disc_state state;
	struct statvfs df;
	size_t n_sessions;
	struct line l;
	int r = control_medium(o, &state, &sessions, &n_sessions, &owned);

	if (r < 0 || (r = control_line_open(&l)) < 0) {
		control_refuse(n, r, strerror(-r));
		return;
	}
	report_info_init(&info, &state, sessions, n_sessions);
	info.disc = o->disc_path;
	pthread_mutex_lock(&n->control->lock);
	info.mountpoint = n->control->deaf ? NULL : o->mountpoint; /* it ends, and burns */
	pthread_mutex_unlock(&n->control->lock);
	info.staging = o->staging;
	info.device = n->control->device;
	if (o->tree && !state.capacity_sectors && tree_statfs(o->tree, &df) == 0) /* the same as df says */
		info.capacity_bytes = (uint64_t)df.f_blocks * df.f_frsize;
	if (o->commit) {
		tree_space(o->tree, &info.staged_bytes, &info.free_bytes);
		info.has_stage = true;
		info.staging_free_bytes = tree_stage_room(o->tree);
		commit_status(o->commit, &status);
		control_burning(&status, &info.burning);
		info.commit = commit_policy(o->commit, &info.next_commit);
	}
	report_info_json(l.json.out, &info, "info");
	if (control_line_send(&l, n) == 0)
		control_send_result(n, &(struct commit_result){.error = 0});
}

int control_take_paths(const char *object, char *paths[CONTROL_PATHS_MAX], size_t *ret_n)
{
	_free_ char *path = malloc(CONTROL_REQUEST_MAX);
	char key[16];
	size_t n = 0;
	int r = path ? 0 : -ENOMEM;

	while (r == 0 && n < CONTROL_PATHS_MAX) {
		snprintf(key, sizeof(key), "%zu", n + 1);
		if (json_get_string(object, key, path, CONTROL_REQUEST_MAX) < 0)
			break;
		paths[n] = strdup(path);
		r = !paths[n] ? -ENOMEM : path[0] ? 0 : -EINVAL;
		n += paths[n] != NULL;
	}
	*ret_n = n;
	return r ? r : n ? 0 : -EINVAL;
}

/* discard {"1":"…","2":"…"} */
static void reply_discard_paths(struct connection *n, const char *object)
{
	_free_ char *why = NULL;
	char *paths[CONTROL_PATHS_MAX];
	size_t n_paths;
	struct line l = {0};
	int r = n->control->options.commit ? control_take_paths(object, paths, &n_paths) : -EROFS;

	if (r == -EROFS) {
		control_refuse(n, r, "the disc is mounted read-only");
		return;
	}
	if (r == 0)
		r = control_line_open(&l);
	if (r == 0)
		r = commit_discard_paths(n->control->options.commit, (const char *const *)paths, n_paths,
					 control_emit_dropped, &l.json, &why);
	for (size_t i = 0; i < n_paths; i++)
		free(paths[i]);
	if (l.json.out && control_line_send(&l, n) < 0)
		return;
	if (r < 0)
		control_refuse(n, r, why ? why : strerror(-r));
	else
		control_send_result(n, &(struct commit_result){.fits = true, .cost.files_in_pieces = PIECES_UNKNOWN});
}

static void reply_status(struct connection *n)
{
	struct commit_status status = {.phase = COMMIT_IDLE};

	if (n->control->options.commit)
		commit_status(n->control->options.commit, &status);
	if (status.phase == COMMIT_IDLE)
		control_send_result(n, &(struct commit_result){.error = 0});
	else
		send_progress(n, &status);
}

/* Until the mount has ended. */
static void reply_wait(struct connection *n)
{
	struct control *c = n->control;
	struct commit_result result;
	bool finished;

	/* Says that it is heard: from here on the end of the mount will be told. */
	if (send_progress(n, &(struct commit_status){.phase = COMMIT_IDLE}) < 0)
		return;
	do {
		pthread_mutex_lock(&c->lock);
		if (!c->finished)
			wait_slice_locked(&c->changed, &c->lock);
		finished = c->finished;
		result = c->result;
		pthread_mutex_unlock(&c->lock);
		if (!finished && (c->options.commit ? tell_progress(n) < 0 : client_gone(n)))
			return;
	} while (!finished);
	control_send_result(n, &result);
}

/* Is a commit under way, or will be at once, since the mount has ended and its last commit has not? */
static bool busy(struct control *c, uint64_t *ret_n, struct commit_result *ret_last)
{
	bool is_busy = commit_busy(c->options.commit, ret_n, ret_last);

	pthread_mutex_lock(&c->lock);
	if (c->finished)
		*ret_last = c->result;
	else if (c->deaf)
		is_busy = true;
	pthread_mutex_unlock(&c->lock);
	return is_busy;
}

/* Until nothing is under way or waits: what the last commit ended with. */
static void await_idle(struct connection *n)
{
	struct control *c = n->control;
	struct commit_result last;
	uint64_t before, after;

	if (!busy(c, &before, &last)) {
		control_send_result(n, &(struct commit_result){.message = "idle", .fits = true});
		return;
	}
	do {
		pthread_mutex_lock(&c->lock);
		if (!c->finished)
			wait_slice_locked(&c->changed, &c->lock);
		pthread_mutex_unlock(&c->lock);
		if (tell_progress(n) < 0)
			return;
	} while (busy(c, &after, &last));
	if (after == before && !c->deaf)
		snprintf(last.message, sizeof(last.message), "idle"); /* what it was did not burn: a dry run */
	control_send_result(n, &last);
}

static void reply_await(struct connection *n)
{
	if (n->control->options.commit)
		await_idle(n);
	else
		control_send_result(n, &(struct commit_result){.message = "idle", .fits = true});
}

static void reply_cancel(struct connection *n)
{
	if (n->control->options.commit)
		commit_cancel(n->control->options.commit);
	reply_await(n);
}

void control_reply(struct connection *n, const char *line)
{
	static const struct {
		const char *request;
		void (*reply)(struct connection *);
	} others[] = {
		{"info", reply_info},
		{"changes", control_list_changes},
		{"names", control_list_names},
		{"pieces", control_list_pieces},
		{"status", reply_status},
		{"wait", reply_wait},
		{"await", reply_await},
		{"cancel", reply_cancel},
		{"disc", control_pass_disc},
		{"disc medium", control_pass_medium},
		{"span", control_list_span},
		{"span split", control_list_span_split},
		{"options", control_list_options},
	};

	if (strncmp(line, "discard {", 9) == 0) {
		reply_discard_paths(n, line + 8);
		return;
	}
	if (strncmp(line, "revert {", 8) == 0) {
		control_revert(n, line + 7);
		return;
	}
	if (control_reply_to_commits(n, line))
		return;
	for (size_t i = 0; i < ARRAY_LENGTH(others); i++)
		if (strcmp(line, others[i].request) == 0) {
			others[i].reply(n);
			return;
		}
	control_refuse(n, -EINVAL, "unknown request");
}
